"""Channels: what they take, what is refused, and how a dead one is noticed."""

import pytest
from sqlalchemy import select

from core.foundation.database import Database
from core.foundation.errors import Conflict, InvalidInput, NotAllowed
from core.notifications.channels import add_channel, change_channel, channels, shown, with_secrets
from core.notifications.message import Outcome
from core.notifications.outbox import deliver_due, send_test
from core.tables.access import AuditEvent
from core.tables.notifications import ChannelKind
from tests.support.alerting import Watch
from tests.support.outbox import later, say, tries
from tests.support.servers.receivers import Mailbox, Said, receiving


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
