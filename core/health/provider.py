"""What we know of the provider right now: what our requests may cost us, and how fresh our picture is."""

import dataclasses
import enum
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.foundation.leases import NamedLease
from core.generation.sweep import to_list
from core.provider import budget
from core.settings import Settings
from core.tables.generation import RenderAttempt
from core.tables.provider import ApiBudget

# So many intervals without a sweep are no longer fresh.
LATE_INTERVALS = 5


class Freshness(enum.StrEnum):
    """How well the sweep keeps up."""

    IDLE = "idle"  # nothing is at the provider, so there is nothing to look for
    FRESH = "fresh"
    LATE = "late"


@dataclasses.dataclass(frozen=True)
class ApiUse:
    """One kind of request: how many were sent in the last minute, and how many our limit would allow.

    `paused_for` is how long the provider's wish still pauses them, `pauses` how often it wished so.
    """

    kind: str
    used: int
    allowed: int
    paused_for: timedelta | None
    pauses: int

    @property
    def share(self) -> float:
        """Of what is allowed, between 0 and 1."""
        return min(self.used / self.allowed, 1.0)


@dataclasses.dataclass(frozen=True)
class SweepHealth:
    """The sweep: `waiting` predictions are looked for, the last look was `ago`, by `owner`."""

    freshness: Freshness
    waiting: int
    ago: timedelta | None
    owner: str | None


def api_use(session: Session, *, now: datetime) -> list[ApiUse]:
    """Every kind of request that has a limit."""
    rows = session.scalars(select(ApiBudget).order_by(ApiBudget.kind))
    return [_use(row, now) for row in rows]


def _use(row: ApiBudget, now: datetime) -> ApiUse:
    left = row.paused_until - now if row.paused_until else None
    return ApiUse(
        kind=row.kind,
        used=round(budget.used_last_minute(row, now)),
        allowed=round(60 * budget.PER_SECOND[cast(budget.Kind, row.kind)]),
        paused_for=left if left and left > timedelta() else None,
        pauses=row.throttled_count,
    )


def sweep_health(session: Session, settings: Settings, *, now: datetime) -> SweepHealth:
    """Compare the last sweep with what is open at the provider."""
    waiting, since = session.execute(
        select(func.count(), func.min(RenderAttempt.submitted_at)).where(
            to_list(settings.sweep_window_seconds)
        )
    ).one()
    lease = session.get(NamedLease, "sweep")
    ran_at = lease.last_run_at if lease else None
    limit = timedelta(
        seconds=max(LATE_INTERVALS * settings.sweep_interval_seconds, settings.heartbeat_seconds)
    )
    # What was only just sent is not looked for yet; an idle sweep rests for however long.
    neglected = waiting and now - max(ran_at or since, since) > limit
    freshness = Freshness.LATE if neglected else Freshness.FRESH if waiting else Freshness.IDLE
    return SweepHealth(freshness, waiting, now - ran_at if ran_at else None, lease.owner if lease else None)
