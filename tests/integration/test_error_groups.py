"""Error groups: written with the failure itself, handled by staff, brought back by what comes later."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from core.access.models import AuditEvent
from core.access.permissions import Actor
from core.access.staff import actor_by_id
from core.database import Database
from core.errors import Conflict, InvalidInput, NotAllowed, NotFound
from core.failures import groups
from core.failures.absorb import absorb, counted_until
from core.failures.events import Failure, note_failure
from core.failures.models import ErrorEvent, ErrorGroup, ErrorGroupChange, ErrorGroupHour, RollupQueue
from core.failures.triage import triage
from core.generation import endings
from core.generation.models import Generation, RenderAttempt
from core.settings import Settings
from tests.support.factories import make_customer, make_generation, make_staff
from tests.support.failures import make_attempt

NOW = datetime.now(UTC)


@pytest.fixture
def actor(database: Database) -> Actor:
    with database.transaction() as session:
        return actor_by_id(session, make_staff(session, name="Olga", roles=["operator"]).id)


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    with database.sessions() as session:
        yield session


def fail_once(
    session: Session,
    detail: str = "boom 1",
    *,
    at: datetime | None = None,
    generation: Generation | None = None,
    template_hash: str = "t1",
) -> str:
    """Note one failed generation; the fingerprint."""
    failed = generation or make_generation(session, state="failed")
    failure = Failure(
        generation_id=failed.id,
        customer_id=failed.customer_id,
        failure_class="timeout",
        detail=detail,
        template_hash=template_hash,
        credits=failed.credits,
    )
    return note_failure(session, failure, at=at)


def group_of(database: Database, name: str) -> ErrorGroup:
    with database.transaction() as session:
        return session.get_one(ErrorGroup, name)


def history(database: Database, name: str) -> list[tuple[str, str, str]]:
    with database.transaction() as session:
        rows = session.scalars(
            select(ErrorGroupChange).where(ErrorGroupChange.fingerprint == name).order_by(ErrorGroupChange.id)
        )
        return [(row.actor, row.action, row.to_state) for row in rows]


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
    monkeypatch.setattr("core.failures.fingerprint.VERSION", "v2")
    with database.transaction() as session:
        new = fail_once(session)
        kept = session.scalars(select(ErrorEvent.fingerprint).order_by(ErrorEvent.id)).all()
    assert (old[:3], new[:3]) == ("v1:", "v2:")
    assert list(kept) == [old, new]


def test_eight_writers_bring_a_resolved_group_back_exactly_once(database: Database, actor: Actor) -> None:
    with database.transaction() as session:
        name = fail_once(session)
        failed = [make_generation(session, state="failed") for _ in range(64)]
    with database.transaction() as session:
        groups.resolve(session, actor=actor, fingerprint=name)
    gate = threading.Barrier(8)

    def write(mine: list[Generation]) -> None:
        gate.wait()
        for generation in mine:
            with database.transaction() as session:
                fail_once(session, generation=generation)

    threads = [threading.Thread(target=write, args=(failed[n::8],)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    absorb(database)
    group = group_of(database, name)
    assert (group.state, group.resolved_at, group.failed_generations) == ("regressed", None, 65)
    assert [action for _, action, _ in history(database, name)] == ["seen", "resolve", "regressed"]


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


def test_a_failure_from_before_the_resolution_does_not_bring_it_back(
    database: Database, actor: Actor
) -> None:
    with database.transaction() as session:
        name = fail_once(session)
        groups.resolve(session, actor=actor, fingerprint=name)
    with database.transaction() as session:
        resolved = session.get_one(ErrorGroup, name).resolved_at
        assert resolved is not None
        fail_once(session, at=resolved - timedelta(microseconds=1))
        fail_once(session, at=resolved)
    absorb(database)
    assert group_of(database, name).state == "resolved"
    with database.transaction() as session:
        fail_once(session, at=resolved + timedelta(microseconds=1))
    assert group_of(database, name).state == "regressed"


def test_a_failure_written_while_somebody_resolves_is_found_by_the_tick(
    database: Database, actor: Actor
) -> None:
    with database.transaction() as session:
        name = fail_once(session)
    with database.sessions() as late:
        later = datetime.now(UTC) + timedelta(seconds=5)
        fail_once(late, at=later)
        with database.transaction() as session:
            groups.resolve(session, actor=actor, fingerprint=name)
        late.commit()
    assert group_of(database, name).state == "resolved"
    absorb(database)
    absorb(database)
    assert group_of(database, name).state == "regressed"
    assert [action for _, action, _ in history(database, name)] == ["seen", "resolve", "regressed"]


def test_mended_in_a_template_only_that_template_brings_it_back(database: Database, actor: Actor) -> None:
    with database.transaction() as session:
        name = fail_once(session, template_hash="old")
        groups.resolve(session, actor=actor, fingerprint=name, template_hash="new")
    with database.transaction() as session:
        fail_once(session, template_hash="old")
    absorb(database)
    assert group_of(database, name).state == "resolved"
    with database.transaction() as session:
        fail_once(session, template_hash="new")
    assert group_of(database, name).state == "regressed"


def test_resolved_and_muted_are_never_both(session: Session, database: Database) -> None:
    name = fail_once(session)
    both = update(ErrorGroup).values(state="resolved", resolved_at=NOW, muted_until=NOW + timedelta(hours=1))
    with pytest.raises(IntegrityError, match="muted"):
        session.execute(both.where(ErrorGroup.fingerprint == name))


def test_two_operators_acknowledge_and_the_second_reads_who_was_first(
    database: Database, actor: Actor
) -> None:
    with database.transaction() as session:
        name = fail_once(session)
        second = actor_by_id(session, make_staff(session, name="Sue", roles=["support"]).id)
        groups.acknowledge(session, actor=actor, fingerprint=name, note="looking")
    with database.transaction() as session, pytest.raises(Conflict, match="Olga has acknowledged"):
        groups.acknowledge(session, actor=second, fingerprint=name)
    assert group_of(database, name).acknowledged_by == "Olga"


def test_every_action_is_in_the_history_and_in_the_audit_trail(database: Database, actor: Actor) -> None:
    with database.transaction() as session:
        name = fail_once(session)
        groups.acknowledge(session, actor=actor, fingerprint=name, note="mine")
        groups.assign(session, actor=actor, fingerprint=name, staff_id=actor.id)
        groups.annotate(session, actor=actor, fingerprint=name, note="It is the proxy.")
        groups.mute(session, actor=actor, fingerprint=name, until=datetime.now(UTC) + timedelta(days=1))
        groups.reopen(session, actor=actor, fingerprint=name)
        groups.resolve(session, actor=actor, fingerprint=name, note="proxy restarted")
    assert history(database, name)[1:] == [
        ("Olga", "acknowledge", "acknowledged"),
        ("Olga", "assign", "acknowledged"),
        ("Olga", "note", "acknowledged"),
        ("Olga", "mute", "muted"),
        ("Olga", "reopen", "ongoing"),
        ("Olga", "resolve", "resolved"),
    ]
    with database.transaction() as session:
        audited = session.scalars(select(AuditEvent.action).order_by(AuditEvent.id)).all()
    assert audited[0] == "error_group.acknowledge"
    assert len(audited) == 6
    group = group_of(database, name)
    assert (group.note, group.assignee_id, group.acknowledged_by) == ("It is the proxy.", actor.id, None)


@pytest.mark.parametrize(
    "statement", ["UPDATE error_group_change SET actor = 'x'", "DELETE FROM error_event"]
)
def test_history_and_events_are_only_ever_added(session: Session, statement: str) -> None:
    fail_once(session)
    with pytest.raises(DBAPIError, match="only ever added"):
        session.execute(text(statement))


def test_who_may_not_handle_errors_changes_nothing(session: Session) -> None:
    name = fail_once(session)
    viewer = actor_by_id(session, make_staff(session, name="Vic", roles=["viewer"]).id)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    with pytest.raises(NotAllowed, match="operator"):
        groups.acknowledge(session, actor=viewer, fingerprint=name)
    with pytest.raises(NotAllowed):
        groups.mute(session, actor=viewer, fingerprint=name, until=tomorrow)
    with pytest.raises(NotAllowed):
        groups.resolve(session, actor=viewer, fingerprint=name)
    with pytest.raises(NotAllowed):
        groups.reopen(session, actor=viewer, fingerprint=name)
    with pytest.raises(NotAllowed):
        groups.assign(session, actor=viewer, fingerprint=name, staff_id=None)
    with pytest.raises(NotAllowed):
        groups.annotate(session, actor=viewer, fingerprint=name, note="x")
    session.expire_all()
    group = session.get_one(ErrorGroup, name)
    assert (group.state, group.note) == ("new", None)


def test_what_cannot_be_is_refused_in_a_sentence(session: Session, actor: Actor) -> None:
    name = fail_once(session)
    with pytest.raises(NotFound):
        groups.acknowledge(session, actor=actor, fingerprint="v1:none")
    with pytest.raises(InvalidInput, match="within the next year"):
        groups.mute(session, actor=actor, fingerprint=name, until=datetime.now(UTC) - timedelta(hours=1))
    with pytest.raises(InvalidInput, match="at most"):
        groups.annotate(session, actor=actor, fingerprint=name, note="x" * 3_000)
    with pytest.raises(NotFound):
        groups.assign(session, actor=actor, fingerprint=name, staff_id=999_999)
    groups.resolve(session, actor=actor, fingerprint=name)
    with pytest.raises(Conflict, match="resolved already"):
        groups.mute(session, actor=actor, fingerprint=name, until=datetime.now(UTC) + timedelta(days=1))


def aged(session: Session, name: str, **columns: datetime) -> None:
    session.execute(update(ErrorGroup).where(ErrorGroup.fingerprint == name).values(**columns))


def test_a_mute_ends_by_itself_and_a_new_group_ages(session: Session, actor: Actor) -> None:
    muted, new = fail_once(session, "one thing"), fail_once(session, "another")
    groups.mute(session, actor=actor, fingerprint=muted, until=datetime.now(UTC) + timedelta(hours=1))
    assert sum(triage(session).values()) == 0
    aged(session, muted, muted_until=NOW - timedelta(seconds=1))
    aged(session, new, state_since=NOW - timedelta(hours=25))
    assert triage(session) == {"mute over": 1, "escalated": 0, "calmed": 0, "aged": 1, "regressed": 0}
    session.expire_all()
    assert {session.get_one(ErrorGroup, name).state for name in (muted, new)} == {"ongoing"}


def hours_of(session: Session, name: str, counts: dict[int, int]) -> None:
    """So many events so many hours ago."""
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    session.execute(
        insert(ErrorGroupHour),
        [
            {"fingerprint": name, "hour": hour - timedelta(hours=ago), "events": events}
            for ago, events in counts.items()
        ],
    )


@pytest.mark.parametrize(
    ("before", "current", "escalates"),
    [(2, 100, True), (20, 40, False), (20, 130, True), (0, 9, False)],
)
def test_a_group_escalates_beyond_what_its_own_week_lets_expect(
    session: Session, before: int, current: int, escalates: bool
) -> None:
    name = fail_once(session)
    past = dict.fromkeys(range(1, 169), before) if before else {}
    hours_of(session, name, {0: current, **past})
    aged(session, name, first_seen=NOW - timedelta(days=30), last_seen=datetime.now(UTC))
    assert triage(session)["escalated"] == int(escalates)


def test_an_escalated_group_calms_down_again(session: Session) -> None:
    name = fail_once(session)
    hours_of(session, name, {0: 100, **dict.fromkeys(range(1, 169), 2)})
    aged(session, name, first_seen=NOW - timedelta(days=30), last_seen=datetime.now(UTC))
    triage(session)
    assert triage(session)["calmed"] == 0
    aged(session, name, state_since=NOW - timedelta(hours=2))
    assert triage(session)["calmed"] == 0
    session.execute(update(ErrorGroupHour).where(ErrorGroupHour.events == 100).values(events=3))
    assert triage(session)["calmed"] == 1


def test_the_tick_tells_until_when_it_has_counted(database: Database) -> None:
    with database.transaction() as session:
        fail_once(session)
        waiting = session.scalars(select(func.min(RollupQueue.queued_at))).one()
    with database.transaction() as session:
        assert counted_until(session) == waiting
    absorb(database)
    with database.transaction() as session:
        assert counted_until(session) > waiting
