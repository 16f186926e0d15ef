"""What an operator does about stuck generations: allowed to few, left in the trail, and it helps."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from core.access.permissions import Actor
from core.access.staff import active_staff
from core.foundation.errors import Conflict, NotAllowed, NotFound, ServiceUnavailable
from core.generation.reports import Applied
from core.generation.store import claim_to_store, store
from core.generation.submit import claim_to_submit, submit
from core.generation.sweep import sweep
from core.generation.workers import beat
from core.health.actions import adopt_now, poll_now, store_now
from core.health.stuck import Reason
from core.health.view import health
from core.provider import budget
from core.tables.access import AuditEvent
from core.tables.generation import Generation, State, WorkerBeat
from tests.support.desk import TestDesk, wait_for


def reasons(desk: TestDesk) -> list[tuple[int, Reason]]:
    with desk.database.transaction() as session:
        return [(each.id, each.reason) for each in health(session, desk.services.settings).stuck.shown]


def trail(desk: TestDesk) -> list[tuple[str, str]]:
    with desk.database.transaction() as session:
        events = session.scalars(select(AuditEvent).order_by(AuditEvent.id)).all()
        health_actions = ("generation.poll", "generation.store_now", "sweep.run")
        return [(each.action, each.subject) for each in events if each.action in health_actions]


def persona(desk: TestDesk, role: str) -> Actor:
    with desk.database.transaction() as session:
        return next(actor for actor in active_staff(session) if role in actor.roles)


def sent(desk: TestDesk, prompt: str = "A hero") -> int:
    """A generation that the provider draws; nobody looks after it."""
    generation_id = desk.ask(prompt)
    [claim] = claim_to_submit(desk.services, worker="w1", free=1)
    submit(desk.services, claim)
    return generation_id


def long_ago(desk: TestDesk, generation_id: int) -> None:
    with desk.database.transaction() as session:
        generation = session.get_one(Generation, generation_id)
        generation.state_since -= timedelta(hours=1)


def waiting_to_be_stored(desk: TestDesk) -> int:
    generation_id = sent(desk)

    def drawn() -> bool:
        sweep(desk.services, worker="w1")
        return desk.generation(generation_id).state == State.STORING

    wait_for(drawn)
    return generation_id


def test_polling_takes_over_what_was_drawn_long_ago(desk: TestDesk) -> None:
    generation_id = sent(desk)
    long_ago(desk, generation_id)
    assert reasons(desk) == [(generation_id, Reason.PROVIDER_OVERDUE)]
    wait_for(lambda: desk.sandbox.state.order[0].status == "succeeded")

    assert poll_now(desk.services, actor=desk.admin, generation_id=generation_id) is Applied.DRAWN

    assert desk.generation(generation_id).state == State.STORING
    assert desk.attempts(generation_id)[0].detected_by == "get"
    assert reasons(desk) == []
    assert trail(desk) == [("generation.poll", f"generation:{generation_id}")]


def test_polling_one_that_is_still_drawn_changes_nothing(desk: TestDesk) -> None:
    desk = desk.with_settings(attempt_timeout_seconds=3000.0)
    generation_id = sent(desk, "A hero [sandbox:never_ends x1]")
    long_ago(desk, generation_id)

    assert poll_now(desk.services, actor=desk.admin, generation_id=generation_id) is Applied.KNOWN

    assert reasons(desk) == [(generation_id, Reason.PROVIDER_OVERDUE)]


def test_polling_one_that_the_provider_forgot_ends_its_attempt(desk: TestDesk) -> None:
    generation_id = sent(desk, "A hero [sandbox:never_ends x1]")
    desk.sandbox.state.predictions.clear()

    assert poll_now(desk.services, actor=desk.admin, generation_id=generation_id) is Applied.ENDED

    assert desk.generation(generation_id).state == State.QUEUED


def test_polling_is_refused_in_a_sentence_where_it_cannot_help(desk: TestDesk) -> None:
    generation_id = desk.ask()
    with pytest.raises(Conflict, match="the provider is not drawing it"):
        poll_now(desk.services, actor=desk.admin, generation_id=generation_id)
    with pytest.raises(NotFound):
        poll_now(desk.services, actor=desk.admin, generation_id=987654)


def test_polling_keeps_to_the_budget_of_requests(desk: TestDesk) -> None:
    generation_id = sent(desk)
    with desk.database.transaction() as session:
        budget.pause(session, "read", 60)
    before = dict(desk.services.gateway.requests)

    with pytest.raises(Conflict, match="budget"):
        poll_now(desk.services, actor=desk.admin, generation_id=generation_id)

    assert desk.services.gateway.requests == before
    assert trail(desk) == []


def test_a_provider_that_does_not_answer_is_told_in_a_sentence(desk: TestDesk) -> None:
    generation_id = sent(desk)
    desk.sandbox.stop()

    with pytest.raises(ServiceUnavailable, match="The provider did not tell"):
        poll_now(desk.services, actor=desk.admin, generation_id=generation_id)
    with pytest.raises(ServiceUnavailable, match="list could not be read"):
        adopt_now(desk.services, actor=desk.admin)


def test_adopting_finds_a_lost_answer_although_another_worker_has_the_sweep(desk: TestDesk) -> None:
    generation_id = desk.ask("A hero [sandbox:answer_lost x1]")
    [claim] = claim_to_submit(desk.services, worker="w1", free=1)
    sweep(desk.services, worker="dead")  # and its turn lasts as long as its lease
    submit(desk.services, claim)
    assert reasons(desk) == [(generation_id, Reason.ANSWER_LOST)]

    assert adopt_now(desk.services, actor=desk.admin).changed == 1

    assert desk.attempts(generation_id)[0].adopted
    assert reasons(desk) == []
    assert trail(desk) == [("sweep.run", "sweep")]


def test_adopting_where_nothing_is_open_says_so(desk: TestDesk) -> None:
    with pytest.raises(Conflict, match="Nothing is open"):
        adopt_now(desk.services, actor=desk.admin)


def test_storing_now_ends_the_wait(desk: TestDesk) -> None:
    generation_id = waiting_to_be_stored(desk)
    desk.age(generation_id, -600)  # its next try is ten minutes away
    assert claim_to_store(desk.services, worker="w1", free=1) == []

    with desk.database.transaction() as session:
        store_now(session, desk.services.settings, actor=desk.admin, generation_id=generation_id)

    [claim] = claim_to_store(desk.services, worker="w1", free=1)
    assert store(desk.services, claim)
    assert trail(desk) == [("generation.store_now", f"generation:{generation_id}")]


def test_storing_now_leaves_alone_what_a_worker_stores_already(desk: TestDesk) -> None:
    generation_id = waiting_to_be_stored(desk)
    [claim] = claim_to_store(desk.services, worker="w1", free=1)
    last_sign(desk, "w1", seconds_ago=-60)
    with (
        pytest.raises(Conflict, match="right now"),
        desk.database.transaction() as session,
    ):
        store_now(session, desk.services.settings, actor=desk.admin, generation_id=generation_id)
    assert store(desk.services, claim)
    with pytest.raises(Conflict, match="succeeded"), desk.database.transaction() as session:
        store_now(session, desk.services.settings, actor=desk.admin, generation_id=generation_id)
    assert trail(desk) == []


def last_sign(desk: TestDesk, worker: str, *, seconds_ago: float) -> None:
    with desk.database.transaction() as session:
        beat(session, worker=worker, fenced_writes=0, ticks={})
        session.get_one(WorkerBeat, worker).beat_at -= timedelta(seconds=seconds_ago)


def test_what_a_silent_worker_holds_is_taken_from_it_and_its_late_write_refused(desk: TestDesk) -> None:
    generation_id = waiting_to_be_stored(desk)
    [frozen] = claim_to_store(desk.services, worker="frozen", free=1)
    last_sign(desk, "frozen", seconds_ago=60)
    assert reasons(desk) == [(generation_id, Reason.WORKER_VANISHED)]

    with desk.database.transaction() as session:
        store_now(session, desk.services.settings, actor=desk.admin, generation_id=generation_id)

    assert reasons(desk) == []
    [claim] = claim_to_store(desk.services, worker="w2", free=1)
    assert store(desk.services, frozen) is False
    assert store(desk.services, claim) is True


@pytest.mark.parametrize("role", ["viewer", "tuner", "support", "approver"])
def test_only_operators_and_admins_step_in(desk: TestDesk, role: str) -> None:
    generation_id = sent(desk)
    actor = persona(desk, role)

    def store_it() -> None:
        with desk.database.transaction() as session:
            store_now(session, desk.services.settings, actor=actor, generation_id=generation_id)

    steps: list[Callable[[], object]] = [
        lambda: poll_now(desk.services, actor=actor, generation_id=generation_id),
        lambda: adopt_now(desk.services, actor=actor),
        store_it,
    ]
    for step in steps:
        with pytest.raises(NotAllowed, match="operator, admin"):
            step()
    assert trail(desk) == []


def test_an_operator_may_step_in(desk: TestDesk) -> None:
    sent(desk)
    adopt_now(desk.services, actor=persona(desk, "operator"))
    assert trail(desk) == [("sweep.run", "sweep")]
