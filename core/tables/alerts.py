"""Alert rules with all their versions, alerts and their history, notices of transitions, and silences."""

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import Double, ForeignKey, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.foundation.database import Base, HasId


class AlertState(enum.StrEnum):
    """Where an alert stands."""

    PENDING = "pending"  # bad, but not for as long as the rule demands
    FIRING = "firing"  # bad for long enough: people are told
    RECOVERING = "recovering"  # good again, but not for long enough to believe it
    RESOLVED = "resolved"  # over; whatever is bad later is another alert


class AlertRule(HasId, Base):
    """A rule and how far it was evaluated. `version` is the one in force.

    `evaluated_until` is the watermark: what happened after it is still to be looked at, however late.
    `failures` counts the evaluations in a row that could not be made, `problem` says why.
    """

    __tablename__ = "alert_rule"

    slug: Mapped[str] = mapped_column(unique=True)
    version: Mapped[int] = mapped_column(server_default="1")
    evaluated_until: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(server_default="0")
    problem: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class AlertRuleVersion(Base):
    """What a rule said from one edit to the next; append-only. Times are in seconds."""

    __tablename__ = "alert_rule_version"

    rule_id: Mapped[int] = mapped_column(ForeignKey("alert_rule.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str]
    kind: Mapped[str]
    parameters: Mapped[dict[str, Any]]
    severity: Mapped[str]
    every_seconds: Mapped[float] = mapped_column(Double)
    for_seconds: Mapped[float] = mapped_column(Double)
    keep_seconds: Mapped[float] = mapped_column(Double)
    no_data: Mapped[str]
    enabled: Mapped[bool]
    made_by: Mapped[str]
    made_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    reason: Mapped[str | None]


class Alert(HasId, Base):
    """One episode of a rule for one subject, from pending to resolved. At most one is open at a time.

    `fired_at` stays empty where it never got beyond pending. `held` says why nobody is told: silenced,
    snoozed or inhibited by another alert.
    """

    __tablename__ = "alert"

    rule_id: Mapped[int] = mapped_column(ForeignKey("alert_rule.id"))
    subject: Mapped[str]
    title: Mapped[str]
    severity: Mapped[str]
    state: Mapped[str]
    state_since: Mapped[datetime]
    pending_since: Mapped[datetime]
    heard_at: Mapped[datetime]
    fired_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    reading: Mapped[dict[str, Any]] = mapped_column(JSONB)
    acknowledged_by: Mapped[str | None]
    acknowledged_at: Mapped[datetime | None]
    acknowledged_until: Mapped[datetime | None]
    acknowledged_why: Mapped[str | None]
    snoozed_by: Mapped[str | None]
    snoozed_until: Mapped[datetime | None]
    reminded_at: Mapped[datetime | None]
    held: Mapped[str | None]


class AlertHistory(HasId, Base):
    """One line of an alert's history; append-only. `actor` is a person's name, or `system`."""

    __tablename__ = "alert_history"

    alert_id: Mapped[int] = mapped_column(ForeignKey("alert.id"))
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    actor: Mapped[str]
    action: Mapped[str]
    from_state: Mapped[str | None]
    to_state: Mapped[str]
    note: Mapped[str | None]


class AlertNotice(HasId, Base):
    """A transition that people are to hear of, until it is part of a notification or dropped.

    `at` is when it happened, `noted_at` when the evaluator found out.
    """

    __tablename__ = "alert_notice"
    __table_args__ = (UniqueConstraint("alert_id", "event", "number"),)

    alert_id: Mapped[int] = mapped_column(ForeignKey("alert.id"))
    event: Mapped[str]  # fired, raised, reminder, resolved
    number: Mapped[int] = mapped_column(server_default="0")
    topic: Mapped[str]
    at: Mapped[datetime]
    noted_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(server_default="waiting")
    notification_id: Mapped[int | None] = mapped_column(ForeignKey("notification.id"))


class Silence(HasId, Base):
    """Nobody is told of alerts that match all of `matchers` until it ends."""

    __tablename__ = "silence"

    matchers: Mapped[dict[str, Any]]
    starts_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    ends_at: Mapped[datetime]
    reason: Mapped[str]
    made_by: Mapped[str]
    ended_by: Mapped[str | None]
