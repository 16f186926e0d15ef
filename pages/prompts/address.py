"""The address of the Prompts page: which prompt, which version, compared with which, or which list."""

import dataclasses

import streamlit as st

PROMPT, VERSION, COMPARE, VIEW = "prompt", "version", "compare", "view"
VIEWS = {"prompts": "Prompts", "snippets": "Snippets", "promotion": "Promotion"}


@dataclasses.dataclass(frozen=True)
class Address:
    """What the address names; None where it names nothing that could be a number of ours."""

    prompt: int | None
    version: int | None
    compare: int | None


def at() -> Address:
    """Where the page is."""
    return Address(_number(PROMPT), _number(VERSION), _number(COMPARE))


def go(*, prompt: int | None = None, version: int | None = None, compare: int | None = None) -> None:
    """Be somewhere else at the next run; without a prompt and version it is the list."""
    for name, number in ((PROMPT, prompt), (VERSION, version), (COMPARE, compare)):
        if number is None:
            st.query_params.pop(name, None)
        else:
            st.query_params[name] = str(number)


def chosen_view() -> str:
    """The list that the address names."""
    named = st.query_params.get(VIEW, "")
    return named if named in VIEWS else next(iter(VIEWS))


def remember_view() -> None:
    st.query_params[VIEW] = st.session_state["prompts_view"]


def _number(name: str) -> int | None:
    text = st.query_params.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None
