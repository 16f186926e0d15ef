"""What each kind of alert rule sees in the tables."""

from uuid import uuid4

import pytest
from sqlalchemy import text

from core.ledger import moves as ledger
from core.ledger.books.records import check_full, check_recent
from core.tables.generation import RenderAttempt, WorkerBeat
from tests.support.alerting import Watch
from tests.support.factories import make_generation

pytestmark = pytest.mark.slow


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


def test_a_provider_that_refuses_our_key_is_told_of_at_the_first_look(watch: Watch) -> None:
    watch.only("provider-stop")
    watch.ended(-1, failed=1, why="auth")
    watch.look(0)
    assert watch.states("provider-stop") == ["firing"]
    assert watch.titles() == ["Firing: Provider refuses us (Provider refused our key)"]


def test_a_silent_worker_is_named_and_is_forgotten_after_a_while(watch: Watch) -> None:
    watch.only("worker-silent")
    with watch.database.transaction() as session:
        for name, seconds, stopped in (("gone", -60, False), ("left", -60, True), ("here", 600, False)):
            session.add(
                WorkerBeat(
                    id=name,
                    host=name,
                    pid=1,
                    version="1",
                    ticks={},
                    beat_at=watch.at(seconds),
                    stopped_at=watch.at(seconds) if stopped else None,
                )
            )
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
                    generation_id=made.id,
                    number=1,
                    client_ref=uuid4(),
                    worker="w",
                    status="succeeded",
                    remote_id=uuid4().hex,
                    save_by=watch.at(minutes * 60),
                )
            )
    watch.looks(0, 15)
    (message,) = watch.messages()
    assert "1 paid picture, the first is deleted in 19 min" in message.body


def test_spend_above_the_limit_is_told_of(watch: Watch) -> None:
    watch.only("spend")
    with watch.database.transaction() as session:
        made = make_generation(session, state="succeeded", credits=0)
        session.add(
            RenderAttempt(
                generation_id=made.id,
                number=1,
                client_ref=uuid4(),
                worker="w",
                status="succeeded",
                remote_id=uuid4().hex,
                cost_usd=30,
                ended_at=watch.at(-60),
            )
        )
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
