"""One prompt: its versions, and of the chosen one the text, what it differs in, its labels and its editor."""

from collections.abc import Callable, Sequence
from datetime import tzinfo
from typing import Any

import streamlit as st

from core.access.permissions import Permission
from core.foundation.errors import NotFound
from core.foundation.wording import moment
from core.prompts import library
from core.prompts.labels import labels
from core.prompts.versions import LONGEST_NAME
from core.prompts.views import Version, usable_versions, version, versions
from pages.prompts.address import Address, go
from pages.prompts.draft import draft_editor
from pages.prompts.list import label_badges
from pages.prompts.moves import label_box
from pages.shared.changing import changing
from pages.shared.links import page_link
from pages.shared.promote_panel import promote_button, promote_panel, promoting
from pages.shared.prompt_diff import diff_view
from pages.shared.start import Desk, plain, refusal

HEIGHT = 640
RENAME = "prompts_waiting_rename"


def prompt_detail(desk: Desk, opened: Address, zone: tzinfo) -> None:
    """The prompt that the address names, or the one of the version that it names."""
    with desk.services.database.transaction() as session:
        prompt = opened.prompt
        if opened.version is not None:
            prompt = version(session, opened.version).prompt_id
        found = versions(session, prompt or 0)
        others = usable_versions(session)
    if not found:
        st.button("All prompts", key="prompts_back", icon=":material/arrow_back:", on_click=go)
        raise NotFound(f"There is no prompt {prompt}.")
    newest = next((each for each in found if not each.archived), found[0])
    chosen = next((each for each in found if each.id == opened.version), newest)
    _heading(desk, chosen)
    listed, shown = st.columns([1, 2.6], gap="medium")
    with listed, st.container(height=HEIGHT, border=False, gap="small"):
        for each in found:
            _line(each, chosen, zone)
    with shown:
        _version(desk, chosen)
        if promoting(chosen):
            promote_panel(desk, chosen.id)
        compared = _compare(chosen, found, others, opened.compare)
        if compared is not None:
            diff_view(compared, chosen)
        draft_editor(desk, chosen)


def _heading(desk: Desk, chosen: Version) -> None:
    no = refusal(desk.actor, Permission.EDIT_PROMPTS)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button("All prompts", key="prompts_back", icon=":material/arrow_back:", on_click=go)
        st.subheader(plain(chosen.prompt), anchor=False, width="content")
        if chosen.prompt_archived:
            st.markdown(":gray-badge[Archived]", width="content")
            step, label = library.restore_prompt, "Restore prompt"
        else:
            step, label = library.archive_prompt, "Archive prompt"
        _rename(desk, chosen, no)
        if st.button(label, key="prompts_archive", type="tertiary", disabled=bool(no), help=no):
            _do(desk, f"{chosen.prompt}: done", step, prompt_id=chosen.prompt_id)


def _rename(desk: Desk, chosen: Version, no: str | None) -> None:
    key = f"prompts_name_{chosen.prompt_id}"
    if (seen := st.session_state.pop(RENAME, None)) is not None:
        name = st.session_state.get(key, "")
        _do(
            desk,
            f"{seen} is {name} now",
            library.rename_prompt,
            prompt_id=chosen.prompt_id,
            seen=seen,
            name=name,
        )
    with st.popover("Rename", type="tertiary", disabled=bool(no), help=no, key="prompts_rename_box"):
        st.text_input("New name", chosen.prompt, max_chars=LONGEST_NAME, key=key)
        st.caption("Versions, labels and images stay as they are.")
        st.button(
            "Rename it",
            key="prompts_rename",
            type="primary",
            disabled=bool(no),
            # The name that stood there when it was clicked, not the one of now.
            on_click=_ask_rename,
            args=(chosen.prompt,),
        )


def _ask_rename(seen: str) -> None:
    st.session_state[RENAME] = seen


def _line(each: Version, chosen: Version, zone: tzinfo) -> None:
    with st.container(border=True, gap=None):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.button(
                f"v{each.number}",
                key=f"prompts_version_{each.id}",
                type="primary" if each.id == chosen.id else "secondary",
                on_click=go,
                kwargs={"prompt": each.prompt_id, "version": each.id},
            )
            put_away = " :gray-badge[Archived]" if each.archived else ""
            st.markdown(f"{label_badges(tuple(each.labels))}{put_away}", width="content")
        # Most come from the same prompt, whose name stands above.
        parent = f", from {each.parent.removeprefix(f'{each.prompt} ')}" if each.parent else ""
        st.markdown(
            f":small[{plain(each.note) or ':gray[No note]'}]  \n"
            f":small[:gray[{plain(each.author)}, {moment(each.created_at, zone)}{plain(parent)}]]"
        )


def _version(desk: Desk, chosen: Version) -> None:
    """What it is, and what can be done with it."""
    no = refusal(desk.actor, Permission.EDIT_PROMPTS)
    with desk.services.database.transaction() as session:
        found = labels(session)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(
            f"**v{chosen.number}**{label_badges(tuple(chosen.labels))} :small[:gray[{plain(chosen.model)}]]",
            width="content",
        )
        label_box(desk, chosen, found)
        promote_button(desk, chosen)
        if chosen.usable:
            page_link("generate/page.py", "Generate with it", icon=":material/draw:", version=str(chosen.id))
        if chosen.archived:
            if st.button("Restore", key=f"prompts_restore_{chosen.id}", disabled=bool(no), help=no):
                _do(desk, f"{chosen.title} is back", library.restore_version, version_id=chosen.id)
            return
        if st.button(
            "Archive", key=f"prompts_put_away_{chosen.id}", type="tertiary", disabled=bool(no), help=no
        ):
            _do(desk, f"{chosen.title} is archived", library.archive_version, version_id=chosen.id)
        if st.button(
            "Delete",
            key=f"prompts_delete_{chosen.id}",
            type="tertiary",
            disabled=bool(no),
            help=no or "Only what nothing refers to can be deleted.",
        ):
            _do(
                desk,
                f"{chosen.title} is deleted",
                library.delete_version,
                leave_for=chosen.prompt_id,
                version_id=chosen.id,
            )


def _compare(
    chosen: Version, found: Sequence[Version], others: Sequence[Version], asked: int | None
) -> Version | None:
    """The version to compare with: any other of this prompt, or a usable one of another."""
    offered = {each.id: each for each in (*found, *others) if each.id != chosen.id}
    key = f"prompts_compare_{chosen.id}"
    st.session_state.setdefault(key, asked if asked in offered else None)
    if st.session_state[key] not in offered:
        st.session_state[key] = None
    choice = st.selectbox(
        "Compare with",
        list(offered),
        key=key,
        index=None,
        format_func=lambda number: offered[number].title,
        placeholder="Compare with another version",
        label_visibility="collapsed",
    )
    go(prompt=chosen.prompt_id, version=chosen.id, compare=choice)
    return None if choice is None else offered[choice]


def _do(
    desk: Desk, done: str, step: Callable[..., object], *, leave_for: int | None = None, **given: Any
) -> None:
    with changing(desk, done) as (session, actor):
        step(session, actor=actor, **given)
        if leave_for is not None:
            go(prompt=leave_for)
