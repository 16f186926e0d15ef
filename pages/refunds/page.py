"""Refunds: what people have to decide, with all evidence on one screen; decided cases; decisions on many."""

from pathlib import Path

import streamlit as st

from pages.refunds.bulk import batches_view, running_batches
from pages.refunds.console import console
from pages.refunds.decided import decided_list
from pages.refunds.double import double_view
from pages.refunds.filters import filter_now
from pages.refunds.place import open_case
from pages.refunds.shown import shown_case
from pages.shared.clock import zone
from pages.shared.start import operator_errors, start_page

VIEWS = {
    "queue": "To decide",
    "second": "Second person",
    "decided": "Decided",
    "double": "Second look",
    "batches": "Batches",
}
VIEW = "view"


def remember_view() -> None:
    """Another view begins with its own first case."""
    st.query_params[VIEW] = st.session_state["refunds_view"]
    open_case(None)


desk = start_page("Refunds")
st.html(Path(__file__).parent / "style.css")
with operator_errors():
    view = st.query_params.get(VIEW, "queue")
    chosen = st.segmented_control(
        "View",
        list(VIEWS),
        default=view if view in VIEWS else "queue",
        key="refunds_view",
        required=True,
        format_func=VIEWS.__getitem__,
        label_visibility="collapsed",
        on_change=remember_view,
    )
    running_batches(desk)
    match chosen:
        case "decided":
            left, right = st.columns([1, 2.6], gap="medium")
            with left:
                decided_list(desk, zone())
            with right:
                shown_case(desk, zone())
        case "double":
            double_view(desk, zone())
        case "batches":
            batches_view(desk, zone())
        case _:
            console(desk, filter_now(second=chosen == "second"), zone())
