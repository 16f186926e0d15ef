"""What is to be drawn: the template, and what fills it."""

import dataclasses
from collections.abc import Mapping

import streamlit as st

from core.errors import InvalidInput
from core.prompts.rendering import LONGEST_TEMPLATE, VARIABLES, render, variables_in
from core.prompts.starter import STARTER_TEMPLATE
from pages.components.start import plain

TEMPLATE = "generate_template"


@dataclasses.dataclass(frozen=True)
class Draft:
    """A filled-in prompt; `problem` says why it cannot be sent, else None."""

    template: str
    values: Mapping[str, str]
    prompt: str | None
    problem: str | None


def prompt_editor() -> Draft:
    """The template, a field for each variable in it and the prompt as it will be sent."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader("Prompt", anchor=False, width="content")
        st.button(
            "Starter prompt",
            key="generate_reset",
            type="tertiary",
            icon=":material/restart_alt:",
            on_click=_reset,
            help="Put the template back to the one that Inkdesk comes with.",
        )
    st.session_state.setdefault(TEMPLATE, STARTER_TEMPLATE)
    template = st.text_area(
        "Template",
        key=TEMPLATE,
        height=150,
        max_chars=LONGEST_TEMPLATE,
        label_visibility="collapsed",
        persist_state="session",
    )
    draft = _filled(template or "")
    if draft.problem:
        st.error(plain(draft.problem), icon=":material/edit_off:")
    elif draft.prompt:
        with st.expander(f"As it will be sent: {len(draft.prompt):,} characters"):
            st.text(draft.prompt)
    return draft


def _filled(template: str) -> Draft:
    values: dict[str, str] = {}
    try:
        names = variables_in(template)
        for place, name in zip(_places(len(names)), names, strict=True):
            values[name] = (
                place.text_input(
                    name.capitalize(),
                    key=f"generate_value_{name}",
                    placeholder=VARIABLES[name],
                    persist_state="session",
                )
                or ""
            )
        return Draft(template, values, render(template, values), None)
    except InvalidInput as exc:
        return Draft(template, values, None, str(exc))


def _places(count: int) -> list[st.delta_generator.DeltaGenerator]:
    """Two columns, filled row by row, so that the reading order stays."""
    places: list[st.delta_generator.DeltaGenerator] = []
    while len(places) < count:
        places += st.columns(2)
    return places[:count]


def _reset() -> None:
    st.session_state[TEMPLATE] = STARTER_TEMPLATE
