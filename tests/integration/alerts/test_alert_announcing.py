"""What people are told of alerts, what is held back, and what staff do about them."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from core.alerts.actions import acknowledge, resolve, snooze
from core.alerts.kinds import OURS, Severity
from core.alerts.silences import end_silence, silence
from core.foundation.errors import Conflict
from core.rollups.absorb import absorb
from core.tables.access import AuditEvent
from tests.support.alerting import Watch, failing
from tests.support.factories import make_generation

pytestmark = pytest.mark.slow


def test_the_message_carries_rate_interval_count_class_and_link(watch: Watch) -> None:
    failing(watch)
    watch.looks(0, 30, 45)
    (message,) = watch.messages()
    assert "75.0% (95 % interval 59.8% to 85.8%), 30 of 40 failed within 15 min" in message.body
    assert "Mostly Timed out (30)" in message.body
    assert message.link == f"http://desk.test/alerts?alert={watch.alerts()[0].id}"
    assert message.severity == "critical"


def test_the_message_names_what_differs_most(watch: Watch) -> None:
    watch.only("failure-rate")
    watch.ended(-1, failed=30, succeeded=10, parameters={"quality": "high"})
    watch.ended(-1, failed=5, succeeded=35, parameters={"quality": "low"})
    absorb(watch.database)
    watch.looks(0, 30, 45)
    (message,) = watch.messages()
    assert "Differs most: Quality high, 62 points above the rest in the last hour" in message.body


def test_twelve_classes_at_once_are_one_message(watch: Watch) -> None:
    watch.only("class-count")
    for why in OURS[:12]:
        watch.ended(-1, failed=10, why=why)
    watch.looks(0, 30, 45, 60)
    assert len(watch.alerts("class-count")) == 12
    (message,) = watch.messages()
    assert message.title == "Firing: 12 alerts: Many failures of one class"
    assert message.body.count("10 generations within 10 min") == 12


def test_alerts_that_follow_from_another_are_not_told_of(watch: Watch) -> None:
    watch.only("failure-rate", "class-count")
    watch.ended(-1, failed=40)
    watch.looks(0, 30, 45, 60, 300)
    (child,) = watch.alerts("class-count")
    assert (child.state, child.held) == ("firing", "follows from “High failure rate”")
    assert watch.titles() == ["Firing: High failure rate"]


def test_what_followed_and_fires_on_alone_is_told_of_then(watch: Watch) -> None:
    watch.only("failure-rate", "class-count")
    watch.ended(-1, failed=40)
    watch.looks(0, 30, 45)
    with watch.database.transaction() as session:
        parent = watch.alerts("failure-rate")[0]
        resolve(session, actor=watch.actor(), alert_id=parent.id, why="not the rate")
    watch.edit("failure-rate", enabled=False)
    watch.ended(500, failed=40)  # after those of the outage have left the window, these are news
    watch.looks(200, 500, 590)
    assert watch.titles() == ["Firing: High failure rate", "Resolved: High failure rate"]
    watch.looks(620, 635)
    assert "Firing: Many failures of one class (Timed out)" in watch.titles()


def test_the_end_of_an_outage_does_not_tell_of_what_followed_from_it(watch: Watch) -> None:
    watch.only("failure-rate", "class-count")
    watch.edit("class-count", parameters={"window_minutes": 17.0})
    watch.ended(-1, failed=40)
    watch.looks(*range(0, 60, 15))
    watch.ended(905, succeeded=60)  # the rate is good again two minutes before the class is
    watch.looks(*range(905, 1_400, 15))
    assert watch.states("failure-rate") == watch.states("class-count") == ["resolved"]
    assert watch.titles() == ["Firing: High failure rate", "Resolved: High failure rate"]


def test_failures_of_an_outage_that_is_over_are_not_told_of_again(watch: Watch) -> None:
    watch.only("failure-rate", "class-count")
    watch.ended(-1, failed=40)
    watch.looks(*range(0, 60, 15))
    watch.ended(100, succeeded=200)  # the rate is good again, and the class stays in its window of 10 minutes
    watch.looks(*range(105, 900, 15))
    assert watch.states("failure-rate") == watch.states("class-count") == ["resolved"]
    assert watch.titles() == ["Firing: High failure rate", "Resolved: High failure rate"]


def test_the_end_of_what_was_told_of_is_told_of_although_another_fires_by_now(watch: Watch) -> None:
    watch.only("failure-rate", "class-count")
    watch.ended(-1, failed=10)
    watch.looks(*range(0, 60, 15))
    assert watch.titles() == ["Firing: Many failures of one class (Timed out)"]
    watch.ended(300, failed=40, why="rate_limited")
    watch.looks(*range(305, 1_000, 15))
    assert "Resolved: Many failures of one class (Timed out)" in watch.titles()
    assert watch.states("failure-rate") == ["firing"]


def test_the_same_state_seen_often_is_one_message(watch: Watch) -> None:
    failing(watch)
    watch.looks(*range(0, 600, 10))
    assert len(watch.messages()) == 1


@pytest.mark.parametrize(("severity", "told_at"), [(Severity.CRITICAL, 40), (Severity.WARNING, 140)])
def test_only_what_is_graver_does_not_wait_for_the_next_message_of_its_topic(
    watch: Watch, severity: Severity, told_at: int
) -> None:
    watch.only("error-group", "failure-rate")
    watch.edit("failure-rate", severity=severity)
    watch.ended(-1, failed=40)
    absorb(watch.database)
    watch.looks(0, 15)
    (first,) = watch.titles()
    assert first.startswith("Firing: New or regressed error group")
    watch.looks(*range(30, told_at, 10))
    assert watch.titles() == [first]
    watch.look(told_at)
    assert watch.titles() == [first, "Firing: High failure rate"]


def test_what_fires_for_hours_is_told_again_unless_somebody_is_on_it(watch: Watch) -> None:
    watch.only("queue-age")
    with watch.database.transaction() as session:
        make_generation(session, created_at=watch.at(-7_200))
    watch.looks(0, 60, 75)
    watch.look(5 * 3_600)
    watch.look(5 * 3_600 + 15)
    assert watch.titles()[1:] == ["Still firing: Queue too old"]
    with watch.database.transaction() as session:
        acknowledge(session, actor=watch.actor(), alert_id=watch.alerts()[0].id, why="on it")
    watch.looks(10 * 3_600, 10 * 3_600 + 15)
    assert len(watch.messages()) == 2


def test_an_acknowledged_alert_still_says_when_it_is_over_and_forgets_who_was_on_it(watch: Watch) -> None:
    failing(watch)
    watch.looks(0, 30, 45)
    (alert,) = watch.alerts()
    with watch.database.transaction() as session:
        acknowledge(session, actor=watch.actor("operator"), alert_id=alert.id, why="calling them")
    assert watch.alerts()[0].acknowledged_by == "Olga (operator)"
    with pytest.raises(Conflict, match="Olga"), watch.database.transaction() as session:
        acknowledge(session, actor=watch.actor(), alert_id=alert.id)
    watch.ended(1_000, succeeded=40)
    watch.looks(1_010, 1_140, 1_155)
    (alert,) = watch.alerts()
    assert (alert.state, alert.acknowledged_by) == ("resolved", None)
    assert watch.titles()[-1] == "Resolved: High failure rate"
    with watch.database.transaction() as session:
        trail = session.scalars(select(AuditEvent).where(AuditEvent.subject == f"alert:{alert.id}")).all()
    assert [(each.action, each.reason) for each in trail] == [("alert.acknowledged", "calling them")]


def test_an_acknowledgement_runs_out_and_people_hear_of_it_again(watch: Watch) -> None:
    failing(watch)
    watch.looks(0, 30, 45)
    (alert,) = watch.alerts()
    with watch.database.transaction() as session:
        acknowledge(session, actor=watch.actor(), alert_id=alert.id, until=watch.at(600))
    watch.looks(590, 610, 625)
    assert watch.alerts()[0].acknowledged_by is None
    assert watch.titles()[-1] == "Still firing: High failure rate"


def test_more_pressing_than_before_is_told_although_acknowledged(watch: Watch) -> None:
    watch.only("failure-rate")
    watch.edit("failure-rate", severity=Severity.WARNING)
    watch.ended(-1, failed=30, succeeded=10)
    watch.looks(0, 30, 45)
    with watch.database.transaction() as session:
        acknowledge(session, actor=watch.actor(), alert_id=watch.alerts()[0].id)
    watch.edit("failure-rate", severity=Severity.CRITICAL)
    watch.looks(60, 75)
    assert watch.titles() == ["Firing: High failure rate", "More pressing: High failure rate"]
    assert watch.alerts()[0].acknowledged_by is None


def test_a_silence_holds_back_and_its_end_lets_through_what_still_fires(watch: Watch) -> None:
    failing(watch)
    with watch.database.transaction() as session:
        made = silence(
            session,
            actor=watch.actor(),
            matchers={"rule": "failure-rate"},
            until=watch.at(3_000),
            reason="known",
        )
    watch.start += timedelta(seconds=5)
    watch.looks(0, 30, 45, 60)
    assert watch.titles() == []
    assert watch.alerts()[0].held == "silenced by Ada (admin)"
    with watch.database.transaction() as session:
        end_silence(session, actor=watch.actor(), silence_id=made.id)
    watch.looks(75, 90)
    assert watch.titles() == ["Firing: High failure rate"]


def test_what_is_over_before_its_silence_is_never_told_of(watch: Watch) -> None:
    failing(watch)
    with watch.database.transaction() as session:
        silence(
            session, actor=watch.actor(), matchers={"severity": "critical"}, until=watch.at(3_000), reason="x"
        )
    watch.start += timedelta(seconds=5)
    watch.looks(0, 30, 45)
    watch.ended(1_000, succeeded=40)
    watch.looks(1_010, 1_140, 1_155, 3_100, 3_200)
    assert watch.states("failure-rate") == ["resolved"]
    assert watch.messages() == []


def test_a_silence_for_something_else_holds_back_nothing(watch: Watch) -> None:
    failing(watch)
    with watch.database.transaction() as session:
        matchers = {"rule": "failure-rate", "class": "network"}
        silence(session, actor=watch.actor(), matchers=matchers, until=watch.at(3_000), reason="x")
    watch.start += timedelta(seconds=5)
    watch.looks(0, 30, 45)
    assert len(watch.messages()) == 1


def test_a_snooze_is_quiet_until_its_end(watch: Watch) -> None:
    watch.only("queue-age")
    with watch.database.transaction() as session:
        make_generation(session, created_at=watch.at(-7_200))
    watch.looks(0, 60, 75)
    with watch.database.transaction() as session:
        snooze(session, actor=watch.actor(), alert_id=watch.alerts()[0].id, until=watch.at(6 * 3_600))
    watch.looks(5 * 3_600, 5 * 3_600 + 15)
    assert len(watch.messages()) == 1
    watch.looks(6 * 3_600 + 1, 6 * 3_600 + 15)
    assert watch.titles()[1:] == ["Still firing: Queue too old"]
