"""The stages of a generation as they are shown."""

from datetime import UTC, datetime, timedelta

import pytest

from core.desks.generations.progress import Mark, stages
from core.tables.generation import State

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
Q, S, R, T = State.QUEUED, State.SUBMITTING, State.RENDERING, State.STORING


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def marks(*moves: State) -> list[Mark]:
    return [stage.mark for stage in stages([(state, at(n)) for n, state in enumerate(moves)], at(60))]


@pytest.mark.parametrize(
    ("moves", "shown"),
    [
        ((Q,), "now ahead ahead ahead"),
        ((Q, S, R), "done done now ahead"),
        ((Q, S, R, T, State.SUCCEEDED), "done done done done"),
        ((Q, S, R, State.FAILED), "done done failed ahead"),
        ((Q, State.CANCELED), "stopped ahead ahead ahead"),
        ((Q, S, R, Q), "now ahead ahead ahead"),
        ((Q, S, R, Q, S, R, T), "done done done now"),
    ],
)
def test_each_stage_says_whether_it_is_done_under_way_ahead_or_the_end(
    moves: tuple[State, ...], shown: str
) -> None:
    assert marks(*moves) == [Mark(word) for word in shown.split()]


def test_the_stage_under_way_counts_until_now_and_the_others_what_they_took() -> None:
    shown = stages([(Q, at(0)), (S, at(2)), (R, at(3))], at(10))

    assert [stage.spent for stage in shown] == [
        timedelta(seconds=2),
        timedelta(seconds=1),
        timedelta(seconds=7),
        None,
    ]


def test_the_time_of_all_attempts_adds_up() -> None:
    shown = stages([(Q, at(0)), (S, at(1)), (Q, at(2)), (S, at(12))], at(15))

    assert [stage.spent for stage in shown][:2] == [timedelta(seconds=11), timedelta(seconds=4)]


def test_an_ended_stage_does_not_go_on_counting() -> None:
    shown = stages([(Q, at(0)), (S, at(1)), (State.FAILED, at(4))], at(3600))

    assert [stage.spent for stage in shown] == [timedelta(seconds=1), timedelta(seconds=3), None, None]
