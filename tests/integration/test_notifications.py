"""Messages from the outbox to real receivers on loopback."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, text

from core.access.models import AuditEvent
from core.database import Database, connect
from core.errors import Conflict, InvalidInput, NotAllowed
from core.notifications import outbox, webhook
from core.notifications.channels import (
    ChannelKind,
    add_channel,
    change_channel,
    channels,
    shown,
    with_secrets,
)
from core.notifications.message import Answer, Message, Outcome
from core.notifications.models import DeliveryTry
from core.notifications.outbox import claim, deliver_due, enqueue, send_claimed, send_test, settle
from tests.support.alerting import Watch
from tests.support.receivers import Mailbox, Receiver, Said, receiving


@pytest.fixture
def watch(database: Database) -> Watch:
    return Watch.open(database)


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    box = Mailbox()
    yield box
    box.stop()


def say(watch: Watch, key: str = "queue:fired:1", severity: str = "warning") -> None:
    with watch.database.transaction() as session:
        enqueue(
            session,
            key=key,
            topic="queue",
            event="fired",
            severity=severity,
            message=Message("Firing: <Queue>", "8 min & more", "http://desk.test/alerts?alert=1"),
        )


def later(watch: Watch) -> None:
    """Let the waits of all deliveries pass."""
    with watch.database.transaction() as session:
        session.execute(text("UPDATE delivery SET next_try_at = clock_timestamp() WHERE state = 'waiting'"))


def waits(watch: Watch) -> float:
    """For how many seconds the only delivery still waits."""
    with watch.database.transaction() as session:
        left = session.execute(text("SELECT next_try_at - clock_timestamp() FROM delivery")).scalar_one()
    return float(left.total_seconds())


def tries(watch: Watch) -> list[tuple[str, int | None, str]]:
    with watch.database.transaction() as session:
        rows = session.scalars(select(DeliveryTry).order_by(DeliveryTry.id))
        return [(each.outcome, each.status, each.answer) for each in rows]


def test_a_receiver_that_breaks_twice_gets_one_logical_message(watch: Watch) -> None:
    with receiving(500, 500, 200) as receiver:
        watch.channel("ops", receiver.url)
        say(watch)
        for _ in range(5):
            deliver_due(watch.services)
            later(watch)
    assert receiver.keys == ["queue:fired:1"] * 3
    assert [each["body"] for each in receiver.requests].count(receiver.requests[0]["body"]) == 3
    (sent,) = watch.deliveries()
    assert (sent.state, sent.tries, sent.status) == ("delivered", 3, 200)
    assert tries(watch) == [("retry", 500, "ok"), ("retry", 500, "ok"), ("accepted", 200, "ok")]


def test_the_wait_doubles_from_try_to_try_and_ends_at_ten_minutes() -> None:
    assert [outbox.backoff_seconds(n) for n in (1, 2, 3, 7, 8, 1_000)] == [5, 10, 20, 320, 600, 600]


def test_a_failed_try_waits_before_the_next(watch: Watch) -> None:
    with receiving(500) as receiver:
        watch.channel("ops", receiver.url)
        say(watch)
        assert deliver_due(watch.services) == 1
        assert deliver_due(watch.services) == 0
    assert 3 < waits(watch) <= 5


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_honoured(watch: Watch, status: int) -> None:
    with receiving(Said(status, {"Retry-After": "90"})) as receiver:
        watch.channel("ops", receiver.url)
        say(watch)
        deliver_due(watch.services)
    assert 85 < waits(watch) <= 90


def test_retry_after_may_be_a_date_and_is_bounded() -> None:
    now = datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert webhook.retry_after("Mon, 02 Mar 2026 12:01:30 GMT", now=now) == 90
    assert webhook.retry_after("Mon, 02 Mar 2026 11:00:00 GMT", now=now) == 0
    assert webhook.retry_after("999999") == 3_600
    assert webhook.retry_after("soon") is None


def test_a_receiver_that_will_never_take_it_is_not_asked_again(watch: Watch) -> None:
    with receiving(Said(404, body="no_service")) as receiver:
        watch.channel("ops", receiver.url)
        say(watch)
        deliver_due(watch.services)
        later(watch)
        deliver_due(watch.services)
    assert len(receiver.requests) == 1
    assert watch.deliveries()[0].state == "given_up"
    assert tries(watch) == [("refused", 404, "no_service")]


def test_redirects_are_not_followed(watch: Watch) -> None:
    with receiving() as other, receiving(Said(302, {"Location": other.url})) as receiver:
        watch.channel("ops", receiver.url)
        say(watch)
        deliver_due(watch.services)
    assert other.requests == []
    assert watch.deliveries()[0].state == "given_up"


def test_after_a_day_it_is_given_up(watch: Watch) -> None:
    with receiving(500) as receiver:
        watch.channel("ops", receiver.url)
        say(watch)
        with watch.database.transaction() as session:
            session.execute(text("UPDATE delivery SET created_at = created_at - interval '25 hours'"))
        deliver_due(watch.services)
    assert watch.deliveries()[0].state == "given_up"


def test_slack_gets_words_that_it_can_show(watch: Watch) -> None:
    with receiving() as receiver:
        watch.channel("ops", receiver.url)
        say(watch)
        deliver_due(watch.services)
    body = receiver.requests[0]["body"]
    assert "*Firing: &lt;Queue&gt;*\n8 min &amp; more" in body["text"]
    assert "<http://desk.test/alerts?alert=1|Open in Inkdesk>" in body["text"]


def test_slacks_limits_hold_for_the_longest_message() -> None:
    whole = webhook.payload(Message("t" * 500, "b" * 50_000, "http://desk.test/alerts", "k"))
    header, section, _ = whole["blocks"]
    assert len(header["text"]["text"]) <= 150
    assert len(section["text"]["text"]) <= 3_000
    assert len(whole["text"]) <= 4_000


def test_a_mail_server_that_is_down_gets_it_when_it_is_back(watch: Watch, mailbox: Mailbox) -> None:
    watch.channel("mail", mailbox.address, kind="email")
    say(watch)
    deliver_due(watch.services)
    assert tries(watch)[0][0] == "retry"
    assert "refused" in tries(watch)[0][2].lower()
    mailbox.start()
    for _ in range(3):
        later(watch)
        deliver_due(watch.services)
    (mail,) = mailbox.mails
    assert mail["Subject"] == "Firing: <Queue>"
    assert mail["X-Inkdesk-Key"] == "queue:fired:1"
    assert mail["To"] == "oncall@example.com"
    content = mail.get_body(("plain", "html"))
    assert content is not None
    assert "http://desk.test/alerts?alert=1" in content.get_content()
    assert watch.deliveries()[0].state == "delivered"


def test_private_addresses_are_refused_unless_allowed(database: Database, mailbox: Mailbox) -> None:
    watch = Watch.open(database, notify_private=False)
    mailbox.start()
    with receiving() as receiver:
        watch.channel("ops", receiver.url)
        watch.channel("named", receiver.url.replace("127.0.0.1", "localhost"))
        watch.channel("mail", mailbox.address, kind="email")
        watch.channel("other", receiver.url.replace("http", "json"), kind="apprise")
        say(watch)
        deliver_due(watch.services)
    assert receiver.requests == []
    assert mailbox.mails == []
    assert {each.state for each in watch.deliveries()} == {"given_up"}
    assert all("not a public address; INKDESK_NOTIFY_PRIVATE" in answer for _, _, answer in tries(watch))


def test_other_services_go_by_apprise(watch: Watch) -> None:
    with receiving() as receiver:
        watch.channel("other", receiver.url.replace("http", "json"), kind="apprise")
        say(watch)
        deliver_due(watch.services)
    assert receiver.requests[0]["body"]["title"] == "Firing: <Queue>"
    assert watch.deliveries()[0].state == "delivered"


def test_a_channel_gets_only_what_presses_enough(watch: Watch) -> None:
    with receiving() as loud, receiving() as quiet:
        watch.channel("loud", loud.url, severity="info")
        watch.channel("quiet", quiet.url, severity="critical")
        say(watch, "a", "warning")
        say(watch, "b", "critical")
        deliver_due(watch.services)
    assert (sorted(loud.keys), quiet.keys) == (["a", "b"], ["b"])


def test_a_dead_channel_is_told_of_on_the_others(watch: Watch) -> None:
    watch.only("channel-dead")
    with receiving(500) as dead, receiving() as well:
        broken = watch.channel("dead", dead.url)
        watch.channel("well", well.url)
        say(watch)
        for _ in range(3):
            deliver_due(watch.services)
            later(watch)
        watch.looks(0, 15)
        later(watch)
        deliver_due(watch.services)
        told = [each["body"]["text"] for each in well.requests]
        assert any("Notification channel dead (Channel dead)" in each for each in told)
        assert "3 failed tries, last answer: ok" in told[-1]
        assert not any("Notification channel dead" in str(each["body"]) for each in dead.requests)
        (alert,) = watch.alerts()
        assert (alert.subject, alert.state) == (str(broken), "firing")


def test_a_channel_that_works_again_is_well(watch: Watch) -> None:
    watch.only("channel-dead")
    with receiving(500, 500, 500, 200) as receiver:
        watch.channel("ops", receiver.url)
        say(watch)
        for _ in range(3):
            deliver_due(watch.services)
            later(watch)
        watch.look(0)
        deliver_due(watch.services)
        watch.look(15)
    assert watch.states("channel-dead") == ["resolved"]


def test_a_test_is_sent_at_once_and_shows_the_answer(watch: Watch) -> None:
    with receiving(Said(403, body="invalid_token"), Said(200)) as receiver:
        channel = watch.channel("ops", receiver.url)
        first = send_test(watch.services, actor=watch.actor(), channel_id=channel)
        second = send_test(watch.services, actor=watch.actor(), channel_id=channel)
    assert (first.outcome, first.status, first.text) == (Outcome.REFUSED, 403, "invalid_token")
    assert second.outcome is Outcome.ACCEPTED
    assert receiver.requests[1]["body"]["text"].startswith("*Test from Inkdesk*")
    with pytest.raises(NotAllowed):
        send_test(watch.services, actor=watch.actor("support"), channel_id=channel)


def test_a_test_of_a_receiver_that_is_away_does_not_arrive_an_hour_later(watch: Watch) -> None:
    with receiving(500) as receiver:
        channel = watch.channel("ops", receiver.url)
        assert send_test(watch.services, actor=watch.actor(), channel_id=channel).outcome is Outcome.RETRY
        later(watch)
        assert deliver_due(watch.services) == 0
    assert len(receiver.requests) == 1


def test_a_sender_whose_claim_ran_out_settles_nothing(watch: Watch) -> None:
    with receiving() as receiver:
        watch.channel("ops", receiver.url)
        say(watch)
        with watch.database.transaction() as session:
            slow = claim(session)
        later(watch)
        assert deliver_due(watch.services) == 1
        assert slow is not None
        with watch.database.transaction() as session:
            assert not settle(session, slow, Answer(Outcome.RETRY, "late"), seconds=1)
    assert watch.deliveries()[0].state == "delivered"


def _send_and_die(url: str, address: str) -> None:
    """Claim, send, and be killed before the answer is written down."""
    database = connect(url, pool_size=1)
    watch = Watch(Watch.open(database).services, datetime.now(UTC))
    with database.transaction() as session:
        claimed = claim(session)
    assert claimed is not None
    assert webhook.send(address, claimed.message, allow_private=True).outcome is Outcome.ACCEPTED
    assert watch
    os.kill(os.getpid(), signal.SIGKILL)


def test_killed_between_sending_and_writing_it_down_makes_one_duplicate_with_the_same_key(
    watch: Watch, database_url: str
) -> None:
    with receiving() as receiver:
        watch.channel("ops", receiver.url)
        say(watch)
        child = multiprocessing.get_context("spawn").Process(
            target=_send_and_die, args=(database_url, receiver.url)
        )
        child.start()
        child.join(60)
        assert child.exitcode == -signal.SIGKILL
        assert deliver_due(watch.services) == 0  # its claim still holds
        assert 0 < waits(watch) <= outbox.CLAIM.total_seconds()
        for _ in range(3):
            later(watch)
            deliver_due(watch.services)
    assert receiver.keys == ["queue:fired:1"] * 2
    assert watch.deliveries()[0].state == "delivered"


def test_two_senders_at_once_send_each_message_once(watch: Watch) -> None:
    with receiving() as receiver:
        watch.channel("ops", receiver.url)
        for number in range(6):
            say(watch, f"k{number}")
        with watch.database.transaction() as one, watch.database.transaction() as other:
            taken = [claim(one), claim(other)]
        for each in taken:
            assert each is not None
            send_claimed(watch.services, each)
        deliver_due(watch.services)
    assert sorted(receiver.keys) == [f"k{number}" for number in range(6)]


def test_an_alert_reaches_the_receiver_once_per_transition(watch: Watch) -> None:
    watch.only("failure-rate")
    with receiving(500, 500, 200) as receiver:
        watch.channel("ops", receiver.url)
        watch.ended(-1, failed=30, succeeded=10)
        for second in range(0, 120, 15):
            watch.look(second)
            later(watch)
            deliver_due(watch.services)
        watch.ended(1_000, succeeded=40)
        for second in range(1_000, 1_200, 15):
            watch.look(second)
            deliver_due(watch.services)
    assert distinct(receiver) == 2
    assert "75.0% (95 % interval" in receiver.requests[0]["body"]["text"]
    assert "Resolved: High failure rate" in receiver.requests[-1]["body"]["text"]


def distinct(receiver: Receiver) -> int:
    return len(set(receiver.keys))


def test_addresses_are_checked_kept_secret_and_audited(watch: Watch) -> None:
    admin, support = watch.actor(), watch.actor("support")
    address = "https://hooks.example.com/services/T0/B0/verysecret"
    with watch.database.transaction() as session:
        made = add_channel(
            session, actor=admin, name="ops", kind=ChannelKind.WEBHOOK, address=address, min_severity="info"
        )
        change_channel(
            session,
            actor=admin,
            channel_id=made,
            name="ops 2",
            address=None,
            min_severity="critical",
            enabled=True,
        )
        (view,) = channels(session)
        assert (view.name, view.shown_address) == ("ops 2", "https://hooks.example.com/…")
        trail = session.scalars(select(AuditEvent)).all()
        assert "verysecret" not in str([(each.before, each.after) for each in trail])
        with pytest.raises(Conflict):
            add_channel(
                session,
                actor=admin,
                name="ops 2",
                kind=ChannelKind.WEBHOOK,
                address=address,
                min_severity="info",
            )
        with pytest.raises(NotAllowed):
            add_channel(
                session, actor=support, name="x", kind=ChannelKind.EMAIL, address="", min_severity="info"
            )


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        (ChannelKind.WEBHOOK, "ftp://example.com/x"),
        (ChannelKind.WEBHOOK, "https:///nowhere"),
        (ChannelKind.WEBHOOK, ""),
        (ChannelKind.EMAIL, "https://example.com"),
        (ChannelKind.EMAIL, "oncall@example.com"),
        (ChannelKind.APPRISE, "nonsense"),
        (ChannelKind.APPRISE, "syslog://"),
        (ChannelKind.APPRISE, "dbus://"),
    ],
)
def test_an_address_that_cannot_work_is_refused_when_it_is_entered(
    watch: Watch, kind: ChannelKind, address: str
) -> None:
    with watch.database.transaction() as session, pytest.raises(InvalidInput):
        add_channel(session, actor=watch.actor(), name="x", kind=kind, address=address, min_severity="info")


def test_secrets_come_from_the_environment_and_only_from_variables_meant_for_it() -> None:
    environment = {
        "INKDESK_SECRET_MAIL": "p@ss/word",
        "INKDESK_SECRET_HOOK": "https://h.example/s",
        "HOME": "/",
    }
    assert with_secrets("${INKDESK_SECRET_HOOK}", environment) == "https://h.example/s"
    assert with_secrets("mailtos://u:${INKDESK_SECRET_MAIL}@h", environment) == "mailtos://u:p%40ss%2Fword@h"
    assert with_secrets("https://x/${HOME}", environment) == "https://x/${HOME}"
    assert with_secrets("https://x/${INKDESK_SECRET_OTHER}", environment) is None
    assert shown("mailtos://u:secret@mail.example.com?to=a@b.c") == "mailtos://mail.example.com/…"
    assert shown("slack://TokenA/TokenB/TokenC") == "slack://…/…"


def test_the_answer_in_the_log_holds_no_secret_of_the_address(watch: Watch) -> None:
    with receiving(Said(400, body="bad path /services/T000?token=abc123secret")) as receiver:
        watch.channel("ops", receiver.url)
        say(watch)
        deliver_due(watch.services)
    assert "abc123secret" not in str(tries(watch))


def test_the_log_of_tries_is_only_added_to(watch: Watch) -> None:
    with receiving() as receiver:
        watch.channel("ops", receiver.url)
        say(watch)
        deliver_due(watch.services)
    with (
        pytest.raises(Exception, match="only ever added"),
        watch.database.transaction() as session,
    ):
        session.execute(text("DELETE FROM delivery_try"))
    with watch.database.transaction() as session:
        assert session.scalar(select(func.count()).select_from(DeliveryTry)) == 1


def test_a_day_is_longer_than_all_waits_before_giving_up() -> None:
    total = sum(outbox.backoff_seconds(n) for n in range(1, 100))
    assert timedelta(seconds=total) > outbox.GIVE_UP_AFTER / 2
