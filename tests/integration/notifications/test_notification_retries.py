"""What the outbox does when the other side fails: waits, tries again, and gives up."""

import multiprocessing
import os
import signal
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, text

from core.foundation.database import connect
from core.notifications import outbox, webhook
from core.notifications.message import Answer, Outcome
from core.notifications.outbox import claim, deliver_due, send_claimed, settle
from core.tables.notifications import DeliveryTry
from tests.support.alerting import Watch
from tests.support.outbox import later, say, tries, waits
from tests.support.servers.receivers import Said, receiving

pytestmark = pytest.mark.slow


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
