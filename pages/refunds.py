"""Refunds: what people have to decide, with all evidence on one screen; decided cases; decisions on many."""

from pathlib import Path

import streamlit as st

from pages.components.clock import zone
from pages.components.refund_bulk import batches_view, running_batches
from pages.components.refund_console import console
from pages.components.refund_decided import decided_list
from pages.components.refund_double import double_view
from pages.components.refund_filters import filter_now
from pages.components.refund_place import open_case
from pages.components.refund_shown import shown_case
from pages.components.start import operator_errors, start_page

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
st.html(Path(__file__).parent / "components" / "refunds.css")
with operator_errors():
    view = st.query_params.get(VIEW, "queue")
    chosen = st.segmented_control(
        "View", list(VIEWS), default=view if view in VIEWS else "queue", key="refunds_view", required=True,
        format_func=VIEWS.__getitem__, label_visibility="collapsed", on_change=remember_view,
    )  # fmt: skip
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
