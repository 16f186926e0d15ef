"""The health of the desk: workers with what they hold, the queue, the sweep, the servers."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from core.foundation.errors import ServiceUnavailable
from core.foundation.leases import NamedLease
from core.health.outbox import OutboxHealth
from core.health.provider import Freshness
from core.health.servers import PROOF_TICK, prove_store
from core.health.view import Health, health
from core.provider import budget
from core.settings import Settings
from core.tables.generation import OPEN, RenderAttempt, State, WorkerBeat
from core.tables.notifications import Delivery, Notification, NotificationChannel
from tests.support.desk import TestDesk, wait_for, working
from tests.support.factories import make_generation

SETTINGS = Settings(heartbeat_seconds=5, sweep_interval_seconds=1, sweep_window_seconds=180)


def look(session: Session) -> Health:
    return health(session, SETTINGS)


def ago(session: Session, **span: float) -> datetime:
    moment: datetime = session.scalars(select(func.clock_timestamp())).one()
    return moment - timedelta(**span)


def a_worker(session: Session, name: str, **columns: Any) -> None:
    given = {"host": "desk", "pid": 7, "version": "1", "ticks": {}, "beat_at": ago(session)} | columns
    session.add(WorkerBeat(id=name, **given))
    session.flush()


def an_attempt(session: Session, status: str = "accepted", **columns: Any) -> None:
    generation = make_generation(session, state="rendering")
    given = {"remote_id": uuid4().hex, "worker": "w1", "number": 1, "client_ref": uuid4()} | columns
    session.add(RenderAttempt(generation_id=generation.id, status=status, **given))
    session.flush()


def swept(session: Session, at: datetime, *, owner: str = "w1") -> None:
    session.add(NamedLease(name="sweep", owner=owner, last_run_at=at, lease_until=at + timedelta(hours=1)))
    session.flush()


def test_an_empty_desk_is_told_without_anything_wrong(session: Session) -> None:
    seen = look(session)
    assert [(each.state, each.count, each.oldest) for each in seen.queue] == [
        (state, 0, None) for state in OPEN
    ]
    assert (seen.alive, seen.lag, seen.stuck.total, seen.store) == (0, None, 0, None)
    assert seen.sweep.freshness is Freshness.IDLE


def test_the_alive_come_first_and_the_long_gone_not_at_all(session: Session) -> None:
    a_worker(session, "gone", beat_at=ago(session, hours=25))
    a_worker(session, "silent", beat_at=ago(session, seconds=15.5))
    a_worker(session, "stopped long ago", beat_at=ago(session, hours=2), stopped_at=ago(session, hours=2))
    a_worker(session, "stopped", beat_at=ago(session, minutes=5), stopped_at=ago(session, minutes=5))
    a_worker(session, "alive", beat_at=ago(session, seconds=14))

    seen = look(session)

    assert [(each.worker.id, each.worker.state) for each in seen.workers] == [
        ("alive", "alive"),
        ("silent", "silent"),
        ("stopped", "stopped"),
    ]
    assert [each.worker.id for each in seen.missed] == ["silent"]
    assert seen.alive == 1


def test_a_worker_that_vanished_is_missed_for_ten_minutes_or_while_it_holds_something(
    session: Session,
) -> None:
    a_worker(session, "just now", beat_at=ago(session, minutes=9))
    a_worker(session, "long ago", beat_at=ago(session, minutes=11))
    a_worker(session, "holder", beat_at=ago(session, minutes=11))
    make_generation(session, state="submitting", lease_owner="holder", lease_until=ago(session, minutes=5))

    seen = look(session)

    assert len(seen.workers) == 3
    assert {each.worker.id for each in seen.missed} == {"just now", "holder"}


def test_a_worker_is_told_with_its_leases_duties_and_ticks(session: Session) -> None:
    tick = {"at": 1_700_000_000.0, "seconds": 0.25, "problem": "The database does not answer."}
    fine = tick | {"problem": None, "ok_at": 1_700_000_000.0}
    a_worker(session, "w1", fenced_writes=3, ticks={"sweep_provider": tick, "beat_heart": fine})
    held = [
        make_generation(session, state=state, lease_owner="w1", lease_until=ago(session, seconds=-30)).id
        for state in ("submitting", "storing")
    ]
    make_generation(session, state="submitting", lease_owner="w2", lease_until=ago(session, seconds=-30))
    swept(session, ago(session))

    [found] = look(session).workers

    assert (found.held, list(found.leases), list(found.duties)) == (2, held, ["sweep"])
    assert found.worker.fenced_writes == 3
    assert [each.name for each in found.ticks] == ["beat_heart", "sweep_provider"]
    [failed] = found.problems
    assert (failed.name, failed.succeeded_at, failed.took) == (
        "sweep_provider",
        None,
        timedelta(milliseconds=250),
    )
    assert found.ticks[0].succeeded_at == datetime.fromtimestamp(1_700_000_000, UTC)


def test_the_queue_tells_depth_age_and_for_how_long_due_work_has_waited(session: Session) -> None:
    hour, minute = ago(session, hours=1), ago(session, minutes=1)
    make_generation(session, state_since=hour, due_at=minute)
    make_generation(session, state_since=minute, due_at=ago(session, seconds=-60))
    make_generation(
        session, state="storing", due_at=hour, lease_owner="w", lease_until=ago(session, seconds=-9)
    )
    make_generation(session, state="rendering", due_at=hour)

    queue = {each.state: each for each in look(session).queue}

    queued, storing = queue[State.QUEUED], queue[State.STORING]
    assert (queued.count, queued.due, queued.held) == (2, 1, 0)
    assert queued.oldest is not None
    assert timedelta(hours=1) <= queued.oldest < timedelta(hours=1, seconds=30)
    assert (storing.count, storing.due, storing.held, storing.lag) == (1, 0, 1, None)
    assert (queue[State.RENDERING].count, queue[State.RENDERING].due) == (1, 0)
    lag = look(session).lag
    assert lag is not None
    assert timedelta(minutes=1) <= lag < timedelta(minutes=1, seconds=30)


def test_a_sweep_that_keeps_up_is_fresh_and_one_that_does_not_is_late(session: Session) -> None:
    an_attempt(session, submitted_at=ago(session, minutes=1))
    swept(session, ago(session, seconds=2))
    seen = look(session).sweep
    assert (seen.freshness, seen.waiting, seen.owner) == (Freshness.FRESH, 1, "w1")

    session.execute(delete(NamedLease))
    session.expunge_all()
    swept(session, ago(session, seconds=30))

    assert look(session).sweep.freshness is Freshness.LATE


def test_a_sweep_that_never_ran_is_late_only_when_something_has_waited_for_it(session: Session) -> None:
    an_attempt(session, submitted_at=ago(session, seconds=1))
    assert look(session).sweep.freshness is Freshness.FRESH
    an_attempt(session, "open", remote_id=None, submitted_at=ago(session, seconds=20))
    assert look(session).sweep.freshness is Freshness.LATE


def test_what_is_too_old_for_the_list_needs_no_sweep(session: Session) -> None:
    an_attempt(session, submitted_at=ago(session, hours=1))
    swept(session, ago(session, hours=1))
    assert look(session).sweep.freshness is Freshness.IDLE


def test_a_pause_that_the_provider_asked_for_is_told_until_it_is_over(session: Session) -> None:
    budget.pause(session, "create", 60)
    session.expire_all()
    create, read = look(session).budgets
    assert (create.kind, create.pauses, read.kind, read.pauses) == ("create", 1, "read", 0)
    assert create.paused_for is not None
    assert timedelta(seconds=55) < create.paused_for <= timedelta(seconds=60)
    assert read.paused_for is None


def test_the_share_of_our_limit_that_was_used_in_the_last_minute_is_told(session: Session) -> None:
    assert budget.take(session, "read", 27) == 27
    session.expire_all()
    create, read = look(session).budgets
    assert (read.used, read.allowed, read.share) == (27, 2700, 0.01)
    assert (create.used, create.allowed) == (0, 540)


def test_what_waits_in_the_outbox_is_told_with_its_age(session: Session) -> None:
    assert look(session).outbox == OutboxHealth(0, None, 0)
    hour, minute = ago(session, hours=1), ago(session, minutes=1)
    for state, created_at, tries in (("delivered", hour, 9), ("waiting", minute, 2), ("waiting", minute, 1)):
        a_delivery(session, state=state, created_at=created_at, tries=tries)

    found = look(session).outbox

    assert (found.waiting, found.most_tries) == (2, 2)
    assert found.oldest is not None
    assert timedelta(minutes=1) <= found.oldest < timedelta(minutes=1, seconds=30)


def a_delivery(session: Session, **columns: Any) -> None:
    name = uuid4().hex
    channel = NotificationChannel(name=name, kind="webhook", address="x", min_severity="info", made_by="Ada")
    message = Notification(key=name, topic="t", event="fired", severity="info", title="t", body="b")
    session.add_all([channel, message])
    session.flush()
    session.add(Delivery(notification_id=message.id, channel_id=channel.id, **columns))
    session.flush()


def test_the_database_tells_its_version_its_size_and_how_quickly_it_answers(session: Session) -> None:
    seen = look(session).database
    told = session.connection().exec_driver_sql("SHOW server_version_num").scalar_one()
    assert seen.version.split(".")[0] == str(int(told) // 10_000)
    assert seen.size_bytes > 1_000_000
    assert timedelta() < seen.round_trip < timedelta(seconds=5)
    assert 1 <= seen.connections <= seen.most_connections


def test_a_worker_proves_the_object_store_and_tells_when_it_is_away(desk: TestDesk) -> None:
    with working(desk):
        wait_for(lambda: told(desk) is not None)
        assert told(desk) is None or "cannot be used" not in str(told(desk))
        with no_store(desk):
            wait_for(lambda: "cannot be used" in (told(desk) or ""))
        wait_for(lambda: told(desk) == "")


def told(desk: TestDesk) -> str | None:
    """The problem with the object store, empty where there is none; None while nobody has told."""
    with desk.database.transaction() as session:
        seen = health(session, desk.services.settings).store
    return None if seen is None else seen.problem or ""


@contextmanager
def no_store(desk: TestDesk) -> Iterator[None]:
    """The bucket is gone for a while."""
    objects = desk.services.objects
    bucket = objects._bucket
    objects._bucket = "no-such-bucket"
    yield
    objects._bucket = bucket


def test_the_proof_leaves_nothing_behind_and_names_what_does_not_work(desk: TestDesk) -> None:
    objects = desk.services.objects
    assert prove_store(objects, name="here") > timedelta()
    names = [each.object_name for each in objects._client.list_objects(objects._bucket, recursive=True)]
    assert not [name for name in names if name and name.startswith("health/")]
    with no_store(desk), pytest.raises(ServiceUnavailable, match="cannot be used"):
        prove_store(objects, name="here")


def test_one_alive_worker_without_the_store_is_enough_to_tell(session: Session) -> None:
    good = {"at": 2_000_000_000.0, "seconds": 0.01, "problem": None, "ok_at": 2_000_000_000.0}
    bad = good | {"at": 1_999_999_990.0, "problem": "nobody answers"}
    a_worker(session, "good", ticks={PROOF_TICK: good})
    a_worker(session, "dead", ticks={PROOF_TICK: bad}, beat_at=ago(session, hours=1))
    seen = look(session).store
    assert seen is not None
    assert (seen.worker, seen.problem) == ("good", None)
    a_worker(session, "bad", ticks={PROOF_TICK: bad})
    seen = look(session).store
    assert seen is not None
    assert (seen.worker, seen.problem) == ("bad", "nobody answers")
