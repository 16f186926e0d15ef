"""Where the Experiments page stands is in its address: nothing, a new one, or one by its number."""

import streamlit as st

FILE = "experiments/page.py"
OPEN = "experiment"
NEW = "new"
IMPORT = "import"
PANEL = "panel"
BASELINE = "base"


def opened() -> int | None:
    """The experiment that the address names; None for the list and the form."""
    return _number(OPEN)


def opened_import() -> int | None:
    """The imported experiment that the address names."""
    return _number(IMPORT)


def asked_baseline() -> int | None:
    """The baseline of the grid that the address names."""
    return _number(BASELINE)


def _number(name: str) -> int | None:
    named = st.query_params.get(name, "")
    return int(named) if named.isascii() and named.isdigit() and len(named) < 19 else None


def go_to(place: int | str | None) -> None:
    """Let the next run show this experiment, the form (NEW), or the list."""
    if place is None:
        for name in (OPEN, IMPORT, PANEL):
            st.query_params.pop(name, None)
    else:
        st.query_params[OPEN] = str(place)


def go_to_import(number: int) -> None:
    """Let the next run show this imported experiment."""
    go_to(None)
    st.query_params[IMPORT] = str(number)


def back_to_list() -> None:
    st.button(
        "All experiments",
        key="experiments_back",
        type="tertiary",
        icon=":material/arrow_back:",
        on_click=go_to,
        args=(None,),
    )
