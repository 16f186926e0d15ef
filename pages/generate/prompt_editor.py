"""What is to be drawn: a version of the library or an edit of it, and what fills its variables."""

import dataclasses
from collections.abc import Mapping

import streamlit as st

from core.access.permissions import Permission
from core.access.staff import actor_by_id
from core.foundation.errors import InvalidInput
from core.prompts.judging import LONGEST_TEMPLATE
from core.prompts.library import save_version
from core.prompts.lint import lint
from core.prompts.rendering import VARIABLES, missing_in, render, variables_in
from core.prompts.snippets import resolve
from core.prompts.versions import LONGEST_NOTE
from pages.generate.prompt_source import TAKE, TEMPLATE, Source, prompt_source, take_back
from pages.shared.prompt_findings import show_findings
from pages.shared.start import Desk, flash, operator_errors, plain, refusal


@dataclasses.dataclass(frozen=True)
class Draft:
    """A filled-in prompt; `problem` says why it cannot be sent, else None.

    `template` has its snippets put in. `version_id` is the version that says all this; None for an edit.
    """

    template: str
    values: Mapping[str, str]
    prompt: str | None
    problem: str | None
    model: str
    parameters: Mapping[str, str]
    version_id: int | None


def prompt_editor(desk: Desk) -> Draft:
    """The choice of a prompt, its template, a field for each variable and the prompt as it will be sent."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.subheader("Prompt", anchor=False, width="content")
        source = prompt_source(desk)
    _about(desk, source)
    st.text_area(
        "Template",
        key=TEMPLATE,
        height=150,
        max_chars=LONGEST_TEMPLATE,
        label_visibility="collapsed",
        persist_state="session",
    )
    draft = _filled(desk, source)
    if draft.problem:
        st.error(plain(draft.problem), icon=":material/edit_off:")
    elif draft.prompt:
        if source.edited and (findings := lint(draft.prompt, source.parameters)):
            show_findings(findings)
        with st.expander(f"As it will be sent: {len(draft.prompt):,} characters"):
            st.text(draft.prompt)
    return draft


def _about(desk: Desk, source: Source) -> None:
    """Which version this is, or that it is an edit, and what can be done with that."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        came_from = source.version
        if came_from is None:
            st.markdown(":orange-badge[:material/edit: Draft]", width="content")
            return
        if not source.edited:
            borne = "".join(f" :green-badge[:material/sell: {plain(name)}]" for name in came_from.labels)
            st.markdown(
                f":blue-badge[:material/lock: {plain(came_from.title)}]{borne}"
                f" :small[:gray[{plain(came_from.model)}]]",
                width="content",
            )
            return
        st.markdown(
            f":orange-badge[:material/edit: Draft] :small[:gray[from {plain(came_from.title)}]]",
            width="content",
        )
        st.button(
            "Take back edits",
            key="generate_reset",
            type="tertiary",
            icon=":material/undo:",
            on_click=take_back,
        )
        if refusal(desk.actor, Permission.EDIT_PROMPTS) is None:
            _save(desk, source)
    if source.moved_to is not None:
        st.info(
            f"The label points at {plain(source.moved_to.title)} meanwhile. Your draft stays; "
            '"Take back edits" brings that version.',
            icon=":material/sell:",
        )


def _save(desk: Desk, source: Source) -> None:
    came_from = source.version
    if came_from is None:
        return
    with st.popover("Save as new version", icon=":material/save:", key=f"generate_save_box_{came_from.id}"):
        note = st.text_input("What changed", key=f"generate_save_note_{came_from.id}", max_chars=LONGEST_NOTE)
        if not st.button("Save", key="generate_save", type="primary", width="stretch"):
            return
        with operator_errors():
            with desk.services.database.transaction() as session:
                made = save_version(
                    session,
                    actor=actor_by_id(session, desk.actor.id),
                    prompt_id=came_from.prompt_id,
                    parent_id=came_from.id,
                    content=source.content,
                    note=note,
                )
            st.session_state[TAKE] = f"version:{made.id}"
            flash(f"Saved as {came_from.prompt} v{made.number}")
            st.rerun()


def _filled(desk: Desk, source: Source) -> Draft:
    values: dict[str, str] = {}
    version = None if source.edited else source.version
    draft = Draft(
        source.template,
        values,
        None,
        None,
        source.model,
        source.parameters,
        None if version is None else version.id,
    )
    try:
        template = _resolved(desk, source) if version is None else version.resolved
        names = variables_in(template)
        for place, name in zip(_places(len(names)), names, strict=True):
            values[name] = (
                place.text_input(
                    name.replace("_", " ").capitalize(),
                    key=f"generate_value_{name}",
                    placeholder=VARIABLES.get(name, "Needed"),
                    persist_state="session",
                )
                or ""
            )
        if missing := missing_in(template, values):
            return dataclasses.replace(
                draft, problem=f"Fill in {', '.join(missing)}: the template asks for it."
            )
        return dataclasses.replace(draft, template=template, prompt=render(template, values))
    except InvalidInput as exc:
        return dataclasses.replace(draft, problem=str(exc))


def _resolved(desk: Desk, source: Source) -> str:
    with desk.services.database.transaction() as session:
        return resolve(session, source.template)


def _places(count: int) -> list[st.delta_generator.DeltaGenerator]:
    """Two columns, filled row by row, so that the reading order stays."""
    places: list[st.delta_generator.DeltaGenerator] = []
    while len(places) < count:
        places += st.columns(2)
    return places[:count]
