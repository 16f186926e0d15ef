"""A confirmed batch: every generation is retried once, whatever is killed, revoked or runs short."""

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import func, select, text

from core.access.permissions import Actor
from core.access.staff import actor_by_id
from core.foundation.database import Database
from core.foundation.errors import Conflict, NotAllowed, NotFound, ServiceUnavailable
from core.generation.request import retry_generation
from core.generation.states import move
from core.ledger import moves as ledger
from core.monitoring.retries.batches import start, stop
from core.monitoring.retries.views import BatchView, batches_of_group
from core.monitoring.retries.work import settle_next, work_off
from core.settings import Settings
from core.tables.access import AuditEvent, Staff
from core.tables.generation import Generation, State
from core.tables.retries import RetryBatch
from tests.support.factories import NOON, make_generation, make_staff
from tests.support.failures import history
from tests.support.retries import (
    GROUP,
    batch,
    everything,
    failed_group,
    items,
    planned,
    retries_of,
    started,
    work_all_off,
)

SETTINGS = Settings()


@pytest.fixture
def tuner(database: Database) -> Actor:
    with database.transaction() as session:
        return actor_by_id(session, make_staff(session, name="Tom", roles=["tuner"]).id)


def seen(database: Database) -> BatchView:
    with database.transaction() as session:
        return batches_of_group(session, GROUP)[0]


def die_within_the_next(database: Database) -> None:
    """Make the next retry, and lose the connection before its commit."""
    with database.transaction() as session:
        assert settle_next(session, SETTINGS)
        backend = session.scalar(select(func.pg_backend_pid()))
        with database.transaction() as other:
            other.execute(select(func.pg_terminate_backend(backend)))


def change(database: Database, statement: str) -> None:
    with database.transaction() as session:
        session.execute(text(statement))


def test_a_batch_asks_for_each_generation_once_and_ends(database: Database, tuner: Actor) -> None:
    failed = failed_group(database, 5, template="A {{ style }} hero", prompt="An inky hero")
    number = started(database, SETTINGS, tuner)
    work_all_off(database, SETTINGS)
    assert batch(database, number).state == "done"
    assert retries_of(database, failed) == failed
    with database.transaction() as session:
        retries = session.scalars(select(Generation).where(Generation.retry_of.in_(failed))).all()
        trail = session.scalars(select(AuditEvent.action).where(AuditEvent.staff_id == tuner.id)).all()
        assert ledger.balance(session, customer_id=retries[0].customer_id) == 1000 - 5 * 10
    assert {each.requested_by for each in retries} == {tuner.id}
    # Failure rates compare templates, so a retry keeps it; what is sent is the former prompt.
    assert {(each.template, each.prompt) for each in retries} == {("A {{ style }} hero", "An inky hero")}
    assert {each.request_key for each in retries} == {f"retry:{number}:{each}" for each in failed}
    assert (trail.count("retry_batch.start"), trail.count("generation.request")) == (1, 5)
    assert ("Tom", "retry", "new") in history(database, GROUP)


def test_the_same_token_confirmed_twice_or_at_once_is_one_batch(database: Database, tuner: Actor) -> None:
    failed_group(database, 3)
    scope = everything()
    token = planned(database, SETTINGS, scope).token
    numbers: list[int] = []

    def confirm() -> None:
        with database.transaction() as session:
            found = start(session, SETTINGS, actor=tuner, fingerprint=GROUP, scope=scope, token=token)
            numbers.append(found.id)

    at_once(confirm, 4)
    work_all_off(database, SETTINGS)
    confirm()
    assert len(numbers) == 5
    assert len(set(numbers)) == 1


def test_what_has_changed_since_the_dry_run_is_not_started(database: Database, tuner: Actor) -> None:
    failed = failed_group(database, 2)
    scope = everything()
    token = planned(database, SETTINGS, scope).token
    dearer = SETTINGS.model_copy(update={"credits_per_avatar": 11})
    with database.transaction() as session, pytest.raises(Conflict, match="has changed"):
        start(session, dearer, actor=tuner, fingerprint=GROUP, scope=scope, token=token)
    with database.transaction() as session:
        retry_generation(session, SETTINGS, actor=tuner, generation_id=failed[0], request_key="k")
    with database.transaction() as session, pytest.raises(Conflict, match="confirm again"):
        start(session, SETTINGS, actor=tuner, fingerprint=GROUP, scope=scope, token=token)
    with database.transaction() as session:
        assert session.scalars(select(RetryBatch)).all() == []


def test_nothing_to_retry_makes_no_batch(database: Database, tuner: Actor) -> None:
    failed_group(database, 2, credits_held=5)
    with pytest.raises(Conflict, match="None of these"):
        started(database, SETTINGS, tuner)
    with database.transaction() as session, pytest.raises(NotFound):
        start(session, SETTINGS, actor=tuner, fingerprint="v1:none", scope=everything(), token="t")


def test_a_second_batch_skips_what_was_retried_meanwhile(database: Database, tuner: Actor) -> None:
    failed = failed_group(database, 3)
    number = started(database, SETTINGS, tuner)
    with database.transaction() as session:
        first = retry_generation(session, SETTINGS, actor=tuner, generation_id=failed[1], request_key="k").id
    work_all_off(database, SETTINGS)
    assert [each.state for each in items(database, number)] == ["requested", "skipped", "requested"]
    assert items(database, number)[1].reason == f"It was retried already, as generation {first}."
    assert retries_of(database, failed) == failed
    assert planned(database, SETTINGS).prices == {}


def test_killed_between_or_within_two_of_them_exactly_the_missing_ones_are_made(
    database: Database, tuner: Actor
) -> None:
    failed = failed_group(database, 6)
    number = started(database, SETTINGS, tuner)
    assert work_off(database, SETTINGS, most=2) == 2
    # The third is asked for and charged, and then the worker is gone before its commit.
    with pytest.raises(ServiceUnavailable):
        die_within_the_next(database)
    assert retries_of(database, failed) == failed[:2]
    work_all_off(database, SETTINGS)
    assert retries_of(database, failed) == failed
    assert batch(database, number).state == "done"
    with database.transaction() as session:
        customer = session.get_one(Generation, failed[0]).customer_id
        assert ledger.balance(session, customer_id=customer) == 1000 - 6 * 10


def test_two_workers_at_once_make_each_retry_once(database: Database, tuner: Actor) -> None:
    failed = failed_group(database, 30)
    number = started(database, SETTINGS, tuner)
    at_once(lambda: work_all_off(database, SETTINGS), 4)
    work_all_off(database, SETTINGS)
    assert retries_of(database, failed) == failed
    assert batch(database, number).state == "done"


def test_who_loses_the_permission_midway_halts_the_batch_with_a_sentence(
    database: Database, tuner: Actor
) -> None:
    failed = failed_group(database, 4)
    number = started(database, SETTINGS, tuner)
    work_off(database, SETTINGS, most=2)
    with database.transaction() as session:
        session.get_one(Staff, tuner.id).roles = ["viewer"]
    work_all_off(database, SETTINGS)
    halted = batch(database, number)
    assert halted.state == "halted"
    assert halted.ended_because is not None
    assert halted.ended_because.startswith("Tom may not start or retry generations.")
    assert retries_of(database, failed) == failed[:2]
    shown = seen(database)
    assert (shown.requested, shown.not_requested, shown.active) == (2, 2, True)
    assert ("system", "retry halted", "new") in history(database, GROUP)


def test_who_may_not_generate_starts_and_stops_nothing(database: Database, tuner: Actor) -> None:
    failed_group(database, 2)
    with database.transaction() as session:
        viewer = actor_by_id(session, make_staff(session, name="Vic", roles=["viewer"]).id)
    with pytest.raises(NotAllowed):
        started(database, SETTINGS, viewer)
    number = started(database, SETTINGS, tuner)
    with database.transaction() as session, pytest.raises(NotAllowed):
        stop(session, actor=viewer, batch_id=number)
    assert batch(database, number).state == "running"


def test_a_wallet_that_runs_short_midway_skips_with_its_sentence_and_goes_on(
    database: Database, tuner: Actor
) -> None:
    poor = failed_group(database, 3, credits_held=30)
    other = failed_group(database, 1)
    number = started(database, SETTINGS, tuner)
    work_off(database, SETTINGS, most=1)
    with database.transaction() as session:
        customer = session.get_one(Generation, poor[0]).customer_id
        elsewhere = make_generation(session, credits=15, customer_id=customer)
        ledger.charge(session, generation_id=elsewhere.id, customer_id=customer, amount=15, actor="Sam")
    work_all_off(database, SETTINGS)
    found = items(database, number)
    assert [each.state for each in found] == ["requested", "skipped", "skipped", "requested"]
    assert found[1].reason == "Ada has 5 credits; this needs 10. Grant 5 more."
    assert retries_of(database, poor + other) == [poor[0], *other]
    assert seen(database).skipped == [("Ada has 5 credits; this needs 10. Grant 5 more.", 2)]
    with database.transaction() as session:
        assert ledger.balance(session, customer_id=customer) == 5


def test_nobody_is_charged_more_than_was_confirmed(database: Database, tuner: Actor) -> None:
    failed = failed_group(database, 2)
    number = started(database, SETTINGS, tuner)
    work_off(database, SETTINGS, most=1)
    work_all_off(database, SETTINGS.model_copy(update={"credits_per_avatar": 12}))
    assert retries_of(database, failed) == failed[:1]
    assert "costs 12 credits by now; 10 were confirmed" in (items(database, number)[1].reason or "")


def test_an_erased_customer_is_skipped(database: Database, tuner: Actor) -> None:
    failed = failed_group(database, 1)
    number = started(database, SETTINGS, tuner)
    change(database, "UPDATE customer SET erased_at = now()")
    work_all_off(database, SETTINGS)
    assert items(database, number)[0].reason == "The customer's data was erased, and the selfie with it."
    assert retries_of(database, failed) == []


def test_stop_ends_what_is_not_requested_yet_and_only_that(database: Database, tuner: Actor) -> None:
    failed = failed_group(database, 4)
    number = started(database, SETTINGS, tuner)
    work_off(database, SETTINGS, most=1)
    with database.transaction() as session:
        stop(session, actor=tuner, batch_id=number)
    work_all_off(database, SETTINGS)
    assert retries_of(database, failed) == failed[:1]
    assert batch(database, number).ended_because == "Stopped by Tom."
    with database.transaction() as session, pytest.raises(Conflict, match="stopped already"):
        stop(session, actor=tuner, batch_id=number)
    # The rest can be retried by another batch.
    started(database, SETTINGS, tuner)
    work_all_off(database, SETTINGS)
    assert retries_of(database, failed) == failed


def test_retries_wait_in_their_batch_while_the_queue_is_full(database: Database, tuner: Actor) -> None:
    failed = failed_group(database, 5)
    small = SETTINGS.model_copy(update={"max_in_flight": 3})
    with database.transaction() as session:
        make_generation(session, state="queued")
    started(database, small, tuner)
    work_all_off(database, small)
    assert retries_of(database, failed) == failed[:2]
    change(database, "UPDATE generation SET state = 'rendering' WHERE state = 'queued'")
    work_all_off(database, small)
    assert retries_of(database, failed) == failed


def test_a_batch_is_seen_with_where_its_retries_stand(database: Database, tuner: Actor) -> None:
    failed_group(database, 4)
    started(database, SETTINGS, tuner)
    assert (seen(database).waiting, seen(database).settled, seen(database).active) == (4, 0, True)
    work_off(database, SETTINGS, most=3)
    with database.transaction() as session:
        retries = session.scalars(
            select(Generation).where(Generation.retry_of.is_not(None)).order_by(Generation.id)
        ).all()
        move(
            session,
            retries[0].id,
            to=State.FAILED,
            finished_at=NOON,
            failure_class="timeout",
            failure_message="It took too long.",
        )
        retries[2].state, retries[2].finished_at = "succeeded", NOON
    shown = seen(database)
    assert (shown.total, shown.requested, shown.under_way, shown.waiting) == (4, 3, 1, 1)
    assert (shown.succeeded, shown.failed, shown.settled) == (1, 1, 2)
    assert (shown.started_by, shown.credits) == ("Tom", 40)


def at_once(work: Callable[[], None], threads: int) -> None:
    """Do it in so many threads that start together; what one of them raises fails the test."""
    barrier, problems = threading.Barrier(threads), list[BaseException]()

    def run() -> None:
        barrier.wait()
        try:
            work()
        except BaseException as exc:  # noqa: BLE001 - told below
            problems.append(exc)

    running = [threading.Thread(target=run) for _ in range(threads)]
    for each in running:
        each.start()
    for each in running:
        each.join()
    assert problems == []
