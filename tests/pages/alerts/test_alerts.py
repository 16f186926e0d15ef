"""The Alerts page: what it promises to the person at the desk."""

import dataclasses
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from core.alerts.kinds import Kind
from core.alerts.views import AlertView, board
from core.services import Services
from core.tables.alerts import Alert, AlertRuleVersion, Silence
from core.tables.notifications import NotificationChannel
from pages.alerts.words import failures_query
from tests.pages.conftest import OpenPage
from tests.pages.looking import button, has_button, said
from tests.support.alerting import Watch
from tests.support.servers.receivers import receiving

PAGE = "pages/alerts/page.py"


@pytest.fixture
def watch(services: Services) -> Watch:
    return Watch(services, datetime.now(UTC).replace(microsecond=0))


def fire(watch: Watch) -> int:
    """A high failure rate fires; its number."""
    watch.only("failure-rate")
    watch.ended(-60, failed=30, succeeded=10)
    watch.start = datetime.now(UTC)
    watch.looks(-40, -5, 0)
    return watch.alerts()[0].id


def test_a_quiet_desk_says_that_nothing_fires_and_that_there_is_no_channel(
    open_page: OpenPage, watch: Watch
) -> None:
    watch.look(0)
    words = said(open_page(PAGE))
    assert "Nothing fires." in words
    assert "there is no channel yet" in words


def test_nobody_looking_at_the_rules_is_an_error(open_page: OpenPage) -> None:
    assert "Nobody looks at the rules" in open_page(PAGE).error[0].value


def test_what_fires_is_acknowledged_with_a_reason(open_page: OpenPage, watch: Watch) -> None:
    alert = fire(watch)
    at = open_page(PAGE, persona="operator")
    assert "75.0%" in said(at)
    at.text_input(key=f"alert_ack_why_{alert}").set_value("on the phone with them")
    at.button(key=f"alert_ack_{alert}").click().run()
    assert not at.exception
    assert "Acknowledged by Olga" in said(at)
    assert "on the phone with them" in said(at)
    assert has_button(at, "Take back")


def test_what_is_about_to_be_over_says_so(open_page: OpenPage, watch: Watch) -> None:
    fire(watch)
    assert "Recovering" not in said(open_page(PAGE))
    watch.ended(5, succeeded=200)
    watch.look(10)
    words = said(open_page(PAGE))
    assert "Recovering" in words
    assert "High failure rate" in words


def test_an_alert_leads_to_the_failures_that_it_counts_and_not_to_older_ones(
    open_page: OpenPage, watch: Watch
) -> None:
    watch.ended(-2 * 3_600, failed=7)
    query = failures_query(_alert_of(watch), datetime.now(UTC))
    assert query is not None
    assert len(open_page("pages/generations/page.py", query=query).dataframe[0].value) == 30


def test_an_alert_of_an_error_group_leads_to_its_generations(watch: Watch) -> None:
    group_rule = dataclasses.replace(_alert_of(watch), subject="v1:abc", failure_class="timeout")
    kind = dataclasses.replace(group_rule.rule.spec, kind=Kind.ERROR_GROUP)
    of_group = dataclasses.replace(group_rule, rule=dataclasses.replace(group_rule.rule, spec=kind))
    query = failures_query(of_group, datetime.now(UTC))
    assert query is not None
    assert (query["group"], "class" in query) == ("v1:abc", False)
    assert failures_query(dataclasses.replace(of_group, failure_class=None), datetime.now(UTC)) is None


def _alert_of(watch: Watch) -> AlertView:
    fire(watch)
    with watch.database.transaction() as session:
        return board(session).live[0]


def test_a_silence_needs_a_reason_and_then_holds(open_page: OpenPage, watch: Watch) -> None:
    alert = fire(watch)
    at = open_page(PAGE)
    at.button(key=f"alert_silence_{alert}").click().run()
    assert "Say why these alerts are silenced." in at.error[0].value
    at.text_input(key=f"alert_silence_why_{alert}").set_value("known outage")
    at.button(key=f"alert_silence_{alert}").click().run()
    with watch.database.transaction() as session:
        made = session.scalars(select(Silence)).one()
    assert (made.matchers, made.reason) == ({"rule": "failure-rate"}, "known outage")
    shown = open_page(PAGE, query={"view": "silences"})
    assert "In force" in said(shown)
    button(shown, "End now").click().run()
    assert "Ended" in said(shown)


def test_snoozed_and_resolved_from_the_card(open_page: OpenPage, watch: Watch) -> None:
    alert = fire(watch)
    at = open_page(PAGE)
    at.button(key=f"alert_snooze_{alert}").click().run()
    assert "Snoozed by Ada" in said(at)
    at.text_input(key=f"alert_resolve_why_{alert}").set_value("they mended it")
    at.button(key=f"alert_resolve_{alert}").click().run()
    assert watch.states("failure-rate") == ["resolved"]
    detail = open_page(PAGE, query={"alert": str(alert)})
    whats = list(detail.dataframe[0].value["what"])
    assert whats[0] == "Pending"
    assert whats[-1] == "Resolved"
    past = open_page(PAGE, query={"view": "history"})
    assert list(past.dataframe[0].value["id"]) == [alert]


def test_a_viewer_sees_everything_and_changes_nothing(open_page: OpenPage, watch: Watch) -> None:
    alert = fire(watch)
    at = open_page(PAGE, persona="viewer")
    assert "75.0%" in said(at)
    assert not [one for one in at.button if one.key == f"alert_ack_{alert}"]
    assert "may not acknowledge" in said(at)
    rules = open_page(PAGE, persona="viewer", query={"view": "rules", "rule": "failure-rate"})
    assert not has_button(rules, "Save")
    assert not has_button(open_page(PAGE, persona="viewer", query={"view": "channels"}), "Add")


def test_editing_a_rule_shows_how_often_it_would_have_fired_before_it_is_saved(
    open_page: OpenPage, watch: Watch
) -> None:
    for day in (2, 9):
        watch.ended(-day * 86_400, failed=40)
        watch.ended(-day * 86_400 + 7_200, succeeded=60)
    at = open_page(PAGE, query={"view": "rules", "rule": "failure-rate"})
    assert at.metric[0].value == "2 times"
    at.number_input(key="rule_failure-rate_1_min_events").set_value(500.0).run()
    assert (at.metric[0].value, at.metric[0].delta) == ("0 times", "-2 against now")
    with watch.database.transaction() as session:
        assert session.scalar(select(AlertRuleVersion.version).where(AlertRuleVersion.version == 2)) is None
    at.text_input(key="rule_failure-rate_1_why").set_value("too loud")
    at.button(key="rule_failure-rate_1_save").click().run()
    assert not at.exception
    with watch.database.transaction() as session:
        saved = session.scalars(select(AlertRuleVersion).where(AlertRuleVersion.version == 2)).one()
    assert (saved.parameters["min_events"], saved.reason) == (500, "too loud")


def test_a_rule_that_another_saved_meanwhile_is_told_and_what_was_typed_stays(
    open_page: OpenPage, watch: Watch
) -> None:
    query = {"view": "rules", "rule": "failure-rate"}
    slow, quick = open_page(PAGE, query=query), open_page(PAGE, query=query)
    slow.number_input(key="rule_failure-rate_1_min_events").set_value(500.0).run()
    quick.number_input(key="rule_failure-rate_1_min_events").set_value(77.0).run()
    quick.text_input(key="rule_failure-rate_1_why").set_value("too quiet")
    quick.button(key="rule_failure-rate_1_save").click().run()
    slow.text_input(key="rule_failure-rate_1_why").set_value("too loud")
    slow.button(key="rule_failure-rate_1_save").click().run()
    assert "has saved version 2 meanwhile" in said(slow)
    assert slow.number_input(key="rule_failure-rate_1_min_events").value == 500.0
    with watch.database.transaction() as session:
        assert session.scalars(
            select(AlertRuleVersion.reason).where(AlertRuleVersion.version == 2)
        ).all() == ["too quiet"]
    button(slow, "Open version 2").click().run()
    assert slow.number_input(key="rule_failure-rate_2_min_events").value == 77.0
    assert "meanwhile" not in said(slow)


def test_a_rule_on_the_present_says_that_it_cannot_be_tried(open_page: OpenPage) -> None:
    at = open_page(PAGE, query={"view": "rules", "rule": "queue-age"})
    assert "cannot be tried on the past" in said(at)


def test_a_channel_is_added_tested_and_its_answer_shown_without_its_address(
    open_page: OpenPage, watch: Watch
) -> None:
    at = open_page(PAGE, query={"view": "channels"})
    key = at.session_state["channel_form_key"]
    private = watch.services.settings.notify_private
    with receiving() as receiver:
        at.text_input(key=f"channel_name_{key}").set_value("ops")
        at.text_input(key=f"channel_address_{key}").set_value(receiver.url)
        at.button(key=f"channel_add_{key}").click().run()
        assert not at.exception
        button(at, "Send a test").click().run()
    assert "not a public address; INKDESK" in at.error[0].value.replace("\\", "")
    assert not private
    assert "s3cr3tpath" not in said(at)
    assert list(at.dataframe[0].value["outcome"]) == ["Refused"]
    with watch.database.transaction() as session:
        assert session.scalars(select(NotificationChannel.name)).all() == ["ops"]
        assert session.scalars(select(Alert)).all() == []
