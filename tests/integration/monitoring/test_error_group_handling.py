"""Error groups in the hands of staff: resolved and brought back, acknowledged, muted, and who may."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.access.staff import actor_by_id
from core.foundation.database import Database
from core.foundation.errors import Conflict, InvalidInput, NotAllowed, NotFound
from core.monitoring import groups
from core.rollups.absorb import absorb
from core.tables.access import AuditEvent
from core.tables.failures import ErrorGroup
from core.tables.generation import Generation
from tests.support.factories import make_generation, make_staff
from tests.support.failures import fail_once, group_of, history

NOW = datetime.now(UTC)


@pytest.fixture
def actor(database: Database) -> Actor:
    with database.transaction() as session:
        return actor_by_id(session, make_staff(session, name="Olga", roles=["operator"]).id)


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    with database.sessions() as session:
        yield session


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
