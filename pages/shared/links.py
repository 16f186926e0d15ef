"""Links from one page to another."""

from collections.abc import Mapping

import streamlit as st
from streamlit.errors import StreamlitPageNotFoundError


def page_link(file: str, label: str, *, icon: str | None = None, **query: str | list[str]) -> None:
    """A link to the page in `file`, as `generate.py`; a page that runs alone knows no others: the label."""
    try:
        st.page_link(file, label=label, icon=icon, query_params=query or None)
    except StreamlitPageNotFoundError:
        st.markdown(label)


def go_to_page(file: str, label: str, query: Mapping[str, str | list[str]]) -> None:
    """Open another page at once; where no other is known, the label."""
    try:
        st.switch_page(file, query_params=dict(query))
    except StreamlitPageNotFoundError:
        st.markdown(label)
