"""How the offset to the provider's clock is followed, and what a list asked from there can tell."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from core.provider.clock_offset import (
    DOUBTS,
    FRESH,
    MARGIN,
    SLACK,
    ClockOffset,
    Span,
    Track,
    from_creation,
    from_date,
)

AT = datetime(2026, 11, 22, 10, tzinfo=UTC)


def later(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


def seeing(
    offset: ClockOffset, source: str, low: float, high: float, at: float, newest: int = 0
) -> ClockOffset:
    return offset.seeing(source, Span(low, high), at=later(at), now=later(at), newest=newest)


def test_a_date_bounds_the_offset_by_the_moments_of_sending_and_receiving() -> None:
    span = from_date(later(100), before=AT, after=later(0.4))
    assert span == Span(99.6, 102)


def test_a_creation_bounds_it_more_closely() -> None:
    span = from_creation(later(-3600 + 0.1), before=AT, after=later(0.3))
    assert span is not None
    assert (round(span.low, 3), round(span.high, 3)) == (-3602.2, -3597.9)


def test_a_clock_of_ours_that_was_set_back_meanwhile_bounds_nothing() -> None:
    assert from_date(AT, before=AT, after=later(-1)) is None


def test_what_agrees_is_narrowed() -> None:
    offset = seeing(seeing(ClockOffset(), "created", -1, 1, 0), "created", 0.5, 3, 0)
    assert offset.created is not None
    assert offset.created.span == Span(0.5, 1)


def test_nothing_is_known_before_anything_was_seen_and_long_after() -> None:
    assert ClockOffset().known(AT, AT) is None
    offset = seeing(ClockOffset(), "created", -1, 1, 0)
    assert offset.known(AT, AT) is not None
    now = AT + FRESH + timedelta(seconds=1)
    assert offset.known(now - FRESH, now) is None


def test_a_step_is_believed_after_some_more_agree() -> None:
    offset = seeing(ClockOffset(), "date", -1, 1, 0)
    offset = seeing(offset, "date", 99, 101, 1, newest=7)
    for n in range(DOUBTS):
        assert offset.known(AT, later(2 + n)) is None
        offset = seeing(offset, "date", 99, 101, 2 + n, newest=9)
    known = offset.known(AT, later(10))
    assert known is not None
    assert known.step == 7
    assert known.span.low > 95


def test_a_confirmation_from_the_future_shows_that_our_clock_was_set_back() -> None:
    """Both clocks were, so that the offset is what it was; what was stamped before lies elsewhere now."""
    offset = seeing(ClockOffset(), "created", -1, 1, 3600)
    offset = seeing(offset, "created", -1, 1, 0, newest=7)
    assert offset.created == Track(Span(-1, 1), AT, DOUBTS, 7)


def test_an_intent_from_before_a_step_is_never_judged_by_the_offset_since() -> None:
    offset = ClockOffset(created=Track(Span(-1, 1), later(10), step=7))
    assert not offset.covers(later(-7200), AT, attempt=7, now=later(20))
    assert offset.covers(later(-7200), AT, attempt=8, now=later(20))


def test_a_nudge_is_no_step() -> None:
    offset = ClockOffset()
    for nudged in (0.0, 1.5):
        seen = from_creation(later(nudged), before=AT, after=later(0.1))
        assert seen is not None
        offset = offset.seeing("created", seen, at=AT, now=later(0.1), newest=5)
    assert offset.created is not None
    assert offset.created.doubts == 0


def test_drift_is_followed_without_a_step() -> None:
    offset = ClockOffset()
    for n in range(200):
        offset = seeing(offset, "created", 0.08 * n - 0.5, 0.08 * n + 0.5, n, newest=n)
    assert offset.created is not None
    assert offset.created.step == 0
    assert abs(offset.created.span.least - 0.08 * 199) < 2


def test_what_is_too_vague_confirms_nothing() -> None:
    offset = seeing(ClockOffset(), "created", -1, 1, 0)
    vague = seeing(offset, "created", -100, 100, 60)
    assert vague == offset
    assert not vague.covers(AT, later(30), attempt=1, now=later(61))


def test_creations_are_believed_more_than_a_date_that_contradicts_them() -> None:
    offset = seeing(seeing(ClockOffset(), "date", 3599, 3601, 5), "created", -1, 1, 5)
    known = offset.known(AT, later(6))
    assert known is not None
    assert known.span.high < 3
    # A step since the last creation would look the same: whoever was asked for after it must wait.
    assert offset.known(later(5.5), later(6)) is None
    assert seeing(offset, "date", 3599, 3601, 6).known(later(5.5), later(6)) is None


def test_a_date_alone_widens_what_is_asked_and_never_narrows_it() -> None:
    ahead, behind = (seeing(ClockOffset(), "date", low, low + 2, 0) for low in (7200, -7200))
    nothing = ClockOffset().ask_from(AT, first=1, now=AT)
    assert ahead.ask_from(AT, first=1, now=AT) == nothing < AT - timedelta(hours=1)
    assert behind.ask_from(AT, first=1, now=AT) == nothing - timedelta(hours=2)


def test_creations_say_from_when_to_ask() -> None:
    offset = seeing(ClockOffset(), "created", 3600, 3601, 0)
    assert offset.ask_from(AT, first=1, now=AT) == later(3600) - SLACK
    assert offset.covers(later(3600) - MARGIN, AT, attempt=1, now=AT)
    assert not offset.covers(later(3600), AT, attempt=1, now=AT)


def test_times_are_changed_as_little_as_was_seen() -> None:
    offset = seeing(ClockOffset(), "created", -0.4, 0.6, 0)
    assert offset.to_ours(AT, AT) == AT
    behind = seeing(ClockOffset(), "created", -101, -99, 0)
    assert behind.to_ours(AT, AT) == later(99)
    assert behind.to_theirs(AT) == later(-99)
    assert ClockOffset().to_theirs(AT) is None


def test_a_date_kept_by_a_cache_is_not_believed() -> None:
    """Every answer bears the same Date, and no creation tells the time."""
    offset = ClockOffset()
    for second in range(120):
        seen = from_date(AT, before=later(second), after=later(second + 0.1))
        assert seen is not None
        offset = offset.seeing("date", seen, at=later(second), now=later(second + 0.1), newest=second)
    asked = offset.ask_from(later(60), first=60, now=later(120))
    assert not offset.covers(asked, later(60), attempt=60, now=later(120))


@pytest.mark.parametrize("seed", range(300))
def test_a_list_is_never_whole_that_leaves_out_what_was_made(seed: int) -> None:
    """Both clocks step and drift, answers are lost, the Date is right, missing, or somebody else's."""
    dice = random.Random(seed)  # noqa: S311 - no secret
    ours, theirs = dice.choice((0.0, 100.0, -3600.0)), dice.choice((0.0, -100.0, 3600.0))
    lies = dice.choice((None, 0.0, 0.0, 90.0, -500.0))
    offset, real = ClockOffset(), 0.0
    waiting: list[tuple[int, datetime, datetime]] = []
    judged = 0
    for attempt in range(1, 200):
        real += dice.choice((1.0, 5.0, 20.0))
        if dice.random() < 0.03:
            ours += dice.choice((-3600.0, -100.0, 100.0, 3600.0))
        if dice.random() < 0.03:
            theirs += dice.choice((-3600.0, -100.0, 100.0, 3600.0))
        ours += dice.uniform(-0.05, 0.05)
        submitted, took = later(real + ours), dice.uniform(0.01, 3)
        created = later(real + theirs + took / 2)
        if dice.random() < 0.5:
            waiting.append((attempt, submitted, created))
        else:
            seen = from_creation(created, before=submitted, after=submitted + timedelta(seconds=took))
            assert seen is not None
            now = submitted + timedelta(seconds=took)
            offset = offset.seeing("created", seen, at=submitted, now=now, newest=attempt)
        real += took + 1
        now = later(real + ours)
        oldest = min((each[1] for each in waiting), default=now)
        first = min((each[0] for each in waiting), default=None)
        asked = offset.ask_from(oldest, first=first, now=now)
        if lies is not None:
            date = later(int(real + theirs + lies))
            seen = from_date(date, before=now, after=now + timedelta(seconds=0.2))
            assert seen is not None
            offset = offset.seeing("date", seen, at=now, now=now, newest=attempt)
        for lost, stamped, made in [each for each in waiting if each[0] < attempt - 3]:
            if offset.covers(asked, stamped, attempt=lost, now=now):
                judged += 1
                assert asked <= made, f"attempt {lost} was made before what was asked for"
                waiting.remove((lost, stamped, made))
    assert judged or lies != 0.0
