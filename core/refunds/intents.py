"""Decisions that can be undone for ten seconds: kept in the database, so that they are carried out even when
the reviewer's page is gone, and by whichever worker comes first, once."""

import dataclasses
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.access.permissions import Actor, Permission, require
from core.access.staff import actor_by_id
from core.foundation.clock import NOW
from core.foundation.database import Database
from core.foundation.errors import Conflict, OperatorError
from core.refunds.deciding import Decided, approve, check_decision, deny, send_to_second
from core.tables.access import Staff
from core.tables.refunds import CaseIntent

UNDO_SECONDS = 10.0
Decision = Literal["approve", "deny", "second"]


@dataclasses.dataclass(frozen=True)
class Waiting:
    """A decision that is not carried out yet, or could not be: `refused` says why in a sentence."""

    case_id: int
    decision: str
    amount: int
    made_at: datetime
    commit_at: datetime
    refused: str | None


def intend(
    session: Session,
    *,
    actor: Actor,
    case_id: int,
    seen_seq: int,
    decision: Decision,
    amount: int,
    reason_code: str,
    note: str | None = None,
    undo_seconds: float = UNDO_SECONDS,
) -> datetime:
    """Decide, to be carried out after `undo_seconds`; returns when. The same decision again changes nothing.

    Raises what carrying it out now would raise, and Conflict, which names who, when another reviewer's
    decision on the case waits.
    """
    check_decision(
        session,
        actor=actor,
        case_id=case_id,
        seen_seq=seen_seq,
        amount=amount,
        reason_code=reason_code,
        approved=decision != "deny",
    )
    session.execute(delete(CaseIntent).where(CaseIntent.case_id == case_id, CaseIntent.refused.is_not(None)))
    session.execute(
        insert(CaseIntent)
        .values(
            case_id=case_id,
            staff_id=actor.id,
            decision=decision,
            amount=amount,
            reason_code=reason_code,
            note=note,
            seen_seq=seen_seq,
            commit_at=NOW + timedelta(seconds=undo_seconds),
        )
        .on_conflict_do_nothing()
    )
    row = session.get_one(CaseIntent, case_id, populate_existing=True)
    if row.staff_id != actor.id:
        name = session.scalar(select(Staff.name).where(Staff.id == row.staff_id))
        raise Conflict(f"{name} has decided case {case_id} a moment ago. The next one is yours.")
    return row.commit_at


def undo(session: Session, *, actor: Actor, case_id: int) -> None:
    """Take a decision of one's own back before it is carried out. Raises Conflict when it is too late."""
    require(actor, Permission.DECIDE_REFUNDS)
    gone = session.scalar(
        delete(CaseIntent)
        .where(CaseIntent.case_id == case_id, CaseIntent.staff_id == actor.id)
        .returning(CaseIntent.case_id)
    )
    if gone is None:
        raise Conflict(
            f"The decision on case {case_id} is carried out already. A paid case can be reversed instead."
        )


def waiting(session: Session, *, actor: Actor) -> list[Waiting]:
    """A reviewer's own decisions that are not carried out, the newest first."""
    rows = session.scalars(
        select(CaseIntent).where(CaseIntent.staff_id == actor.id).order_by(CaseIntent.made_at.desc())
    )
    return [
        Waiting(row.case_id, row.decision, row.amount, row.made_at, row.commit_at, row.refused)
        for row in rows
    ]


def carry_out_due(database: Database, *, actor: Actor | None = None, at_once: bool = False) -> list[Decided]:
    """Carry out what is due, one transaction each; `actor` limits it to that reviewer's.

    `at_once` does not wait for the time, for whoever leaves the page. What the case or the reviewer's roles
    forbid by now is refused, and stays with the sentence that says why.
    """
    done = []
    with database.transaction() as session:
        chosen = select(CaseIntent.case_id).where(CaseIntent.refused.is_(None))
        if actor is not None:
            chosen = chosen.where(CaseIntent.staff_id == actor.id)
        if not at_once:
            chosen = chosen.where(CaseIntent.commit_at <= func.clock_timestamp())
        due = session.scalars(chosen.order_by(CaseIntent.commit_at)).all()
    for case_id in due:
        with database.transaction() as session:
            if (decided := _carry_out(session, case_id)) is not None:
                done.append(decided)
    return done


def _carry_out(session: Session, case_id: int) -> Decided | None:
    row = session.scalars(
        select(CaseIntent)
        .where(CaseIntent.case_id == case_id, CaseIntent.refused.is_(None))
        .with_for_update(skip_locked=True)
    ).one_or_none()
    if row is None:
        return None
    try:
        with session.begin_nested():
            decided = _decide(session, row)
    except OperatorError as exc:
        session.refresh(row)
        row.refused = str(exc)
        session.flush()
        return None
    session.delete(row)
    return decided


def _decide(session: Session, row: CaseIntent) -> Decided:
    # The roles of this moment: they may have been taken away since the click.
    actor = actor_by_id(session, row.staff_id)
    if row.decision == "deny":
        return deny(
            session,
            actor=actor,
            case_id=row.case_id,
            seen_seq=row.seen_seq,
            reason_code=row.reason_code,
            note=row.note,
        )
    agree = approve if row.decision == "approve" else send_to_second
    return agree(
        session,
        actor=actor,
        case_id=row.case_id,
        seen_seq=row.seen_seq,
        amount=row.amount,
        reason_code=row.reason_code,
        note=row.note,
    )
