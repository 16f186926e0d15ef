"""Which prompt the Generate page starts from: a label, followed wherever it moves, or one version."""

import dataclasses
from collections.abc import Mapping, Sequence

import streamlit as st

from core.foundation.errors import NotFound
from core.prompts.labels import PRODUCTION, labelled, labels
from core.prompts.versions import Content
from core.prompts.views import Version, usable_versions, version
from pages.shared.parameters import fit_parameters, set_parameters
from pages.shared.start import Desk, plain

PAGE = "generate"
TEMPLATE = "generate_template"
CHOICE = "generate_prompt"
# What to choose at the next run, before the widget is drawn.
TAKE = "generate_take"
# The version whose words are in the editor, and the choice by which they came there.
LOADED = "generate_loaded"
LOADED_BY = "generate_loaded_by"
PARAMETER = "version"
LIVE = "4s"


@dataclasses.dataclass(frozen=True)
class Source:
    """What is in the editor. `version` is what it came from, `moved_to` where its label points meanwhile."""

    version: Version | None
    moved_to: Version | None
    template: str
    model: str
    parameters: Mapping[str, str]

    @property
    def edited(self) -> bool:
        """Whether it says anything else than the version."""
        return self.version is None or self.content != self.version.content

    @property
    def content(self) -> Content:
        return Content(self.template, self.model, self.parameters)


def prompt_source(desk: Desk) -> Source:
    """The choice of a prompt; an unedited one follows its label at every run."""
    with desk.services.database.transaction() as session:
        usable = {each.id: each for each in usable_versions(session)}
        pointing = {each.name: each.version_id for each in labels(session)}
    options = [*(f"label:{name}" for name in pointing), *(f"version:{number}" for number in usable)]
    choice = _choice(options, pointing, usable)
    wanted = usable.get(_target(choice, pointing)) if choice else None
    source = _current(desk, wanted, choice)
    if choice and choice.startswith("label:") and wanted is not None:
        st.fragment(_watch, run_every=LIVE)(desk, choice.removeprefix("label:"), wanted.id)
    return source


def take_back() -> None:
    """Forget the edits: the chosen prompt comes into the editor anew."""
    st.session_state.pop(LOADED, None)


def _choice(options: Sequence[str], pointing: Mapping[str, int], usable: Mapping[int, Version]) -> str | None:
    asked = st.session_state.pop(TAKE, None) or f"version:{st.query_params.pop(PARAMETER, '')}"
    if asked in options:
        st.session_state[CHOICE] = asked
        st.session_state.pop(LOADED, None)
    if st.session_state.get(CHOICE) not in options:
        st.session_state.pop(CHOICE, None)
    if not options:
        st.warning("The library holds no prompt. Make one on the Prompts page, or write a draft here.")
        return None
    st.session_state.setdefault(CHOICE, f"label:{PRODUCTION}" if PRODUCTION in pointing else options[0])

    def title(option: str) -> str:
        # The browser knows its choice by these words: a label must be called the same wherever it points.
        kind, _, name = option.partition(":")
        return f"{name}, wherever it points" if kind == "label" else usable[int(name)].title

    return st.selectbox(
        "Start from",
        options,
        format_func=title,
        key=CHOICE,
        persist_state="session",
        label_visibility="collapsed",
        help="A label is followed wherever it moves; a version stays what it is.",
    )


def _target(option: str, pointing: Mapping[str, int]) -> int:
    kind, _, name = option.partition(":")
    return pointing[name] if kind == "label" else int(name)


def _current(desk: Desk, wanted: Version | None, choice: str | None) -> Source:
    """What the editor holds, after bringing into it what belongs there."""
    state, preset = st.session_state, desk.services.settings.model
    loaded = _loaded(desk)
    if wanted is not None and (loaded is None or state.get(LOADED_BY) != choice):
        _load(wanted, choice)
        return _source(wanted, None, preset)
    source = _source(loaded, None, preset)
    if wanted is None or loaded is None or wanted.id == loaded.id:
        return source
    if source.edited:
        return dataclasses.replace(source, moved_to=wanted)
    _load(wanted, choice)
    st.toast(plain(f"Its label has moved: this is {wanted.title} now"), icon=":material/sell:")
    return _source(wanted, None, preset)


def _source(came_from: Version | None, moved_to: Version | None, preset: str) -> Source:
    model, parameters = fit_parameters(PAGE, preset)
    return Source(came_from, moved_to, st.session_state.setdefault(TEMPLATE, ""), model, parameters)


def _loaded(desk: Desk) -> Version | None:
    if (number := st.session_state.get(LOADED)) is None:
        return None
    try:
        with desk.services.database.transaction() as session:
            return version(session, number)
    except NotFound:
        return None


def _load(wanted: Version, choice: str | None) -> None:
    st.session_state[LOADED], st.session_state[LOADED_BY] = wanted.id, choice
    st.session_state[TEMPLATE] = wanted.template
    set_parameters(PAGE, wanted.model, wanted.parameters)


def _watch(desk: Desk, name: str, seen: int) -> None:
    """Look whether the label still points there; the page follows where it does not."""
    try:
        with desk.services.database.transaction() as session:
            now = labelled(session, name).id
    except NotFound:
        st.rerun()
    if now != seen:
        st.rerun()
