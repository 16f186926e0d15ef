"""Messages from the outbox to real receivers on loopback."""

import pytest

from core.notifications import webhook
from core.notifications.message import Message
from core.notifications.outbox import deliver_due
from tests.support.alerting import Watch
from tests.support.outbox import later, say, tries
from tests.support.servers.receivers import Mailbox, Receiver, Said, receiving

pytestmark = pytest.mark.slow


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


def test_other_services_go_by_apprise(watch: Watch) -> None:
    with receiving() as receiver:
        watch.channel("other", receiver.url.replace("http", "json"), kind="apprise")
        say(watch)
        deliver_due(watch.services)
    assert receiver.requests[0]["body"]["title"] == "Firing: <Queue>"
    assert watch.deliveries()[0].state == "delivered"


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


def test_the_answer_in_the_log_holds_no_secret_of_the_address(watch: Watch) -> None:
    with receiving(Said(400, body="bad path /services/T000?token=abc123secret")) as receiver:
        watch.channel("ops", receiver.url)
        say(watch)
        deliver_due(watch.services)
    assert "abc123secret" not in str(tries(watch))
