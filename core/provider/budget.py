"""The governor of API requests: one GCRA bucket a kind, in a row that all workers share.

Replicate allows 600 creations and 3,000 other requests a minute (Replicate docs, rate limits); we stay
below, so that pages and other programs of the account have room.
"""

from datetime import timedelta
from typing import Literal

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from core.provider.models import ApiBudget

Kind = Literal["create", "read"]
PER_SECOND: dict[Kind, float] = {"create": 9.0, "read": 45.0}
BURST_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 300.0
# For a 429 that does not say how long.
DEFAULT_PAUSE_SECONDS = 5.0


def take(session: Session, kind: Kind, wanted: int) -> int:
    """Take up to `wanted` requests from the bucket; says how many were granted, 0 while paused."""
    now = func.clock_timestamp()
    row = session.execute(
        select(
            ApiBudget.next_free_at,
            now.label("now"),
        )
        .where(ApiBudget.kind == kind)
        .where(or_(ApiBudget.paused_until.is_(None), ApiBudget.paused_until <= now))
        .with_for_update()
    ).one_or_none()
    if row is None or wanted < 1:
        return 0
    start = max(row.next_free_at, row.now)
    room = (row.now + timedelta(seconds=BURST_SECONDS) - start).total_seconds()
    granted = min(wanted, int(room * PER_SECOND[kind] + 1e-6))
    if granted > 0:
        spent = timedelta(seconds=granted / PER_SECOND[kind])
        session.execute(update(ApiBudget).where(ApiBudget.kind == kind).values(next_free_at=start + spent))
    return max(granted, 0)


def pause(session: Session, kind: Kind, seconds: float) -> None:
    """Stop all workers' requests of this kind for a while: the provider said that it is enough."""
    until = func.clock_timestamp() + timedelta(seconds=min(seconds, LONGEST_PAUSE_SECONDS))
    session.execute(
        update(ApiBudget)
        .where(ApiBudget.kind == kind)
        .values(
            paused_until=func.greatest(func.coalesce(ApiBudget.paused_until, until), until),
            throttled_count=ApiBudget.throttled_count + 1,
        )
    )
