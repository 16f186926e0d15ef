"""The way in: who is at the desk, the banner of the sandbox, and the navigation. Every address runs this."""

from pathlib import Path

import streamlit as st

from pages.shared.signin import sign_in
from pages.shared.start import services_or_wait

SIDEBAR_PIXELS = 224

st.set_page_config(page_title="Inkdesk", page_icon="🖋️", layout="wide", initial_sidebar_state=SIDEBAR_PIXELS)

st.html(Path(__file__).parent / "shared" / "style.css")
services = services_or_wait()
sign_in(services)
if services.settings.sandboxed:
    st.markdown(
        ":orange-badge[:material/science: Sandbox] :small[The practice provider draws; nothing is paid.]"
    )
overview = st.Page("overview/page.py", title="Overview", icon=":material/monitoring:", url_path="overview")


def start() -> None:
    """The bare address leads to the overview."""
    st.switch_page(overview)


pages = {
    "": [
        st.Page(start, title="Inkdesk", default=True, visibility="hidden"),
        overview,
    ],
    "Draw": [
        st.Page("generate/page.py", title="Generate", icon=":material/draw:", url_path="generate"),
        st.Page(
            "generations/page.py", title="Generations", icon=":material/view_list:", url_path="generations"
        ),
    ],
    "Tune": [
        st.Page("prompts/page.py", title="Prompts", icon=":material/edit_note:", url_path="prompts"),
        st.Page("testsets/page.py", title="Test sets", icon=":material/groups:", url_path="test-sets"),
        st.Page(
            "experiments/page.py", title="Experiments", icon=":material/science:", url_path="experiments"
        ),
        st.Page("votes/page.py", title="Votes", icon=":material/how_to_vote:", url_path="votes"),
    ],
    "Credits": [
        st.Page("refunds/page.py", title="Refunds", icon=":material/balance:", url_path="refunds"),
        st.Page(
            "refund_reports/page.py",
            title="Refund reports",
            icon=":material/bar_chart:",
            url_path="refund-reports",
        ),
        st.Page("policy/page.py", title="Refund policy", icon=":material/rule:", url_path="policy"),
        st.Page("ledger/page.py", title="Ledger", icon=":material/account_balance:", url_path="ledger"),
    ],
    "Run": [
        st.Page("errors/page.py", title="Errors", icon=":material/error:", url_path="errors"),
        st.Page("alerts/page.py", title="Alerts", icon=":material/notifications:", url_path="alerts"),
        st.Page("health/page.py", title="Health", icon=":material/cardiology:", url_path="health"),
    ],
}
st.navigation(pages, expanded=True).run()
