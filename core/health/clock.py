"""How far the provider's clock is from ours, as Health and the alerts tell it."""

import dataclasses
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.generation.clock import clock_offset
from core.generation.sweep import to_list
from core.provider.clock_offset import FRESH
from core.settings import Settings
from core.tables.generation import RenderAttempt

# A clock that is further off than this wants to be set right; the engine copes with any.
TOLERANCE_SECONDS = 30.0
# Until then the next list or creation may tell.
UNKNOWN_FOR = timedelta(minutes=1)


@dataclasses.dataclass(frozen=True)
class ClockHealth:
    """The provider's clock minus the database's, in seconds.

    `offset` is the likeliest value and `give` how far the truth may be from it; both are None where the
    offset is not known now. `least` is the offset nearest to none that is possible. `seen_ago` is the time
    since the last sighting, `unknown_for` how long work has been going on without knowing the offset.
    """

    offset: float | None
    give: float | None
    least: float | None
    seen_ago: timedelta | None
    unknown_for: timedelta | None

    @property
    def off(self) -> bool:
        """Whether the clocks are certainly further apart than they should be."""
        return self.least is not None and abs(self.least) > TOLERANCE_SECONDS

    @property
    def in_doubt(self) -> bool:
        """Whether work has been going on for long without knowing the offset."""
        return self.unknown_for is not None and self.unknown_for > UNKNOWN_FOR


def clock_health(session: Session, settings: Settings, *, now: datetime) -> ClockHealth:
    """What is known at this moment."""
    offset = clock_offset(session)
    known = offset.known(now - FRESH, now)
    seen = max((track.at for track in (offset.created, offset.date) if track), default=None)
    seen_ago = now - seen if seen else None
    if known is None:
        return ClockHealth(None, None, None, seen_ago, _working_for(session, settings, now))
    span = known.span
    return ClockHealth((span.low + span.high) / 2, span.width / 2, span.least, seen_ago, None)


def _working_for(session: Session, settings: Settings, now: datetime) -> timedelta | None:
    """Since when something is at the provider, or may be; None where nothing is."""
    waiting = to_list(settings.sweep_window_seconds)
    oldest = session.scalar(select(func.min(RenderAttempt.submitted_at)).where(waiting))
    return now - oldest if oldest else None
