"""Cases whose holder has left the desk come back to all, before the claim would end by itself."""

from datetime import timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.tables.refunds import CaseViewer, CompensationCase

# A page in the background may report only once a minute; whoever is silent for longer is gone.
GONE = timedelta(minutes=2)


def release_left(session: Session) -> int:
    """Give back the cases that their holders were not seen at for two minutes; how many there were."""
    seen = (
        select(CaseViewer.case_id)
        .where(
            CaseViewer.case_id == CompensationCase.id,
            CaseViewer.staff_id == CompensationCase.claimed_by,
            CaseViewer.seen_at > func.now() - GONE,
        )
        .exists()
    )
    given = session.scalars(
        update(CompensationCase)
        .where(CompensationCase.claimed_by.is_not(None), CompensationCase.closed_at.is_(None), ~seen)
        .values(claimed_by=None, claim_until=None)
        .returning(CompensationCase.id)
        .execution_options(synchronize_session=False)
    ).all()
    return len(given)


def release_others(session: Session, *, actor: Actor, keep: int | None) -> None:
    """Give back whatever one holds beside the case that is on the screen."""
    session.execute(
        update(CompensationCase)
        .where(
            CompensationCase.claimed_by == actor.id,
            CompensationCase.closed_at.is_(None),
            CompensationCase.id != (keep or 0),
        )
        .values(claimed_by=None, claim_until=None)
        .execution_options(synchronize_session=False)
    )
