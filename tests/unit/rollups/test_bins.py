"""Hours and days on the operator's clock."""

import itertools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.rollups.bins import Grain, bins, midnight

BERLIN = ZoneInfo("Europe/Berlin")


def of_day(day: date, zone: ZoneInfo, grain: Grain) -> list[tuple[datetime, datetime]]:
    found = bins(midnight(day, zone), midnight(day + timedelta(days=1), zone), grain, zone)
    return [(each.start.astimezone(UTC), each.end.astimezone(UTC)) for each in found]


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("Europe/Berlin", date(2026, 7, 1), 24),
        ("America/New_York", date(2026, 3, 8), 23),
        # Here the skipped hour is the first of the day.
        ("Africa/Cairo", date(2026, 4, 24), 23),
        ("Asia/Kathmandu", date(2026, 7, 1), 24),
        # Half an hour is skipped: the last bar is the shorter.
        ("Australia/Lord_Howe", date(2026, 10, 4), 24),
    ],
)
def test_a_day_has_as_many_hours_as_it_really_has(zone: str, day: date, hours: int) -> None:
    there = ZoneInfo(zone)
    found = of_day(day, there, Grain.HOUR)
    assert len(found) == hours
    assert all(one[1] == other[0] for one, other in itertools.pairwise(found))
    (whole,) = of_day(day, there, Grain.DAY)
    assert (found[0][0], found[-1][1]) == whole


def test_days_follow_one_another_over_the_change_of_the_clock() -> None:
    found = bins(
        datetime(2026, 10, 24, 12, tzinfo=UTC), datetime(2026, 10, 26, 12, tzinfo=UTC), Grain.DAY, BERLIN
    )
    lengths = [each.end.astimezone(UTC) - each.start.astimezone(UTC) for each in found]
    assert lengths == [timedelta(hours=n) for n in (24, 25, 24)]


def test_only_what_touches_the_range_is_there_also_in_the_hour_that_comes_twice() -> None:
    # 02:30 of the second time.
    second = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    (only,) = bins(second, second + timedelta(minutes=5), Grain.HOUR, BERLIN)
    assert only.start.astimezone(UTC) == datetime(2026, 10, 25, 1, tzinfo=UTC)
    assert bins(second, second, Grain.HOUR, BERLIN)[-1].start.astimezone(UTC) <= second
