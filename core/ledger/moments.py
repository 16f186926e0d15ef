"""Where in the ledger a moment is, found without an index on times: numbers grow as time passes."""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.tables.ledger import Transfer

# Numbers are handed out a moment before the row's own time is written.
SKEW = timedelta(minutes=1)


def first_since(session: Session, moment: datetime) -> int:
    """A number below which every transfer is older than `moment`, found by halving."""
    return _first_not_older(session, moment - SKEW)


def first_after(session: Session, moment: datetime) -> int:
    """A number from which on no transfer is older than `moment`."""
    return _first_not_older(session, moment + SKEW)


def _first_not_older(session: Session, moment: datetime) -> int:
    low, high = 0, (session.scalar(select(func.max(Transfer.id))) or 0) + 1
    while low < high:
        middle = (low + high) // 2
        found = session.execute(
            select(Transfer.id, Transfer.created_at)
            .where(Transfer.id >= middle)
            .order_by(Transfer.id)
            .limit(1)
        ).one_or_none()
        if found is None or found.created_at >= moment:
            high = middle
        else:
            low = found.id + 1
    return low
