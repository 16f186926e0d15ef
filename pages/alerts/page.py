"""What fires now and what is done about it; past alerts, rules, silences, and where notifications go."""

import streamlit as st

from core.alerts.views import board
from pages.alerts.cards import firing
from pages.alerts.channels import channel_view
from pages.alerts.history import past, show_alert
from pages.alerts.rules import rules_view
from pages.alerts.silences import silences_view
from pages.alerts.words import ALERT, VIEWS, remember_view, view
from pages.shared.clock import zone
from pages.shared.start import Desk, operator_errors, start_page

LIVE = "4s"


@st.fragment(run_every=LIVE)
def look(desk: Desk) -> None:
    """One look at everything that is open; the next follows by itself."""
    with operator_errors():
        with desk.services.database.transaction() as session:
            seen = board(session)
        firing(desk, seen, zone())


desk = start_page("Alerts")
with operator_errors():
    opened = st.query_params.get(ALERT, "")
    if opened.isdecimal() and len(opened) < 19:
        show_alert(desk, int(opened), zone())
    else:
        chosen = view()
        st.segmented_control(
            "View",
            VIEWS,
            default=chosen,
            key="alerts_view",
            format_func=VIEWS.__getitem__,
            required=True,
            label_visibility="collapsed",
            on_change=remember_view,
        )
        match chosen:
            case "history":
                past(desk, zone())
            case "rules":
                rules_view(desk, zone())
            case "silences":
                silences_view(desk, zone())
            case "channels":
                channel_view(desk, zone())
            case _:
                look(desk)
