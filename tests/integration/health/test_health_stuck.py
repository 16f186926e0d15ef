"""Every way to be stuck: told with exactly its reason and one next step, and gone when its cause is."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.health.stuck import (
    SHOWN_OF_A_REASON,
    Reason,
    Step,
    Stuck,
    StuckGenerations,
    next_step,
    stuck_generations,
)
from core.settings import Settings
from core.tables.generation import Generation, KeptOutput, RenderAttempt, State
from tests.support.factories import make_customer, make_generation, make_selfie, make_staff

# No more than are sampled of an hour.
APART = timedelta(minutes=2)
PATIENCE = timedelta(seconds=15)
SETTINGS = Settings(attempt_timeout_seconds=300)


def look(session: Session, *, workers_alive: bool = True) -> StuckGenerations:
    session.expire_all()
    return stuck_generations(
        session, SETTINGS, now=now(session), patience=PATIENCE, workers_alive=workers_alive
    )


def now(session: Session) -> datetime:
    moment: datetime = session.scalars(select(func.clock_timestamp())).one()
    return moment


def ago(session: Session, **span: float) -> datetime:
    return now(session) - timedelta(**span)


def with_attempt(session: Session, generation: Generation, status: str, **columns: Any) -> Generation:
    given = {"remote_id": uuid4().hex, "worker": "w1", "number": 1, "client_ref": uuid4()} | columns
    session.add(RenderAttempt(generation_id=generation.id, status=status, **given))
    session.flush()
    return generation


def storing(session: Session, *, saved_within: timedelta, tries: int = 0, **columns: Any) -> Generation:
    generation = make_generation(session, state="storing", **columns)
    save_by = now(session) + saved_within
    return with_attempt(session, generation, "succeeded", save_by=save_by, store_tries=tries)


def kept(session: Session) -> Generation:
    # Near its deletion, tried often and due: being kept outweighs all of it.
    generation = storing(session, saved_within=timedelta(minutes=5), tries=9, due_at=ago(session, hours=1))
    session.add(KeptOutput(generation_id=generation.id, content=b"picture"))
    session.flush()
    return generation


INJECTED: dict[str, tuple[Callable[[Session], Generation], Reason, Step]] = {
    "drawn, and deleted by the provider within half an hour": (
        lambda session: storing(session, saved_within=timedelta(minutes=29)),
        Reason.OUTPUT_EXPIRING,
        Step.STORE,
    ),
    "drawn, but its file does not come": (
        lambda session: storing(session, saved_within=timedelta(minutes=55), tries=2),
        Reason.NOT_FETCHED,
        Step.STORE,
    ),
    "kept until the object store is back": (kept, Reason.STORE_AWAY, Step.STORE),
    "its worker vanished while storing": (
        lambda session: storing(
            session, saved_within=timedelta(minutes=55), lease_owner="w1", lease_until=ago(session, seconds=1)
        ),
        Reason.WORKER_VANISHED,
        Step.STORE,
    ),
    "its worker vanished while sending": (
        lambda session: make_generation(
            session, state="submitting", lease_owner="w1", lease_until=ago(session, seconds=1)
        ),
        Reason.WORKER_VANISHED,
        Step.ADOPT,
    ),
    "the answer to its creation was lost": (
        lambda session: make_generation(session, state="submitting"),
        Reason.ANSWER_LOST,
        Step.ADOPT,
    ),
    "rendering for longer than any attempt may": (
        lambda session: make_generation(session, state="rendering", state_since=ago(session, seconds=301)),
        Reason.PROVIDER_OVERDUE,
        Step.POLL,
    ),
}


@pytest.mark.parametrize("name", INJECTED)
def test_each_is_told_with_exactly_its_reason_and_one_next_step(session: Session, name: str) -> None:
    make, reason, step = INJECTED[name]
    generation = make(session)

    found = look(session)

    assert [(each.id, each.reason, each.step) for each in found.shown] == [(generation.id, reason, step)]
    assert found.counts == {reason: 1}


@pytest.mark.parametrize("name", INJECTED)
def test_it_is_gone_as_soon_as_the_generation_goes_on(session: Session, name: str) -> None:
    generation = INJECTED[name][0](session)
    generation.state, generation.finished_at = State.SUCCEEDED, now(session)
    session.flush()

    assert look(session).total == 0


def test_what_goes_on_as_it_should_is_not_told(session: Session) -> None:
    soon = now(session) + timedelta(seconds=30)
    make_generation(session, due_at=ago(session, hours=2))  # queued behind others, workers are alive
    make_generation(session, state="submitting", lease_owner="w1", lease_until=soon)
    make_generation(session, state="rendering", state_since=ago(session, seconds=200))
    storing(session, saved_within=timedelta(minutes=31), tries=1)
    storing(session, saved_within=timedelta(minutes=55), lease_owner="w1", lease_until=soon)

    assert look(session).total == 0


@pytest.mark.parametrize("state", ["queued", "storing"])
def test_due_work_without_a_living_worker_is_told_after_three_missed_beats(
    session: Session, state: str
) -> None:
    def make(seconds: float) -> Generation:
        due_at = ago(session, seconds=seconds)
        if state == "queued":
            return make_generation(session, due_at=due_at)
        return storing(session, saved_within=timedelta(minutes=55), due_at=due_at)

    waiting = make(16)
    make(14)  # not for long enough
    make(-60)  # not due yet

    found = look(session, workers_alive=False)

    assert [(each.id, each.reason, each.step) for each in found.shown] == [
        (waiting.id, Reason.NO_WORKER, Step.CANCEL)
    ]
    assert look(session, workers_alive=True).total == 0


def rendered(session: Session, seconds: list[float], *, days_ago: float = 0.5, **columns: Any) -> None:
    """Generations that were rendered in so many seconds each."""
    customer = make_customer(session)
    known: dict[str, Any] = {
        "customer": customer,
        "selfie": make_selfie(session, customer=customer),
        "staff": make_staff(session),
    }
    ended = ago(session, days=days_ago)
    for index, took in enumerate(seconds):
        at = ended + index * APART
        generation = make_generation(session, state="succeeded", finished_at=at, **known, **columns)
        with_attempt(
            session, generation, "succeeded", accepted_at=at - timedelta(seconds=took), detected_at=at
        )


def rendering(session: Session, seconds: float, **columns: Any) -> int:
    return make_generation(
        session, state="rendering", state_since=ago(session, seconds=seconds), **columns
    ).id


def test_longer_than_nearly_all_renderings_of_this_model_lately_is_overdue(session: Session) -> None:
    rendered(session, [20.0 + each / 10 for each in range(201)])  # p99.5 is 39.9 s
    rendered(session, [80.0] * 25, days_ago=1.5, model="openai/gpt-image-1.5")
    late = rendering(session, 60)
    rendering(session, 30)
    rendering(session, 60, model="openai/gpt-image-1.5")

    [found] = look(session).shown

    assert (found.id, found.reason) == (late, Reason.PROVIDER_OVERDUE)
    assert found.usual is not None
    assert found.usual.total_seconds() == pytest.approx(39.9, abs=1e-6)


def test_few_or_old_renderings_say_nothing_about_what_is_usual(session: Session) -> None:
    rendered(session, [20.0] * 19)
    rendered(session, [20.0] * 40, days_ago=4)
    rendering(session, 60)

    assert look(session).total == 0


def test_one_busy_hour_does_not_speak_for_all(session: Session) -> None:
    rendered(session, [100.0])
    for _ in range(9):
        rendered(session, [5.0] * 28, days_ago=0.9)

    rendering(session, 60)

    assert look(session).total == 0


def test_many_are_counted_and_the_longest_waiting_are_shown(session: Session) -> None:
    ids = [rendering(session, 1000 - each) for each in range(SHOWN_OF_A_REASON + 5)]
    lost = make_generation(session, state="submitting")

    found = look(session)

    assert found.counts == {Reason.ANSWER_LOST: 1, Reason.PROVIDER_OVERDUE: SHOWN_OF_A_REASON + 5}
    assert [each.id for each in found.shown] == [lost.id, *ids[:SHOWN_OF_A_REASON]]


def test_the_time_that_is_left_is_told(session: Session) -> None:
    storing(session, saved_within=timedelta(minutes=10))
    make_generation(session, state="submitting", due_at=now(session) + timedelta(seconds=40))

    [expiring, lost] = look(session).shown

    assert about(expiring, minutes=10)
    assert about(lost, seconds=40)


def about(stuck: Stuck, **span: float) -> bool:
    assert stuck.left is not None
    return abs(stuck.left - timedelta(**span)) < timedelta(seconds=5)


def test_every_reason_has_a_next_step() -> None:
    assert {next_step(reason, State.STORING) for reason in Reason} == set(Step)
