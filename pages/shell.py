"""The way in: who is at the desk, the banner of the sandbox, and the navigation. Every address runs this."""

from pathlib import Path

import streamlit as st

from pages.components.signin import sign_in
from pages.components.start import services_or_wait

SIDEBAR_PIXELS = 224

st.set_page_config(page_title="Inkdesk", page_icon="🖋️", layout="wide", initial_sidebar_state=SIDEBAR_PIXELS)

st.html(Path(__file__).parent / "components" / "style.css")
services = services_or_wait()
sign_in(services)
if services.settings.sandboxed:
    st.markdown(
        ":orange-badge[:material/science: Sandbox] :small[The practice provider draws; nothing is paid.]"
    )
overview = st.Page("overview.py", title="Overview", icon=":material/monitoring:", url_path="overview")


def start() -> None:
    """The bare address leads to the overview."""
    st.switch_page(overview)


pages = {
    "": [
        st.Page(start, title="Inkdesk", default=True, visibility="hidden"),
        overview,
    ],
    "Draw": [
        st.Page("generate.py", title="Generate", icon=":material/draw:", url_path="generate"),
        st.Page("generations.py", title="Generations", icon=":material/view_list:", url_path="generations"),
    ],
    "Tune": [
        st.Page("prompts.py", title="Prompts", icon=":material/edit_note:", url_path="prompts"),
        st.Page("testsets.py", title="Test sets", icon=":material/groups:", url_path="test-sets"),
        st.Page("experiments.py", title="Experiments", icon=":material/science:", url_path="experiments"),
        st.Page("votes.py", title="Votes", icon=":material/how_to_vote:", url_path="votes"),
    ],
    "Credits": [
        st.Page("refunds.py", title="Refunds", icon=":material/balance:", url_path="refunds"),
        st.Page(
            "refund_reports.py",
            title="Refund reports",
            icon=":material/bar_chart:",
            url_path="refund-reports",
        ),
        st.Page("policy.py", title="Refund policy", icon=":material/rule:", url_path="policy"),
        st.Page("ledger.py", title="Ledger", icon=":material/account_balance:", url_path="ledger"),
    ],
    "Run": [
        st.Page("errors.py", title="Errors", icon=":material/error:", url_path="errors"),
        st.Page("alerts.py", title="Alerts", icon=":material/notifications:", url_path="alerts"),
        st.Page("health.py", title="Health", icon=":material/cardiology:", url_path="health"),
    ],
}
st.navigation(pages, expanded=True).run()
