"""Error groups: written with the failure itself, counted by the tick."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from core.foundation.database import Database
from core.generation import endings
from core.rollups.absorb import absorb, counted_until
from core.settings import Settings
from core.tables.failures import ErrorEvent, ErrorGroup, ErrorGroupHour, RollupQueue
from core.tables.generation import Generation, RenderAttempt
from tests.support.factories import make_customer, make_generation
from tests.support.failures import fail_once, group_of, history, make_attempt

NOW = datetime.now(UTC)


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    with database.sessions() as session:
        yield session


def test_a_failed_attempt_and_the_failed_generation_are_events_of_one_group(database: Database) -> None:
    with database.transaction() as session:
        generation = make_generation(session, state="rendering", credits=0, attempts=1, max_attempts=1)
        attempt = make_attempt(session, generation, status="accepted", cost_usd=Decimal("0.04"))
        found = endings.trouble(where="prediction", text="Prediction interrupted; please retry (code: PA) 77")
        endings.retry_or_fail(session, Settings(), generation, attempt, found)
    with database.transaction() as session:
        events = session.scalars(select(ErrorEvent).order_by(ErrorEvent.id)).all()
        failed = session.get_one(Generation, generation.id)
        assert failed.state == "failed"
        assert [(event.kind, event.attempt_id) for event in events] == [
            ("attempt", attempt.id),
            ("generation", None),
        ]
        assert {event.fingerprint for event in events} == {failed.fingerprint}
        assert {event.template_hash for event in events} == {
            session.scalar(select(func.md5(failed.template)))
        }
    absorb(database)
    group = group_of(database, events[0].fingerprint)
    assert (group.failed_attempts, group.failed_generations, group.customers) == (1, 1, 1)
    assert (group.cost_usd, group.state) == (Decimal("0.04"), "new")


def test_a_retried_attempt_is_an_event_and_the_generation_goes_on(database: Database) -> None:
    with database.transaction() as session:
        generation = make_generation(session, state="rendering", credits=0, attempts=1)
        attempt = make_attempt(session, generation, status="accepted")
        found = endings.trouble(where="prediction", text="Prediction interrupted; please retry (code: PA)")
        assert found.retryable
        endings.retry_or_fail(session, Settings(), generation, attempt, found)
        kinds = session.scalars(select(ErrorEvent.kind)).all()
    assert kinds == ["attempt"]


def test_a_passed_deadline_counts_the_attempt_under_way_too(database: Database) -> None:
    with database.transaction() as session:
        generation = make_generation(session, state="rendering", credits=0)
        make_attempt(session, generation, status="accepted")
        endings.time_out(session, generation)
        kinds = session.scalars(select(ErrorEvent.kind)).all()
        attempt = session.scalars(select(RenderAttempt)).one()
    assert sorted(kinds) == ["attempt", "generation"]
    assert attempt.status == "failed"


def test_what_is_rolled_back_leaves_no_event(database: Database, session: Session) -> None:
    fail_once(session)
    session.rollback()
    absorb(database)
    assert session.scalar(select(func.count()).select_from(ErrorGroup)) == 0
    assert session.scalar(select(func.count()).select_from(ErrorEvent)) == 0


def test_counts_customers_and_losses_add_up_over_ticks(database: Database) -> None:
    with database.transaction() as session:
        ada, ben = make_customer(session), make_customer(session)
        for customer, moment in ((ada, NOW), (ada, NOW - timedelta(hours=3)), (ben, NOW)):
            name = fail_once(
                session,
                f"boom {moment:%H}",
                at=moment,
                generation=make_generation(session, state="failed", customer=customer),
            )
    absorb(database)
    with database.transaction() as session:
        fail_once(
            session,
            at=NOW + timedelta(minutes=1),
            generation=make_generation(session, state="failed", customer=ben),
        )
    absorb(database)
    absorb(database)
    group = group_of(database, name)
    assert (group.failed_generations, group.failed_attempts, group.customers) == (4, 0, 2)
    assert group.credits == 40
    assert (group.first_seen, group.last_seen) == (NOW - timedelta(hours=3), NOW + timedelta(minutes=1))
    with database.transaction() as session:
        assert session.scalar(select(func.sum(ErrorGroupHour.events))) == 4
        assert session.scalar(select(func.count()).select_from(RollupQueue)) == 0


def test_messages_that_differ_in_numbers_are_one_group_and_others_are_not(session: Session) -> None:
    names = {fail_once(session, f"Request {n} took {n}.5 seconds on gpu-{n}") for n in range(30)}
    names |= {fail_once(session, "Something else")}
    assert len(names) == 2
    assert session.scalar(select(func.count()).select_from(ErrorGroup)) == 2


def test_another_algorithm_moves_no_old_event(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with database.transaction() as session:
        old = fail_once(session)
    monkeypatch.setattr("core.classification.fingerprint.VERSION", "v2")
    with database.transaction() as session:
        new = fail_once(session)
        kept = session.scalars(select(ErrorEvent.fingerprint).order_by(ErrorEvent.id)).all()
    assert (old[:3], new[:3]) == ("v1:", "v2:")
    assert list(kept) == [old, new]


def test_eight_writers_make_one_group(database: Database) -> None:
    with database.transaction() as session:
        failed = [make_generation(session, state="failed") for _ in range(8)]
    gate = threading.Barrier(8)

    def write(generation: Generation) -> None:
        gate.wait()
        with database.transaction() as session:
            fail_once(session, generation=generation)

    threads = [threading.Thread(target=write, args=(generation,)) for generation in failed]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    absorb(database)
    with database.transaction() as session:
        (group,) = session.scalars(select(ErrorGroup)).all()
    assert group.failed_generations == 8
    assert [action for _, action, _ in history(database, group.fingerprint)] == ["seen"]


@pytest.mark.parametrize(
    "statement", ["UPDATE error_group_change SET actor = 'x'", "DELETE FROM error_event"]
)
def test_history_and_events_are_only_ever_added(session: Session, statement: str) -> None:
    fail_once(session)
    with pytest.raises(DBAPIError, match="only ever added"):
        session.execute(text(statement))


def test_the_tick_tells_until_when_it_has_counted(database: Database) -> None:
    with database.transaction() as session:
        fail_once(session)
        waiting = session.scalars(select(func.min(RollupQueue.queued_at))).one()
    with database.transaction() as session:
        assert counted_until(session) == waiting
    absorb(database)
    with database.transaction() as session:
        assert counted_until(session) > waiting
