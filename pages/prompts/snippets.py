"""Snippets: what prompts share, who uses it, and changing it for all of them at once."""

from datetime import tzinfo

import streamlit as st

from core.access.permissions import Permission
from core.access.staff import actor_by_id
from core.foundation.wording import count, moment
from core.prompts.diff import diff_words
from core.prompts.judging import LONGEST_TEMPLATE
from core.prompts.snippet_history import snippet_history
from core.prompts.snippets import SnippetView, create_snippet, save_snippet, snippets
from core.prompts.versions import LONGEST_NOTE
from core.prompts.views import OURS
from pages.shared.changing import changing
from pages.shared.forms import form_key, renew_form
from pages.shared.prompt_diff import LOOK, marked, summary
from pages.shared.start import Desk, flash, operator_errors, plain, refusal

FORM = "prompts_snippet"


def snippet_view(desk: Desk, zone: tzinfo) -> None:
    """Every snippet with its text and the prompts that use it."""
    with desk.services.database.transaction() as session:
        found = snippets(session)
    no = refusal(desk.actor, Permission.EDIT_PROMPTS)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.caption(
            "A template names a snippet as `{{> name }}`. A changed snippet makes a new version of each "
            "prompt that uses it; labels stay where they are until somebody moves them."
        )
        _new(desk, no)
    for each in found:
        _card(desk, each, zone, no)


def _card(desk: Desk, snippet: SnippetView, zone: tzinfo, no: str | None) -> None:
    key = f"prompts_snippet_{snippet.id}"
    seen = _loaded(snippet, key)
    with st.container(border=True, gap="small"):
        words, facts = st.columns([2.4, 1], gap="medium")
        with words:
            text = st.text_area(
                snippet.name,
                key=f"{key}_text",
                height=110,
                max_chars=LONGEST_TEMPLATE,
                label_visibility="collapsed",
                disabled=bool(no),
            )
        with facts:
            who = f"{plain(snippet.author or OURS)}, {moment(snippet.created_at, zone)}"
            st.markdown(
                f"**{plain(snippet.name)}** v{snippet.number}  \n:small[:gray[{who}]]  \n"
                f":small[{plain(snippet.note)}]"
            )
            used = ", ".join(snippet.used_by)
            st.caption(f"Used by {count(len(snippet.used_by), 'prompt')}{plain(f': {used}' if used else '')}")
            if text != snippet.text and not no:
                _save(snippet, text, key, seen)
        if snippet.number > 1 and st.toggle(f"{count(snippet.number, 'version')}", key=f"{key}_history"):
            _history(desk, snippet, zone)


def _history(desk: Desk, snippet: SnippetView, zone: tzinfo) -> None:
    """What each version said differently, who wrote it, and which versions of prompts have its text."""
    with desk.services.database.transaction() as session:
        found = snippet_history(session, snippet.id)
    for each in found:
        pieces = diff_words(each.before or each.text, each.text)
        who = f"{plain(each.author or OURS)}, {moment(each.created_at, zone)}"
        said = f" · {summary(pieces, [])}" if each.before else ""
        used = ", ".join(each.used_by) or "no version of a prompt"
        st.markdown(
            f"**v{each.number}** {plain(each.note)} :small[:gray[{who}{plain(said)}]]  \n"
            f":small[In {plain(used)}]"
        )
        st.html(LOOK + f'<div class="prompt-diff">{marked(pieces)}</div>')


def _loaded(snippet: SnippetView, key: str) -> int:
    """Bring the newest text into its field, but not over what somebody types; the version that is edited."""
    state = st.session_state
    number, text = state.get(f"{key}_seen", (0, None))
    if f"{key}_text" not in state or state[f"{key}_text"] == text:
        _load(snippet, key)
        return snippet.number
    return int(number)


def _load(snippet: SnippetView, key: str) -> None:
    st.session_state[f"{key}_seen"] = (snippet.number, snippet.text)
    st.session_state[f"{key}_text"] = snippet.text


def _save(snippet: SnippetView, text: str, key: str, seen: int) -> None:
    note = st.text_input("What changed", key=f"{key}_note", max_chars=LONGEST_NOTE)
    makes = count(len(snippet.used_by), "new version")
    st.button(
        f"Save, {makes}",
        key=f"{key}_save",
        type="primary",
        on_click=_ask,
        args=(snippet.id, seen, text, note),
    )
    if seen != snippet.number:
        st.warning(f"Version {snippet.number} was saved since you began.")
    st.button("Take back edits", key=f"{key}_reset", on_click=_load, args=(snippet, key))


def _ask(snippet_id: int, seen_number: int, text: str, note: str) -> None:
    st.session_state["prompts_waiting_snippet"] = (snippet_id, seen_number, text, note)


def _new(desk: Desk, no: str | None) -> None:
    key = form_key(FORM)
    with st.popover(
        "New snippet", icon=":material/add:", disabled=bool(no), help=no, key=f"{FORM}_box_{key}"
    ):
        if no:
            return
        name = st.text_input("Name", key=f"{FORM}_name_{key}", max_chars=40, placeholder="small_letters")
        text = st.text_area("Text", key=f"{FORM}_text_{key}", max_chars=LONGEST_TEMPLATE)
        if st.button("Add it", key=f"{FORM}_add_{key}", type="primary", width="stretch"):
            with changing(desk, f"{name} can be used as {{{{> {name} }}}}") as (session, actor):
                create_snippet(session, actor=actor, name=name.strip(), text=text)
                renew_form(FORM)


def carry_out_snippet(desk: Desk) -> None:
    """Save what was clicked, before anything is drawn."""
    waiting = st.session_state.pop("prompts_waiting_snippet", None)
    if waiting is None:
        return
    snippet_id, seen_number, text, note = waiting
    with operator_errors():
        with desk.services.database.transaction() as session:
            made = save_snippet(
                session,
                actor=actor_by_id(session, desk.actor.id),
                snippet_id=snippet_id,
                seen_number=seen_number,
                text=text,
                note=note,
            )
        # The field shows what is saved from now on.
        st.session_state.pop(f"prompts_snippet_{snippet_id}_text", None)
        flash(f"Saved; {count(len(made), 'new version')} made")
        st.rerun()
