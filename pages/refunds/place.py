"""Which case is on the reviewer's screen, and what the last click had to say."""

import time

import streamlit as st

from core.desks.refunds.queue import Place, neighbour
from core.desks.refunds.queue_filters import QueueFilter
from core.foundation.errors import OperatorError
from pages.shared.start import Desk

CASE = "case"
PROBLEM = "refunds_problem"
DRAWN = "refunds_drawn"
MOVED = "refunds_moved"
# A key that is held down repeats; nobody reads a case in less time than this.
TOO_QUICK_SECONDS = 0.35
LONGEST_NUMBER = 18


def current() -> int | None:
    """The number of the case on the screen."""
    asked = st.query_params.get(CASE, "")
    return int(asked) if asked.isdecimal() and len(asked) <= LONGEST_NUMBER else None


def open_case(case_id: int | None) -> None:
    """Put a case on the screen, or none."""
    if case_id is None:
        st.query_params.pop(CASE, None)
    else:
        st.query_params[CASE] = str(case_id)


def advance(desk: Desk, filter_: QueueFilter, place: Place | None) -> None:
    """Go on to the next case that nobody else holds; from the end back to the beginning."""
    with desk.services.database.transaction() as session:
        row = neighbour(session, filter_, actor=desk.actor, place=place, free=True)
        row = row or neighbour(session, filter_, actor=desk.actor, free=True)
    open_case(row.id if row else None)


def step(desk: Desk, filter_: QueueFilter, place: Place | None, *, before: bool) -> None:
    """Move by one in the queue; at its end the screen stays."""
    with desk.services.database.transaction() as session:
        row = neighbour(session, filter_, actor=desk.actor, place=place, before=before)
    if row is not None:
        open_case(row.id)


def note_move() -> None:
    """One has just taken cases out of the queue, or put one back."""
    st.session_state[MOVED] = moves() + 1


def moves() -> int:
    """How often that was: what was counted before is not true any more."""
    so_far: int = st.session_state.get(MOVED, 0)
    return so_far


def tell(problem: str | OperatorError) -> None:
    """Say what went wrong, above the case, in the run that follows."""
    st.session_state[PROBLEM] = str(problem)


def told() -> str | None:
    """What the last click had to say, once."""
    problem: str | None = st.session_state.pop(PROBLEM, None)
    return problem


def drawn(case_id: int) -> None:
    """Note since when a case is on the screen."""
    if st.session_state.get(DRAWN, (None, 0.0))[0] != case_id:
        st.session_state[DRAWN] = (case_id, time.monotonic())


def too_quick(case_id: int) -> bool:
    """Whether a case came to the screen a moment ago, so that a click can only have meant another one."""
    shown: int | None
    since: float
    shown, since = st.session_state.get(DRAWN, (None, 0.0))
    return shown == case_id and time.monotonic() - since < TOO_QUICK_SECONDS
