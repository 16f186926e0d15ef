"""Alert rules on a real database, by a clock that only the test moves: from pending to resolved."""

import pytest
from sqlalchemy import select, text

from core.alerts import measures
from core.alerts.actions import acknowledge, resolve, unacknowledge
from core.alerts.evaluate import evaluate_in_turn
from core.alerts.kinds import Kind
from core.alerts.rules import DEFAULTS, rules, save_rule
from core.alerts.silences import silence
from core.foundation.errors import Conflict, InvalidInput, NotAllowed
from core.tables.alerts import AlertRule, AlertRuleVersion
from tests.support.alerting import Watch, failing

pytestmark = pytest.mark.slow


def test_the_default_rules_are_there_and_are_seeded_once(watch: Watch) -> None:
    again = Watch.open(watch.database)
    with again.database.transaction() as session:
        found = rules(session)
    assert [each.slug for each in found] == list(DEFAULTS)
    assert {each.spec.kind for each in found} == set(Kind)
    assert all(each.version == 1 and each.spec.enabled for each in found)


def test_an_empty_desk_alerts_of_nothing(watch: Watch) -> None:
    watch.looks(0, 60, 120)
    assert watch.alerts() == []
    assert watch.messages() == []


def test_a_high_failure_rate_goes_from_pending_to_resolved_and_is_told_of_twice(watch: Watch) -> None:
    failing(watch)
    seen = []
    for second in (0, 20, 40, 60):
        watch.look(second)
        seen += watch.states("failure-rate")
    assert seen == ["pending", "pending", "firing", "firing"]
    # The window of 15 minutes passes: no data, which keeps it, until new successes say that it is good.
    watch.ended(1_000, succeeded=40)
    watch.looks(1_010, 1_100)
    assert watch.states("failure-rate") == ["recovering"]
    watch.looks(1_140, 1_160)
    (alert,) = watch.alerts("failure-rate")
    assert alert.state == "resolved"
    assert alert.fired_at == watch.at(40)
    assert watch.titles() == ["Firing: High failure rate", "Resolved: High failure rate"]
    assert watch.history(alert.id) == [
        "pending",
        "firing",
        "told: fired",
        "recovering",
        "resolved",
        "told: resolved",
    ]


def test_a_restart_in_the_middle_of_pending_keeps_the_clock(watch: Watch) -> None:
    failing(watch)
    watch.look(0)
    restarted = Watch(watch.services, watch.start)
    restarted.look(31)
    (alert,) = restarted.alerts("failure-rate")
    assert (alert.state, alert.pending_since) == ("firing", watch.at(0))


def test_a_burst_while_nobody_evaluated_is_told_of_afterwards_with_its_time(watch: Watch) -> None:
    watch.only("failure-rate")
    watch.look(0)
    watch.ended(300, failed=50)
    watch.ended(900, succeeded=200)
    watch.looks(3_600, 3_615)
    (alert,) = watch.alerts("failure-rate")
    assert alert.state == "resolved"
    assert alert.fired_at is not None
    assert watch.at(300) < alert.fired_at < watch.at(900)
    assert watch.titles() == ["Firing: High failure rate", "Resolved: High failure rate"]
    assert "while nobody was evaluating" in watch.messages()[0].body


def test_a_failed_query_keeps_the_state_and_raises_one_blind_alert_after_two_looks(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch.only("failure-rate", "blind")
    watch.ended(-1, failed=30, succeeded=10)
    watch.looks(0, 30, 45)
    monkeypatch.setattr(measures, "ENDED", text("SELECT 1 / 0, :moments, :window"))
    watch.look(60)
    assert watch.alerts("blind") == []
    watch.looks(75, 90, 105)
    assert watch.states("failure-rate") == ["firing"]
    (blind,) = watch.alerts("blind")
    assert blind.state == "firing"
    assert "division by zero" in blind.reading["problem"]
    assert watch.titles().count("Firing: Alert rule cannot be evaluated") == 1
    monkeypatch.undo()
    watch.looks(120, 135)
    assert watch.states("blind") == ["resolved"]
    assert watch.states("failure-rate") == ["firing"]


def test_what_was_resolved_by_hand_and_is_still_bad_is_another_alert(watch: Watch) -> None:
    failing(watch)
    watch.looks(0, 30, 45)
    with watch.database.transaction() as session:
        resolve(session, actor=watch.actor(), alert_id=watch.alerts()[0].id, why="mended")
    watch.look(60)
    assert watch.states("failure-rate") == ["resolved", "pending"]


def test_staff_without_the_permission_change_nothing(watch: Watch) -> None:
    failing(watch)
    watch.looks(0, 30, 45)
    viewer, support = watch.actor("viewer"), watch.actor("support")
    (alert,) = watch.alerts()
    with watch.database.transaction() as session:
        with pytest.raises(NotAllowed):
            acknowledge(session, actor=viewer, alert_id=alert.id)
        with pytest.raises(NotAllowed):
            resolve(session, actor=viewer, alert_id=alert.id, why="x")
        with pytest.raises(NotAllowed):
            silence(session, actor=viewer, matchers={"rule": "x"}, until=watch.at(60), reason="x")
        acknowledge(session, actor=support, alert_id=alert.id)
        unacknowledge(session, actor=support, alert_id=alert.id)
        with pytest.raises(InvalidInput, match="over"):
            resolve(session, actor=support, alert_id=alert.id, why=" ")
    assert watch.alerts()[0].state == "firing"


def test_a_rule_keeps_all_its_versions_and_refuses_a_stale_edit(watch: Watch) -> None:
    watch.edit("failure-rate", parameters={"threshold_percent": 35.0})
    with watch.database.transaction() as session:
        rule = next(each for each in rules(session) if each.slug == "failure-rate")
        kept = session.scalars(select(AlertRuleVersion).where(AlertRuleVersion.rule_id == rule.id)).all()
        assert sorted(each.parameters["threshold_percent"] for each in kept) == [20, 35]
    assert rule.version == 2
    with pytest.raises(InvalidInput, match=r"from 0\.1 to 99\.9"):
        watch.edit("failure-rate", parameters={"threshold_percent": 100.0})
    with pytest.raises(Conflict), watch.database.transaction() as session:
        save_rule(
            session, actor=watch.actor(), rule_id=rule.id, seen_version=1, spec=rule.spec, reason="late"
        )


def test_a_rule_that_is_switched_off_ends_its_alerts(watch: Watch) -> None:
    failing(watch)
    watch.looks(0, 30, 45)
    watch.edit("failure-rate", enabled=False)
    watch.looks(60, 75)
    assert watch.states("failure-rate") == ["resolved"]
    assert watch.titles()[-1] == "Resolved: High failure rate"


def test_one_evaluator_at_a_time(watch: Watch) -> None:
    assert evaluate_in_turn(watch.services, worker="one")
    assert not evaluate_in_turn(watch.services, worker="other")


def test_every_rule_knows_its_watermark(watch: Watch) -> None:
    watch.look(0)
    with watch.database.transaction() as session:
        rows = session.scalars(select(AlertRule)).all()
    assert {each.slug for each in rows if each.evaluated_until is None} == set()
