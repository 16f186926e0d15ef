"""Hours and days on the operator's clock, also where a day has 23 or 25 hours."""

import dataclasses
import enum
import itertools
from datetime import UTC, date, datetime, time, timedelta, tzinfo

QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)


class Grain(enum.StrEnum):
    """How long a bar of the chart is."""

    HOUR = "hour"
    DAY = "day"


@dataclasses.dataclass(frozen=True)
class Bin:
    """One bar's time, from `start` to the exclusive `end`; both aware and on the operator's clock."""

    start: datetime
    end: datetime


def bins(since: datetime, until: datetime, grain: Grain, zone: tzinfo) -> list[Bin]:
    """Every whole hour or day of the operator's clock that touches the time from `since` to `until`."""
    first, last = since.astimezone(zone).date(), until.astimezone(zone).date()
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    found = [
        each for day in days for each in (_hours(day, zone) if grain is Grain.HOUR else [_day(day, zone)])
    ]
    # In UTC: Python compares two times of one zone by the clock on the wall, which runs back once a year.
    low, high = since.astimezone(UTC), until.astimezone(UTC)
    return [each for each in found if each.start.astimezone(UTC) < high and each.end.astimezone(UTC) > low]


def midnight(day: date, zone: tzinfo) -> datetime:
    """The first moment of a day on the operator's clock."""
    # By way of UTC, because a midnight that daylight saving skips is no moment of its own.
    return datetime.combine(day, time(), zone).astimezone(UTC).astimezone(zone)


def _day(day: date, zone: tzinfo) -> Bin:
    return Bin(midnight(day, zone), midnight(day + timedelta(days=1), zone))


def _hours(day: date, zone: tzinfo) -> list[Bin]:
    """The hours that a day really has; counted in UTC, where none is skipped or comes twice."""
    whole = _day(day, zone)
    start, end = whole.start.astimezone(UTC), whole.end.astimezone(UTC)
    edges = [start]
    while edges[-1] + HOUR < end:
        edges.append(edges[-1] + HOUR)
    edges.append(end)
    there = [edge.astimezone(zone) for edge in edges]
    return [Bin(*pair) for pair in itertools.pairwise(there)]
