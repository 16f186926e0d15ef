"""Every transition of an alert, by a clock that only the test moves."""

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from core.alerts.machine import KEPT_WITHOUT_DATA, NoData, Sight, Standing, Timing, step
from core.tables.alerts import AlertState

T0 = datetime(2026, 3, 2, 12, tzinfo=UTC)
TIMING = Timing(wait=timedelta(seconds=60), keep=timedelta(seconds=120))
AT_ONCE = Timing(wait=timedelta(), keep=timedelta())
BAD, GOOD, NONE, BLIND = Sight.BAD, Sight.GOOD, Sight.NO_DATA, Sight.BLIND
PENDING, FIRING = AlertState.PENDING, AlertState.FIRING
RECOVERING, RESOLVED = AlertState.RECOVERING, AlertState.RESOLVED


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def standing(state: AlertState, since: float = 0, pending: float = 0, heard: float = 0) -> Standing:
    return Standing(state, at(since), at(pending), at(heard))


@pytest.mark.parametrize(
    ("before", "sight", "seconds", "state", "since"),
    [
        (None, GOOD, 0, None, None),
        (None, NONE, 0, None, None),
        (None, BLIND, 0, None, None),
        (None, BAD, 0, PENDING, 0),
        (standing(PENDING), BAD, 59, PENDING, 0),
        (standing(PENDING), BAD, 60, FIRING, 60),
        (standing(PENDING), GOOD, 30, RESOLVED, 30),
        (standing(PENDING), NONE, 300, PENDING, 0),
        (standing(PENDING), BLIND, 300, PENDING, 0),
        (standing(FIRING), BAD, 500, FIRING, 0),
        (standing(FIRING), GOOD, 10, RECOVERING, 10),
        (standing(FIRING), NONE, 10, FIRING, 0),
        (standing(FIRING), BLIND, 10_000, FIRING, 0),
        (standing(RECOVERING), GOOD, 119, RECOVERING, 0),
        (standing(RECOVERING), GOOD, 120, RESOLVED, 120),
        (standing(RECOVERING), BAD, 60, FIRING, 60),
        (standing(RECOVERING), NONE, 600, RECOVERING, 0),
        (standing(RECOVERING), BLIND, 600, RECOVERING, 0),
    ],
)
def test_every_state_answers_every_sight(
    before: Standing | None, sight: Sight, seconds: float, state: AlertState | None, since: float | None
) -> None:
    after = step(before, sight, TIMING, at(seconds))
    assert (after and after.state) == state
    assert (after and after.since) == (None if since is None else at(since))


def test_without_waits_it_fires_and_is_over_at_once() -> None:
    fired = step(None, BAD, AT_ONCE, at(0))
    assert fired is not None
    assert fired.state is FIRING
    over = step(fired, GOOD, AT_ONCE, at(1))
    assert over is not None
    assert over.state is RESOLVED


def test_pending_goes_on_with_its_clock_after_the_evaluator_was_away() -> None:
    pending = step(None, BAD, TIMING, at(0))
    after = step(pending, BAD, TIMING, at(3_000))
    assert after is not None
    assert (after.state, after.pending_since) == (FIRING, at(0))


def test_a_relapse_while_recovering_is_the_same_alert() -> None:
    back = step(standing(RECOVERING, since=10, pending=-90, heard=10), BAD, TIMING, at(40))
    assert back == Standing(FIRING, at(40), at(-90), at(40))


@pytest.mark.parametrize("state", [PENDING, FIRING, RECOVERING])
def test_blindness_changes_nothing_at_all(state: AlertState) -> None:
    before = standing(state)
    assert step(before, BLIND, TIMING, at(100_000)) is before


def test_silence_of_the_data_ends_a_firing_alert_after_an_hour_only() -> None:
    hour = KEPT_WITHOUT_DATA.total_seconds()
    firing = standing(FIRING)
    assert step(firing, NONE, TIMING, at(hour - 1)) == firing
    after = step(firing, NONE, TIMING, at(hour))
    assert after is not None
    assert (after.state, after.heard_at) == (RECOVERING, at(0))
    over = step(after, NONE, TIMING, at(hour + 120))
    assert over is not None
    assert over.state is RESOLVED


def test_no_data_can_count_as_bad_and_then_waits_like_anything_bad() -> None:
    timing = dataclasses.replace(TIMING, no_data=NoData.BAD)
    first = step(None, NONE, timing, at(0))
    assert first is not None
    assert first.state is PENDING
    after = step(first, NONE, timing, at(60))
    assert after is not None
    assert after.state is FIRING


def test_no_data_can_count_as_good() -> None:
    timing = dataclasses.replace(TIMING, no_data=NoData.GOOD)
    after = step(standing(FIRING), NONE, timing, at(10))
    assert after is not None
    assert after.state is RECOVERING


def test_a_clock_that_was_set_back_changes_nothing() -> None:
    firing = standing(FIRING, heard=100)
    assert step(firing, GOOD, TIMING, at(50)) is firing
