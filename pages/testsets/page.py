"""Selfie test sets: who agreed to be in the tests, and the sets that prompts are compared on."""

import streamlit as st

from core.testsets.people import people
from core.testsets.sets import list_sets
from pages.shared.start import operator_errors, start_page
from pages.testsets.editor import sets_view
from pages.testsets.people import people_view

VIEWS = {"sets": "Sets", "people": "People"}
VIEW = "view"


def remember() -> None:
    """The view is in the address."""
    st.query_params[VIEW] = st.session_state["test_sets_view"]


desk = start_page("Test sets")
with operator_errors():
    asked = st.query_params.get(VIEW, "sets")
    chosen = st.segmented_control(
        "View",
        VIEWS,
        default=asked if asked in VIEWS else "sets",
        key="test_sets_view",
        format_func=VIEWS.__getitem__,
        required=True,
        label_visibility="collapsed",
        on_change=remember,
    )
    with desk.services.database.transaction() as session:
        everybody = people(session)
        found = list_sets(session)
    if chosen == "people":
        people_view(desk, everybody)
    else:
        sets_view(desk, found, everybody)
