"""Links from one page to another."""

import streamlit as st
from streamlit.errors import StreamlitPageNotFoundError


def page_link(file: str, label: str, *, icon: str | None = None, **query: str) -> None:
    """A link to the page in `file`, as `generate.py`; a page that runs alone knows no others: the label."""
    try:
        st.page_link(file, label=label, icon=icon, query_params=query or None)
    except StreamlitPageNotFoundError:
        st.markdown(label)
