"""What the tick makes of error groups by itself."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.access.staff import actor_by_id
from core.foundation.database import Database
from core.monitoring import groups
from core.rollups.triage import triage
from core.tables.failures import ErrorGroup, ErrorGroupHour
from tests.support.factories import make_staff
from tests.support.failures import fail_once

NOW = datetime.now(UTC)


@pytest.fixture
def actor(database: Database) -> Actor:
    with database.transaction() as session:
        return actor_by_id(session, make_staff(session, name="Olga", roles=["operator"]).id)


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    with database.sessions() as session:
        yield session


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
