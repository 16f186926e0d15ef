"""Alert rules on a real database, by a clock that only the test moves."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, text

from core.access.models import AuditEvent
from core.credits import ledger
from core.credits.books.records import check_full, check_recent
from core.database import Database
from core.errors import Conflict, InvalidInput, NotAllowed
from core.failures.absorb import absorb
from core.failures.alerts import measures
from core.failures.alerts.actions import acknowledge, resolve, snooze, unacknowledge
from core.failures.alerts.evaluate import evaluate_in_turn
from core.failures.alerts.kinds import OURS, Kind, Severity
from core.failures.alerts.models import AlertRule, AlertRuleVersion
from core.failures.alerts.rules import DEFAULTS, rules, save_rule
from core.failures.alerts.silences import end_silence, silence
from core.generation.models import RenderAttempt, WorkerBeat
from tests.support.alerting import Watch
from tests.support.factories import make_generation


@pytest.fixture
def watch(database: Database) -> Watch:
    return Watch.open(database)


def failing(watch: Watch) -> None:
    """From second 0 on: 30 of 40 fail."""
    watch.only("failure-rate")
    watch.ended(-1, failed=30, succeeded=10)


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
        "pending", "firing", "told: fired", "recovering", "resolved", "told: resolved",
    ]  # fmt: skip


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


def test_few_failures_among_few_are_no_data_and_raise_nothing(watch: Watch) -> None:
    watch.only("failure-rate")
    watch.ended(-1, failed=10, succeeded=5)
    watch.looks(0, 60, 120)
    assert watch.alerts() == []


def test_a_rate_whose_interval_reaches_below_the_threshold_raises_nothing(watch: Watch) -> None:
    watch.only("failure-rate")
    watch.ended(-1, failed=7, succeeded=18)  # 28 %, but the interval begins at 14 %
    watch.looks(0, 60)
    assert watch.alerts() == []


def test_refused_photos_of_customers_are_no_outage(watch: Watch) -> None:
    watch.only("failure-rate", "class-count")
    watch.ended(-1, failed=40, why="content_policy")
    watch.looks(0, 60)
    assert watch.alerts() == []


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
    assert (child.state, child.held) == ("firing", f"follows from alert {watch.alerts('failure-rate')[0].id}")
    assert watch.titles() == ["Firing: High failure rate"]


def test_what_followed_and_fires_on_alone_is_told_of_then(watch: Watch) -> None:
    watch.only("failure-rate", "class-count")
    watch.ended(-1, failed=40)
    watch.looks(0, 30, 45)
    with watch.database.transaction() as session:
        parent = watch.alerts("failure-rate")[0]
        resolve(session, actor=watch.actor(), alert_id=parent.id, why="not the rate")
    watch.edit("failure-rate", enabled=False)
    watch.looks(200, 215)
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


def test_the_end_of_what_was_told_of_is_told_of_although_another_fires_by_now(watch: Watch) -> None:
    watch.only("failure-rate", "class-count")
    watch.ended(-1, failed=10)
    watch.looks(*range(0, 60, 15))
    assert watch.titles() == ["Firing: Many failures of one class (Timed out)"]
    watch.ended(300, failed=40, why="rate_limited")
    watch.looks(*range(305, 1_000, 15))
    assert "Resolved: Many failures of one class (Timed out)" in watch.titles()
    assert watch.states("failure-rate") == ["firing"]


def test_a_provider_that_refuses_our_key_is_told_of_at_the_first_look(watch: Watch) -> None:
    watch.only("provider-stop")
    watch.ended(-1, failed=1, why="auth")
    watch.look(0)
    assert watch.states("provider-stop") == ["firing"]
    assert watch.titles() == ["Firing: Provider refuses us (Provider refused our key)"]


def test_the_same_state_seen_often_is_one_message(watch: Watch) -> None:
    failing(watch)
    watch.looks(*range(0, 600, 10))
    assert len(watch.messages()) == 1


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


def test_a_silent_worker_is_named_and_is_forgotten_after_a_while(watch: Watch) -> None:
    watch.only("worker-silent")
    with watch.database.transaction() as session:
        for name, seconds, stopped in (("gone", -60, False), ("left", -60, True), ("here", 600, False)):
            session.add(
                WorkerBeat(
                    id=name, host=name, pid=1, version="1", ticks={}, beat_at=watch.at(seconds),
                    stopped_at=watch.at(seconds) if stopped else None,
                )
            )  # fmt: skip
    watch.looks(0, 30, 45)
    (alert,) = watch.alerts()
    assert (alert.subject, alert.state) == ("gone", "firing")


def test_a_paid_picture_about_to_be_deleted_is_told_of(watch: Watch) -> None:
    watch.only("output-expiring")
    with watch.database.transaction() as session:
        for minutes in (20, 55):
            made = make_generation(session, state="storing")
            session.add(
                RenderAttempt(
                    generation_id=made.id, number=1, client_ref=uuid4(), worker="w",
                    status="succeeded", remote_id=uuid4().hex, save_by=watch.at(minutes * 60),
                )
            )  # fmt: skip
    watch.looks(0, 15)
    (message,) = watch.messages()
    assert "1 paid picture, the first is deleted in 19 min" in message.body


def test_spend_above_the_limit_is_told_of(watch: Watch) -> None:
    watch.only("spend")
    with watch.database.transaction() as session:
        made = make_generation(session, state="succeeded", credits=0)
        session.add(
            RenderAttempt(
                generation_id=made.id, number=1, client_ref=uuid4(), worker="w",
                status="succeeded", remote_id=uuid4().hex, cost_usd=30, ended_at=watch.at(-60),
            )
        )  # fmt: skip
    watch.looks(0, 40)
    (message,) = watch.messages()
    assert "$30.00 for 1 attempt, the limit is $25.00" in message.body


def test_new_groups_are_told_of_once_they_occurred_often_enough(watch: Watch) -> None:
    watch.only("error-group")
    watch.ended(-1, failed=3, why="storage")
    watch.look(0)
    assert watch.alerts() == []  # the rollup has not counted yet
    with watch.database.transaction() as session:
        session.execute(text("UPDATE error_group SET failed_generations = 3"))
    watch.looks(15, 30)
    (message,) = watch.messages()
    assert "Object store trouble, new: 3 occurrences" in message.body


def test_what_a_check_of_the_books_found_is_told_of_until_a_full_one_no_longer_finds_it(
    watch: Watch,
) -> None:
    watch.only("ledger")
    with watch.database.transaction() as session:
        made = make_generation(session, credits=10)  # costs credits, and nothing was charged
    watch.look(0)
    assert watch.alerts() == []  # nobody has checked yet
    check_full(watch.database, watch.services.objects)
    watch.look(60)
    assert {each.subject for each in watch.alerts()} == {"uncharged_generation", "settled_early"}
    assert len(watch.messages()) == 1
    with watch.database.transaction() as session:
        ledger.grant(session, customer_id=made.customer_id, amount=10, reason="r", key="k", actor="Sam")
        ledger.charge(session, generation_id=made.id, customer_id=made.customer_id, amount=10, actor="Sam")
    check_recent(watch.database, watch.services.objects)
    watch.look(120)
    assert watch.titles()[-1].startswith("Firing")
    check_full(watch.database, watch.services.objects)
    watch.look(180)
    assert watch.titles()[-1].startswith("Resolved")


def test_books_that_nobody_checks_any_more_are_told_of(watch: Watch) -> None:
    watch.only("ledger")
    check_full(watch.database, watch.services.objects)
    watch.look(0)
    assert watch.alerts() == []
    with watch.database.transaction() as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(text("UPDATE books_check SET started_at = started_at - interval '2 days'"))
    watch.look(60)
    assert {each.title for each in watch.alerts()} == {"Books not checked"}


def test_stuck_generations_are_told_of_by_reason(watch: Watch) -> None:
    watch.only("stuck")
    with watch.database.transaction() as session:
        made = make_generation(session, state="submitting", state_since=watch.at(-600))
        made.due_at = watch.at(600)
    watch.looks(0, 120, 135)
    assert watch.titles() == ["Firing: Generations stuck (Stuck: answer lost)"]


def test_every_rule_knows_its_watermark(watch: Watch) -> None:
    watch.look(0)
    with watch.database.transaction() as session:
        rows = session.scalars(select(AlertRule)).all()
    assert {each.slug for each in rows if each.evaluated_until is None} == set()
