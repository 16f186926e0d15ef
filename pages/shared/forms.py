"""One filled-in form is one write: each form carries a key that is made once and renewed after success."""

from uuid import uuid4

import streamlit as st


def form_key(name: str) -> str:
    """The key of the form that is being filled in. Widgets bear it too: a late second click finds none."""
    key: str = st.session_state.setdefault(_slot(name), uuid4().hex)
    return key


def renew_form(name: str) -> None:
    """The form was sent: the next one is another."""
    st.session_state[_slot(name)] = uuid4().hex


def is_new_form(name: str) -> bool:
    """Whether nobody asked for this form's key yet: the first run after the page was loaded."""
    return _slot(name) not in st.session_state


def adopt_form(name: str, key: str) -> None:
    """Go on with a form that has its key already."""
    st.session_state[_slot(name)] = key


def _slot(name: str) -> str:
    return f"{name}_form_key"
