"""Who works on which case, and who looks at it. Both help people; no promise about money rests on them."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.access.permissions import Actor, Permission, require
from core.foundation.clock import NOW
from core.foundation.errors import Conflict
from core.tables.access import Staff
from core.tables.refunds import CaseViewer, CompensationCase

CLAIM = timedelta(minutes=15)
# Who was not seen for so long has left the page.
LOOKING = timedelta(seconds=30)


def claim(session: Session, *, actor: Actor, case_id: int) -> None:
    """Take a case, or take it for longer. Raises NotAllowed, and Conflict, which names who holds it."""
    require(actor, Permission.DECIDE_REFUNDS)
    mine = session.scalar(
        update(CompensationCase)
        .where(
            CompensationCase.id == case_id,
            CompensationCase.closed_at.is_(None),
            or_(
                CompensationCase.claimed_by.is_(None),
                CompensationCase.claimed_by == actor.id,
                CompensationCase.claim_until <= NOW,
            ),
        )
        .values(claimed_by=actor.id, claim_until=NOW + CLAIM)
        .returning(CompensationCase.id)
    )
    if mine is None:
        raise Conflict(_why_not(session, case_id))


def release(session: Session, *, actor: Actor, case_id: int) -> None:
    """Give a case back that one holds; nothing happens to anybody else's."""
    session.execute(
        update(CompensationCase)
        .where(CompensationCase.id == case_id, CompensationCase.claimed_by == actor.id)
        .values(claimed_by=None, claim_until=None)
    )


def looks_at(session: Session, *, actor: Actor, case_id: int) -> Sequence[str]:
    """Note that somebody has the case on the screen; the names of the others who have."""
    session.execute(
        insert(CaseViewer)
        .values(case_id=case_id, staff_id=actor.id)
        .on_conflict_do_update(
            index_elements=["case_id", "staff_id"], set_={"seen_at": func.clock_timestamp()}
        )
    )
    return session.scalars(
        select(Staff.name)
        .join(CaseViewer, CaseViewer.staff_id == Staff.id)
        .where(
            CaseViewer.case_id == case_id, CaseViewer.staff_id != actor.id, CaseViewer.seen_at > NOW - LOOKING
        )
        .order_by(Staff.name)
    ).all()


def _why_not(session: Session, case_id: int) -> str:
    row = session.execute(
        select(Staff.name, CompensationCase.claim_until, CompensationCase.closed_at)
        .join(Staff, Staff.id == CompensationCase.claimed_by, isouter=True)
        .where(CompensationCase.id == case_id)
    ).one_or_none()
    if row is None:
        return f"There is no case {case_id}."
    if row.closed_at is not None:
        return f"Case {case_id} was decided at {row.closed_at:%H:%M} UTC."
    return f"{row.name} is working on case {case_id} until {row.claim_until:%H:%M} UTC."
