"""Blind voting: two images with the selfie between, single keys, and nothing else until the batch is over."""

import streamlit as st

from core.access.permissions import Permission, require
from core.access.staff import actor_by_id
from core.foundation.errors import OperatorError
from core.votes.batches import Answer, batch_experiment, cast, close_batch, next_pairs, progress, undo
from pages.shared.changing import changing
from pages.shared.start import Desk, operator_errors, plain
from pages.votes.address import figure, row_of
from pages.votes.verdict_panels import show_results

TROUBLE = "votes_trouble"
AHEAD = 3
# Label, icon and key; the arrows point at what they choose.
ANSWERS: dict[Answer, tuple[str, str, str]] = {
    "left": ("Left", ":material/arrow_back:", "Left"),
    "both_good": ("Both good", ":material/thumb_up:", "Up"),
    "both_bad": ("Both bad", ":material/thumb_down:", "Down"),
    "right": ("Right", ":material/arrow_forward:", "Right"),
}


def batch_view(desk: Desk, batch_id: int) -> None:
    """Voting, or the reveal once this rater or the batch is done."""
    require(desk.actor, Permission.RATE)
    st.button("All batches", key="votes_back", icon=":material/arrow_back:", on_click=_leave)
    with desk.services.database.transaction() as session:
        far = progress(session, actor=desk.actor, batch_id=batch_id)
        experiment_id, _ = batch_experiment(session, batch_id)
    if far.over:
        _reveal(desk, batch_id, experiment_id, closed=far.closed)
    else:
        _ballot(desk, batch_id)


@st.fragment
def _ballot(desk: Desk, batch_id: int) -> None:
    """One pair; an answer redraws this part alone."""
    if trouble := st.session_state.pop(TROUBLE, None):
        st.error(plain(trouble))
    with operator_errors():
        with desk.services.database.transaction() as session:
            actor = actor_by_id(session, desk.actor.id)
            far = progress(session, actor=actor, batch_id=batch_id)
            pairs = next_pairs(session, actor=actor, batch_id=batch_id, most=1 + AHEAD)
        if not pairs:
            st.rerun()
        shown = pairs[0]
        later = [token for pair in pairs[1:] for token in (pair.left, pair.right, pair.selfie)]
        st.html(
            row_of(
                [
                    figure(shown.left, "Left"),
                    figure(shown.selfie, "Selfie", "small"),
                    figure(shown.right, "Right"),
                ],
                later,
            )
        )
        places = st.columns([2, 1.2, 1.2, 2])
        for place, (answer, (label, icon, key)) in zip(places, ANSWERS.items(), strict=True):
            place.button(
                label,
                key=f"votes_{answer}",
                icon=icon,
                shortcut=key,
                width="stretch",
                type="primary" if answer in ("left", "right") else "secondary",
                on_click=_answer,
                args=(desk, shown.id, answer),
            )
        with st.container(horizontal=True, vertical_alignment="center"):
            st.progress(far.done / far.total, text=f"{far.done + 1} of about {far.total}")
            st.button(
                "Undo",
                key="votes_undo",
                icon=":material/undo:",
                shortcut="Backspace",
                disabled=far.done == 0,
                on_click=_undo,
                args=(desk, batch_id),
            )


def _answer(desk: Desk, pair_id: int, answer: Answer) -> None:
    try:
        with desk.services.database.transaction() as session:
            cast(session, actor=actor_by_id(session, desk.actor.id), pair_id=pair_id, answer=answer)
    except OperatorError as exc:
        st.session_state[TROUBLE] = str(exc)


def _undo(desk: Desk, batch_id: int) -> None:
    try:
        with desk.services.database.transaction() as session:
            undo(session, actor=actor_by_id(session, desk.actor.id), batch_id=batch_id)
    except OperatorError as exc:
        st.session_state[TROUBLE] = str(exc)


def _reveal(desk: Desk, batch_id: int, experiment_id: int, *, closed: bool) -> None:
    why = "This batch is closed." if closed else "You have voted on every pair of this batch."
    st.success(f"{why} These are the versions.", icon=":material/visibility:")
    if not closed and st.button(
        "Close the batch for everybody",
        key="votes_close",
        icon=":material/lock:",
        help="Nobody votes on it any more; the names are told to all.",
    ):
        with changing(desk, f"Batch {batch_id} is closed") as (session, actor):
            close_batch(session, actor=actor, batch_id=batch_id)
    show_results(desk, experiment_id)


def _leave() -> None:
    del st.query_params["batch"]
