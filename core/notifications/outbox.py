"""The outbox: messages are written in the transaction that causes them, and sent afterwards.

A claim is committed before the message is sent and ends by itself: a sender that dies between sending and
writing it down causes one more try of the same message under the same key, no other.
"""

import dataclasses
import time
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import CursorResult, insert, select, update
from sqlalchemy.orm import Session

from core.access.permissions import Actor, Permission, require
from core.access.staff import record
from core.foundation.clock import NOW
from core.foundation.errors import NotFound
from core.notifications import services as others
from core.notifications import webhook
from core.notifications.channels import SEVERITIES, with_secrets
from core.notifications.message import Answer, Message, Outcome
from core.services import Services
from core.settings import Settings
from core.tables.notifications import ChannelKind, Delivery, DeliveryTry, Notification, NotificationChannel

# Longer than any send takes.
CLAIM = timedelta(seconds=60)
FIRST_WAIT, LONGEST_WAIT = 5.0, 600.0
GIVE_UP_AFTER = timedelta(hours=24)
# A tick leaves the rest to the next one, which may be another worker's.
MOST_SECONDS = 20.0


@dataclasses.dataclass(frozen=True)
class Claimed:
    """One delivery in the hands of one sender."""

    id: int
    token: int
    tries: int
    created_at: datetime
    channel_id: int
    message: Message


def enqueue(
    session: Session,
    *,
    key: str,
    topic: str,
    event: str,
    severity: str,
    message: Message,
    without: Collection[int] = (),
    only: Collection[int] | None = None,
    now: datetime | None = None,
) -> int:
    """Write a message for every channel that wants its severity; its number.

    `without` are channels left out, `only` the only ones.
    """
    made = session.scalars(
        insert(Notification)
        .values(
            key=key,
            topic=topic,
            event=event,
            severity=severity,
            title=message.title,
            body=message.body,
            link=message.link,
            created_at=now or NOW,
        )
        .returning(Notification.id)
    ).one()
    wanted = SEVERITIES[: SEVERITIES.index(severity) + 1]
    chosen = select(NotificationChannel.id).where(NotificationChannel.enabled)
    if only is None:
        chosen = chosen.where(
            NotificationChannel.min_severity.in_(wanted), NotificationChannel.id.not_in(without)
        )
    else:
        chosen = chosen.where(NotificationChannel.id.in_(only))
    for channel_id in session.scalars(chosen.order_by(NotificationChannel.id)):
        session.execute(insert(Delivery).values(notification_id=made, channel_id=channel_id))
    return made


def deliver_due(services: Services) -> int:
    """Send what is due, message by message; how many were tried."""
    began, done = time.monotonic(), 0
    while time.monotonic() - began < MOST_SECONDS:
        with services.database.transaction() as session:
            claimed = claim(session)
        if claimed is None:
            break
        send_claimed(services, claimed)
        done += 1
    return done


def claim(session: Session, delivery_id: int | None = None) -> Claimed | None:
    """Take one delivery that is due, the least tried first; with a number this one, due or not."""
    due = select(Delivery.id).where(Delivery.state == "waiting")
    due = due.where(Delivery.id == delivery_id) if delivery_id else due.where(Delivery.next_try_at <= NOW)
    due = due.order_by(Delivery.tries, Delivery.next_try_at).limit(1).with_for_update(skip_locked=True)
    row = session.scalars(
        update(Delivery)
        .where(Delivery.id == due.cte("due").c.id)
        .values(
            tries=Delivery.tries + 1,
            lease_token=Delivery.lease_token + 1,
            next_try_at=NOW + CLAIM,
        )
        .returning(Delivery)
        .execution_options(populate_existing=True, synchronize_session=False)
    ).one_or_none()
    if row is None:
        return None
    told = session.get_one(Notification, row.notification_id)
    return Claimed(
        id=row.id,
        token=row.lease_token,
        tries=row.tries,
        created_at=row.created_at,
        channel_id=row.channel_id,
        message=Message(told.title, told.body, told.link, told.key),
    )


def send_claimed(services: Services, claimed: Claimed) -> Answer:
    """Send it and write down what came of it. No transaction is open while the other side is spoken to."""
    with services.database.transaction() as session:
        channel = session.get_one(NotificationChannel, claimed.channel_id)
    began = time.monotonic()
    answer = speak(services.settings, channel, claimed.message)
    seconds = time.monotonic() - began
    with services.database.transaction() as session:
        settle(session, claimed, answer, seconds=seconds)
    return answer


def speak(settings: Settings, channel: NotificationChannel, message: Message) -> Answer:
    """Send one message by one channel, once."""
    if not channel.enabled:
        return Answer(Outcome.REFUSED, "the channel is switched off")
    address = with_secrets(channel.address)
    if address is None:
        return Answer(Outcome.RETRY, "this worker does not know the secret that the address names")
    sender = webhook.send if channel.kind == ChannelKind.WEBHOOK else others.send
    return sender(address, message, allow_private=settings.notify_private)


def settle(session: Session, claimed: Claimed, answer: Answer, *, seconds: float) -> bool:
    """Write down one answer; False where the claim had run out and another sender has it now."""
    session.execute(
        insert(DeliveryTry).values(
            delivery_id=claimed.id,
            seconds=seconds,
            outcome=answer.outcome,
            status=answer.status,
            answer=answer.text,
        )
    )
    now = session.scalars(select(NOW)).one()
    result = session.execute(
        update(Delivery)
        .where(Delivery.id == claimed.id, Delivery.lease_token == claimed.token, Delivery.state == "waiting")
        .values(status=answer.status, answer=answer.text, **_after(claimed, answer, now))
        .execution_options(synchronize_session=False)
    )
    return isinstance(result, CursorResult) and result.rowcount == 1


def _after(claimed: Claimed, answer: Answer, now: datetime) -> Mapping[str, Any]:
    if answer.outcome is Outcome.ACCEPTED:
        return {"state": "delivered", "ended_at": now}
    if answer.outcome is Outcome.REFUSED or now - claimed.created_at >= GIVE_UP_AFTER:
        return {"state": "given_up", "ended_at": now}
    wait = max(backoff_seconds(claimed.tries), answer.retry_after or 0.0)
    return {"next_try_at": now + timedelta(seconds=wait)}


def backoff_seconds(tries: int) -> float:
    """How long to wait after the try of that number: twice as long each time, ten minutes at most."""
    return float(min(FIRST_WAIT * 2.0 ** min(tries - 1, 16), LONGEST_WAIT))


def send_test(services: Services, *, actor: Actor, channel_id: int) -> Answer:
    """Send a test message now; the other side's answer. Raises NotAllowed, NotFound."""
    require(actor, Permission.CONFIGURE_ALERTS)
    with services.database.transaction() as session:
        channel = session.get(NotificationChannel, channel_id)
        if channel is None or not channel.enabled:
            raise NotFound("There is no such channel, or it is switched off.")
        message = Message("Test from Inkdesk", f"{actor.name} tries whether this channel works. It does.")
        made = enqueue(
            session,
            key=f"test:{channel_id}:{uuid4().hex}",
            topic="test",
            event="test",
            severity="info",
            message=message,
            only=[channel_id],
        )
        delivery_id = session.scalars(select(Delivery.id).where(Delivery.notification_id == made)).one()
        record(session, actor=actor, action="channel.test", subject=f"channel:{channel_id}")
        claimed = claim(session, delivery_id)
    if claimed is None:  # no other can have seen it before this commit
        raise NotFound("The test message is gone.")
    answer = send_claimed(services, claimed)
    if answer.outcome is Outcome.RETRY:
        # Whoever tests looks at the answer; a test that arrives an hour later only confuses.
        with services.database.transaction() as session:
            session.execute(
                update(Delivery)
                .where(Delivery.id == delivery_id, Delivery.state == "waiting")
                .values(state="given_up", ended_at=NOW)
            )
    return answer
