"""The strip above the case: decisions that can still be undone, and the ledger lines of those that stand."""

from datetime import UTC, datetime

import streamlit as st

from core.access.staff import actor_by_id
from core.desks.refunds.decided import Lately, lately
from core.foundation.errors import OperatorError
from core.refunds.intents import Waiting, carry_out_due, undo, waiting
from core.tables.refund_states import STATE_TITLES, CaseState
from pages.refunds.place import note_move, open_case, tell
from pages.shared.refund_words import DECISIONS
from pages.shared.start import Desk, operator_errors, plain

COUNTING, RESTING = "1s", "10s"
SHOWN = 2
NOTHING_YET = ":small[:gray[What you decide stands here, and can be undone for ten seconds.]]"


def strip(desk: Desk) -> None:
    """What was decided a moment ago; it counts down by itself."""
    with desk.services.database.transaction() as session:
        counting = any(each.refused is None for each in waiting(session, actor=desk.actor))
    st.fragment(_strip, run_every=COUNTING if counting else RESTING)(desk)


def _strip(desk: Desk) -> None:
    with operator_errors():
        # Whichever comes first, a worker or this page: each decision is carried out once.
        carry_out_due(desk.services.database, actor=desk.actor)
        with desk.services.database.transaction() as session:
            open_ones = waiting(session, actor=desk.actor)
            done = lately(session, actor=desk.actor, limit=SHOWN)
        refused = [each for each in open_ones if each.refused]
        running = [each for each in open_ones if not each.refused]
        for each in refused:
            _refused(desk, each)
        words, button = st.columns([5, 1], vertical_alignment="center", gap="small")
        words.markdown(" · ".join([*map(_counting, running[:SHOWN]), *map(_done, done)]) or NOTHING_YET)
        newest = running[0].case_id if running else None
        # With the case's number: a second click on it finds no button, instead of the decision before.
        if (
            button.button(
                "Undo",
                key=f"refunds_undo_{newest}",
                shortcut="U",
                disabled=newest is None,
                width="stretch",
                icon=":material/undo:",
            )
            and newest is not None
        ):
            _undo(desk, newest)


def _counting(each: Waiting) -> str:
    left = max(0, round((each.commit_at - datetime.now(UTC)).total_seconds()))
    amount = "" if each.decision == "deny" else f" {each.amount:,}"
    return (
        f":blue-badge[:material/timer: {left} s] Case {each.case_id}: "
        f"{DECISIONS[each.decision].lower()}{amount}"
    )


def _done(each: Lately) -> str:
    what = (
        STATE_TITLES[each.state].lower()
        if each.state is not CaseState.NEEDS_SECOND
        else "sent to a second person"
    )
    amount = f" {each.amount:,}" if each.amount is not None else ""
    line = f", line {each.transfer_id}" if each.transfer_id is not None else ""
    wallet = f", wallet {each.balance:,}" if each.balance is not None else ""
    return f":green[:material/check:] Case {each.case_id} {what}{amount}:gray[{line}{wallet}]"


def _refused(desk: Desk, each: Waiting) -> None:
    words, button = st.columns([5, 1], vertical_alignment="center", gap="small")
    words.error(
        f"Case {each.case_id} could not be decided as you said ({DECISIONS[each.decision].lower()} "
        f"{each.amount:,}): {plain(each.refused or '')}",
        icon=":material/error:",
    )
    button.button(
        "I have read it",
        key=f"refunds_read_{each.case_id}",
        width="stretch",
        on_click=_read,
        args=(desk, each.case_id),
    )


def _read(desk: Desk, case_id: int) -> None:
    _take_back(desk, case_id)


def _undo(desk: Desk, case_id: int) -> None:
    if _take_back(desk, case_id):
        open_case(case_id)
    st.rerun()


def _take_back(desk: Desk, case_id: int) -> bool:
    try:
        with desk.services.database.transaction() as session:
            undo(session, actor=actor_by_id(session, desk.actor.id), case_id=case_id)
    except OperatorError as exc:
        tell(exc)
        return False
    note_move()
    return True
