"""Channels, the messages that go out by them, and the log of every try."""

import enum
from datetime import datetime

from sqlalchemy import Double, ForeignKey, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from core.foundation.database import Base, HasId


class ChannelKind(enum.StrEnum):
    """How a channel speaks."""

    WEBHOOK = "webhook"  # Slack-style JSON
    EMAIL = "email"
    APPRISE = "apprise"  # any other service that Apprise knows


class NotificationChannel(HasId, Base):
    """Where messages go. The address may hold a secret: it is never shown or logged whole."""

    __tablename__ = "notification_channel"

    name: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]  # webhook, email, apprise
    address: Mapped[str]
    min_severity: Mapped[str]
    enabled: Mapped[bool] = mapped_column(server_default="true")
    made_by: Mapped[str]
    made_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class Notification(HasId, Base):
    """One logical message. Its key is made of what it tells and never changes, whatever is tried again."""

    __tablename__ = "notification"

    key: Mapped[str] = mapped_column(unique=True)
    topic: Mapped[str]
    event: Mapped[str]
    severity: Mapped[str]
    title: Mapped[str]
    body: Mapped[str]
    link: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class Delivery(HasId, Base):
    """The outbox: one message on its way through one channel.

    A claim moves `next_try_at` beyond its lease and counts `lease_token` up, which fences late answers.
    """

    __tablename__ = "delivery"
    __table_args__ = (UniqueConstraint("notification_id", "channel_id"),)

    notification_id: Mapped[int] = mapped_column(ForeignKey("notification.id"))
    channel_id: Mapped[int] = mapped_column(ForeignKey("notification_channel.id"))
    state: Mapped[str] = mapped_column(server_default="waiting")  # waiting, delivered, given_up
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    tries: Mapped[int] = mapped_column(server_default="0")
    next_try_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    lease_token: Mapped[int] = mapped_column(server_default="0")
    ended_at: Mapped[datetime | None]
    status: Mapped[int | None]
    answer: Mapped[str | None]


class DeliveryTry(HasId, Base):
    """One try and the last answer of the other side; append-only."""

    __tablename__ = "delivery_try"

    delivery_id: Mapped[int] = mapped_column(ForeignKey("delivery.id"))
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    seconds: Mapped[float] = mapped_column(Double)
    outcome: Mapped[str]  # accepted, retry, refused
    status: Mapped[int | None]
    answer: Mapped[str]
