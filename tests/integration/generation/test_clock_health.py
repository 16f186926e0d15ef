"""What Health and the alert tell of the provider's clock."""

from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.alerts.kinds import KINDS, Kind
from core.alerts.machine import Sight
from core.alerts.measures import PRESENT, Question, Reading
from core.alerts.wording import sentence
from core.health.clock import ClockHealth, clock_health
from core.settings import Settings
from core.tables.generation import RenderAttempt
from core.tables.provider import ProviderClock
from pages.health.words import clock_state
from tests.support.alerting import Watch
from tests.support.factories import make_generation

SETTINGS = Settings(sweep_window_seconds=180)
QUESTION = Question(
    Kind.PROVIDER_CLOCK, {each.name: each.default for each in KINDS[Kind.PROVIDER_CLOCK].parameters}
)


def now(session: Session) -> datetime:
    moment: datetime = session.scalars(select(func.clock_timestamp())).one()
    return moment


def sighting(
    session: Session, low: float, high: float, *, doubts: int = 0, at: datetime | None = None
) -> None:
    seen_at = at or now(session)
    session.merge(ProviderClock(source="created", low=low, high=high, seen_at=seen_at, doubts=doubts, step=0))
    session.flush()


def look(session: Session) -> ClockHealth:
    return clock_health(session, SETTINGS, now=now(session))


def readings(session: Session) -> list[Reading]:
    return PRESENT[Kind.PROVIDER_CLOCK](session, SETTINGS, QUESTION, now(session))


def test_a_desk_that_never_asked_the_provider_says_so_and_is_well(session: Session) -> None:
    assert clock_state(look(session)) == ("gray", "Not known now", "not measured yet")
    assert readings(session) == []


def test_clocks_in_step(session: Session) -> None:
    sighting(session, -1, 1.5)
    colour, word, details = clock_state(look(session))
    assert (colour, word) == ("green", "In step")
    assert details.startswith("within 1.")
    assert [each.sight for each in readings(session)] == [Sight.GOOD]


def test_clocks_apart_are_told_with_how_far(session: Session) -> None:
    sighting(session, -3602, -3598)
    seen = look(session)
    assert seen.off
    assert clock_state(seen)[:2] == ("red", "Apart")
    [reading] = readings(session)
    assert (reading.subject, reading.sight) == ("apart", Sight.BAD)
    said = sentence(Kind.PROVIDER_CLOCK, reading.facts)
    assert said.startswith("the provider's clock is 1 h 00 min behind ours, give or take 2.")


def test_what_may_be_within_the_tolerance_is_no_alert(session: Session) -> None:
    sighting(session, 25, 300)
    assert not look(session).off
    assert [each.sight for each in readings(session)] == [Sight.GOOD]


def test_an_offset_in_doubt_is_told_while_work_goes_on(session: Session) -> None:
    sighting(session, -1, 1, doubts=1)
    assert readings(session) == []
    session.add(
        RenderAttempt(
            generation_id=make_generation(session, state="submitting").id,
            number=1,
            client_ref=uuid4(),
            status="open",
            worker="w",
            submitted_at=now(session) - timedelta(minutes=4),
        )
    )
    session.flush()
    assert look(session).in_doubt
    [reading] = readings(session)
    assert (reading.subject, reading.sight) == ("unknown", Sight.BAD)
    said = sentence(Kind.PROVIDER_CLOCK, reading.facts)
    assert said.startswith("not known how far it is from ours, while work has been going on for 4 min")


def test_the_alert_fires_after_a_minute_and_ends_when_the_clock_is_right(watch: Watch) -> None:
    watch.only("provider-clock")
    with watch.database.transaction() as session:
        sighting(session, 99, 101, at=watch.at(0))
    watch.looks(0, 30)
    assert watch.states("provider-clock") == ["pending"]
    watch.looks(65, 100)
    assert watch.states("provider-clock") == ["firing"]
    assert watch.titles() == ["Firing: Clocks apart (Provider's clock)"]
    with watch.database.transaction() as session:
        sighting(session, -1, 1, at=watch.at(110))
    watch.looks(120, 260)
    assert watch.states("provider-clock") == ["resolved"]
