"""What can be opened beneath an experiment's progress: its figures, its images by fault, and sharing it."""

import streamlit as st

from pages.experiments.address import PANEL
from pages.experiments.faults import experiment_faults
from pages.experiments.figures import experiment_figures
from pages.experiments.share import experiment_share
from pages.shared.start import Desk, operator_errors

PANELS = {
    "figures": ":material/payments: Figures",
    "faults": ":material/filter_alt: Images by fault",
    "share": ":material/ios_share: Share",
}


@st.fragment
def experiment_panels(desk: Desk, number: int) -> None:
    """One panel at a time, only read once it is opened; which one is in the address."""
    asked = st.query_params.get(PANEL)
    chosen = st.segmented_control(
        "Look closer",
        PANELS,
        default=asked if asked in PANELS else None,
        key="experiments_panel",
        format_func=PANELS.__getitem__,
        label_visibility="collapsed",
        on_change=_remember,
    )
    if chosen is None:
        return
    with st.container(border=True), operator_errors():
        if chosen == "figures":
            experiment_figures(desk, number)
        elif chosen == "faults":
            experiment_faults(desk, number)
        else:
            experiment_share(desk, number)


def _remember() -> None:
    if chosen := st.session_state["experiments_panel"]:
        st.query_params[PANEL] = chosen
    else:
        st.query_params.pop(PANEL, None)
