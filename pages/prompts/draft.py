"""The editor of a version: its text and parameters, the final prompt and the lint, saving as the next."""

import streamlit as st

from core.access.permissions import Permission
from core.access.staff import actor_by_id
from core.catalog.models import MODELS
from core.foundation.errors import InvalidInput
from core.prompts.judging import LONGEST_TEMPLATE
from core.prompts.library import save_version
from core.prompts.lint import lint
from core.prompts.rendering import VARIABLES, render, variables_in
from core.prompts.snippets import resolve
from core.prompts.versions import LONGEST_NOTE, Content
from core.prompts.views import Version
from pages.prompts.address import go
from pages.shared.parameters import fit_parameters, model_field, parameter_field, set_parameters
from pages.shared.prompt_findings import show_findings
from pages.shared.start import Desk, flash, operator_errors, plain, refusal

HEIGHT = 260


def draft_editor(desk: Desk, version: Version) -> None:
    """The version's words to be edited, and what would be sent."""
    page = f"prompts_{version.id}"
    template_key = f"{page}_template"
    if template_key not in st.session_state:
        _load(page, template_key, version)
    no = refusal(desk.actor, Permission.EDIT_PROMPTS)
    written, seen = st.columns(2, gap="medium")
    with written:
        model, parameters = fit_parameters(
            page, version.model if version.model in MODELS else desk.services.settings.model
        )
        template = st.text_area(
            "Template",
            key=template_key,
            height=HEIGHT,
            max_chars=LONGEST_TEMPLATE,
            disabled=bool(no),
            persist_state="session",
            help="{{ name }} is filled in for each generation, {{> name }} is a snippet.",
        )
        _parameters(page, model, disabled=bool(no))
        content = Content(template, model, parameters)
        edited = content != version.content
        if no:
            st.caption(plain(no))
        else:
            _save(desk, version, content, page, edited=edited)
    with seen:
        _preview(desk, version, content, page, edited=edited)


def _load(page: str, template_key: str, version: Version) -> None:
    st.session_state[template_key] = version.template
    set_parameters(page, version.model, version.parameters)


def _parameters(page: str, model: str, *, disabled: bool) -> None:
    places = st.columns(2)
    with places[0]:
        model_field(page, disabled=disabled)
    for number, parameter in enumerate(MODELS[model].parameters, start=1):
        with places[number % 2]:
            parameter_field(page, parameter, disabled=disabled)


def _save(desk: Desk, version: Version, content: Content, page: str, *, edited: bool) -> None:
    note = st.text_input(
        "What changed",
        key=f"{page}_note",
        max_chars=LONGEST_NOTE,
        placeholder="A note that stays with the version",
        disabled=not edited,
    )
    with st.container(horizontal=True, gap="small"):
        save = st.button("Save as new version", key=f"{page}_save", type="primary", disabled=not edited)
        st.button(
            "Take back edits",
            key=f"{page}_reset",
            disabled=not edited,
            on_click=_load,
            args=(page, f"{page}_template", version),
        )
    if not save:
        return
    with operator_errors():
        with desk.services.database.transaction() as session:
            made = save_version(
                session,
                actor=actor_by_id(session, desk.actor.id),
                prompt_id=version.prompt_id,
                parent_id=version.id,
                content=content,
                note=note or "",
            )
        # The edits are the new version's by now; the old one shows its own words again.
        st.session_state.pop(f"{page}_template", None)
        flash(f"Saved as {version.prompt} v{made.number}")
        go(prompt=version.prompt_id, version=made.id, compare=version.id)
        st.rerun()


def _preview(desk: Desk, version: Version, content: Content, page: str, *, edited: bool) -> None:
    """The final text with what is typed into its variables, and what the lint says of it."""
    try:
        resolved = _resolved(desk, content.template) if edited else version.resolved
        prompt = render(resolved, _values(resolved, page))
    except InvalidInput as exc:
        st.error(plain(str(exc)), icon=":material/edit_off:")
        return
    show_findings(lint(prompt, content.parameters))
    st.caption(f"As it would be sent: {len(prompt):,} characters")
    with st.container(border=True, height=HEIGHT + 160):
        st.text(prompt)
    if not edited and _outdated(desk, version):
        st.caption(":material/info: A snippet has changed since; this version keeps the words of its time.")


def _values(resolved: str, page: str) -> dict[str, str]:
    """What is typed into each variable; a name of the template's own stands for itself until then."""
    names = variables_in(resolved)
    if not names:
        return {}
    values = {}
    with st.expander("Fill in variables"):
        for name in names:
            own = name not in VARIABLES
            typed = st.text_input(
                name.replace("_", " ").capitalize(),
                key=f"{page}_value_{name}",
                placeholder="Needed for each generation" if own else VARIABLES[name],
            )
            values[name] = typed or (f"[{name}]" if own else "")
    return values


def _resolved(desk: Desk, template: str) -> str:
    with desk.services.database.transaction() as session:
        return resolve(session, template)


def _outdated(desk: Desk, version: Version) -> bool:
    try:
        return _resolved(desk, version.template) != version.resolved
    except InvalidInput:
        return True
