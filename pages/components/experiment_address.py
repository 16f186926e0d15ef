"""Where the Experiments page stands is in its address: nothing, a new one, or the number of one."""

import streamlit as st

FILE = "experiments.py"
OPEN = "experiment"
NEW = "new"


def opened() -> int | None:
    """The experiment that the address names; None for the list and the form."""
    named = st.query_params.get(OPEN, "")
    return int(named) if named.isascii() and named.isdigit() and len(named) < 19 else None


def go_to(place: int | str | None) -> None:
    """Let the next run show this experiment, the form (NEW), or the list."""
    if place is None:
        st.query_params.pop(OPEN, None)
    else:
        st.query_params[OPEN] = str(place)


def back_to_list() -> None:
    st.button(
        "All experiments", key="experiments_back", type="tertiary", icon=":material/arrow_back:",
        on_click=go_to, args=(None,),
    )  # fmt: skip
