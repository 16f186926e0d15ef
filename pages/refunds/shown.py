"""A case beside the list of decided ones: its evidence, and what can still be done about it."""

from datetime import tzinfo

import streamlit as st

from pages.refunds.console import read_case
from pages.refunds.decided import decided_panel
from pages.refunds.evidence import show_evidence
from pages.refunds.place import current, told
from pages.shared.start import Desk, plain


def shown_case(desk: Desk, zone: tzinfo) -> None:
    """The case that the address names."""
    number = current()
    case = read_case(desk, number) if number is not None else None
    if problem := told():
        st.error(plain(problem), icon=":material/sync_problem:")
    if case is None:
        st.caption("Choose a case on the left.")
        return
    evidence, panel = st.columns([1.7, 1], gap="medium")
    with evidence:
        show_evidence(case, zone)
    with panel, st.container(border=True, key="refunds_decision"):
        if case.open:
            st.markdown("This case is open: it is decided under “To decide”.")
        else:
            decided_panel(desk, case, zone)
