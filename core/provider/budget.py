"""The governor of API requests: one GCRA bucket a kind, in a row that all workers share.

Replicate allows 600 creations and 3,000 other requests a minute (Replicate docs, rate limits); we stay
below, so that pages and other programs of the account have room.
"""

from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from core.tables.provider import ApiBudget

Kind = Literal["create", "read"]
PER_SECOND: dict[Kind, float] = {"create": 9.0, "read": 45.0}
BURST_SECONDS = 2.0
MINUTE = timedelta(minutes=1)
LONGEST_PAUSE_SECONDS = 300.0
# For a 429 that does not say how long.
DEFAULT_PAUSE_SECONDS = 5.0


def take(session: Session, kind: Kind, wanted: int) -> int:
    """Take up to `wanted` requests from the bucket; says how many were granted, 0 while paused."""
    now = func.clock_timestamp()
    row = session.execute(
        select(
            ApiBudget.next_free_at,
            ApiBudget.minute_at,
            ApiBudget.minute_used,
            ApiBudget.minute_before,
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
        used, before = _minutes(row, row.now)
        counted = {"minute_at": _minute(row.now), "minute_used": used + granted, "minute_before": before}
        session.execute(
            update(ApiBudget).where(ApiBudget.kind == kind).values(next_free_at=start + spent, **counted)
        )
    return max(granted, 0)


def used_last_minute(row: ApiBudget, now: datetime) -> float:
    """About how many requests were granted in the last 60 seconds.

    The minute before counts for the part of it that those seconds still cover.
    """
    used, before = _minutes(row, now)
    covered = 1 - (now - _minute(now)) / MINUTE
    return used + before * covered


def _minutes(row: Any, now: datetime) -> tuple[int, int]:
    """What was granted in this minute and in the one before."""
    passed = (_minute(now) - _minute(row.minute_at)) // MINUTE
    return (row.minute_used, row.minute_before) if passed < 1 else (0, row.minute_used if passed == 1 else 0)


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


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
