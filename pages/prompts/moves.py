"""Moves of labels from the page: each carries what was known when it was drawn, so a stale one is refused."""

import dataclasses
from collections.abc import Sequence
from datetime import tzinfo
from typing import Any

import streamlit as st

from core.access.permissions import Actor, Permission
from core.foundation.wording import moment
from core.prompts.labels import (
    LONGEST_REASON,
    PRODUCTION,
    Label,
    history,
    move_label,
    remove_label,
    roll_back,
)
from core.prompts.views import OURS, Version
from pages.prompts.address import go
from pages.shared.changing import changing
from pages.shared.start import Desk, plain, refusal

WAITING = "prompts_waiting_move"
NEW = "A new label"
SHOWN_MOVES = 20


@dataclasses.dataclass(frozen=True)
class _Step:
    """What was clicked. `version_id` None removes the label, `back` moves it to where it was before."""

    name: str
    seen_moves: int
    reason: str
    version_id: int | None = None
    back: bool = False


def may_move(actor: Actor, name: str) -> str | None:
    """Why this actor may not move this label; None where they may."""
    return refusal(actor, Permission.MOVE_PRODUCTION if name == PRODUCTION else Permission.MOVE_LABELS)


def carry_out(desk: Desk) -> None:
    """Do what was clicked, before anything is drawn."""
    step: _Step | None = st.session_state.pop(WAITING, None)
    if step is None:
        return
    done = (
        f"{step.name} is removed"
        if step.version_id is None and not step.back
        else f"{step.name} has moved: the next generation takes the new version"
    )
    with changing(desk, done) as (session, actor):
        given: dict[str, Any] = {
            "actor": actor,
            "name": step.name,
            "seen_moves": step.seen_moves,
            "reason": step.reason,
        }
        if step.back:
            roll_back(session, **given)
        elif step.version_id is not None:
            move_label(session, version_id=step.version_id, **given)
        else:
            remove_label(session, **given)


def label_cards(desk: Desk, found: Sequence[Label], zone: tzinfo) -> None:
    """Where each label points, the way back in one click, and what happened to it."""
    for label in found:
        with st.container(border=True, gap="small"):
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                colour = "green" if label.name == PRODUCTION else "gray"
                st.markdown(f":{colour}-badge[:material/sell: {plain(label.name)}]", width="content")
                st.button(
                    label.title,
                    key=f"prompts_labelled_{label.name}",
                    type="tertiary",
                    on_click=go,
                    kwargs={"version": label.version_id},
                )
            since = f"since {moment(label.moved_at, zone)}, by {plain(label.moved_by or OURS)}"
            st.caption(since)
            _back(desk, label)
            _past(desk, label, zone)


def _back(desk: Desk, label: Label) -> None:
    if label.former_title is None:
        return
    no = may_move(desk.actor, label.name)
    st.button(
        f"Roll back to {label.former_title}",
        key=f"prompts_back_{label.name}",
        icon=":material/undo:",
        disabled=bool(no),
        help=no,
        width="stretch",
        on_click=_ask,
        args=(_Step(label.name, label.moves, "rolled back", back=True),),
    )


def _past(desk: Desk, label: Label, zone: tzinfo) -> None:
    with desk.services.database.transaction() as session:
        moves = history(session, label.name)
    with st.expander("History"):
        for move in moves[:SHOWN_MOVES]:
            way = f"{move.before or 'nowhere'} → {move.after or 'removed'}"
            st.markdown(
                f":small[:gray[{moment(move.at, zone)}] {plain(move.actor or OURS)}: **{plain(way)}**  \n"
                f"{plain(move.reason)}]"
            )
        if len(moves) > SHOWN_MOVES:
            st.caption(f"And {len(moves) - SHOWN_MOVES:,} earlier moves.")
        if label.name != PRODUCTION and may_move(desk.actor, label.name) is None:
            why = f"prompts_remove_reason_{label.name}"
            st.text_input("Why remove it", key=why, max_chars=LONGEST_REASON)
            st.button(
                "Remove label",
                key=f"prompts_remove_{label.name}",
                on_click=_remove,
                args=(label.name, label.moves, why),
            )


def label_box(desk: Desk, version: Version, found: Sequence[Label]) -> None:
    """A popover that puts a label on this version."""
    # What is in production is replaced by a promotion only.
    free = [label for label in found if label.name not in (*version.labels, PRODUCTION)]
    names = [label.name for label in free if may_move(desk.actor, label.name) is None]
    may_add = refusal(desk.actor, Permission.MOVE_LABELS) is None
    if may_add:
        names.append(NEW)
    no = None if may_add else refusal(desk.actor, Permission.MOVE_LABELS)
    if not version.usable:
        no = "It is archived. Restore it before a label points at it."
    key = f"prompts_label_{version.id}"
    with st.popover("Label", icon=":material/sell:", disabled=bool(no), help=no, key=f"{key}_box"):
        if no:
            return
        name = st.selectbox("Label", names, key=f"{key}_name")
        own = st.text_input("Its name", key=f"{key}_own", max_chars=40) if name == NEW else None
        label = next((each for each in free if each.name == name), None)
        if label is not None:
            st.caption(plain(f"It points at {label.title} now."))
        st.text_input("Why", key=f"{key}_why", max_chars=LONGEST_REASON, placeholder="Needed; it is kept")
        st.button(
            f"Move {name} here" if label is not None else "Put it here",
            key=f"{key}_move",
            type="primary",
            width="stretch",
            on_click=_move,
            args=(own, name, 0 if label is None else label.moves, version.id, f"{key}_why"),
        )


def _move(own: str | None, name: str, seen_moves: int, version_id: int, why: str) -> None:
    chosen = name if own is None else own.strip().lower()
    _ask(_Step(chosen, seen_moves, st.session_state.get(why, ""), version_id))


def _remove(name: str, seen_moves: int, why: str) -> None:
    _ask(_Step(name, seen_moves, st.session_state.get(why, "")))


def _ask(step: _Step) -> None:
    st.session_state[WAITING] = step
