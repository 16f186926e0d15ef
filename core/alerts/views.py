"""What the Alerts page shows, as plain values."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, aliased

from core.alerts.kinds import Severity
from core.alerts.machine import LIVE
from core.alerts.rules import RuleView, rule_view, rules
from core.alerts.wording import sentence
from core.tables.alerts import Alert, AlertHistory, AlertRule, AlertRuleVersion, AlertState, Silence
from core.tables.notifications import Delivery, DeliveryTry, Notification, NotificationChannel

MOST = 200
# Ended silences are history after this.
SILENCES_SHOWN = timedelta(days=7)


@dataclasses.dataclass(frozen=True)
class AlertView:
    """One alert with its rule, what was seen last, and who is on it.

    What it counts ended after `counts_from`: its first look's window reaches back so far.
    """

    id: int
    rule: RuleView
    subject: str
    title: str
    said: str
    severity: Severity
    state: AlertState
    since: datetime
    fired_at: datetime | None
    resolved_at: datetime | None
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    acknowledged_until: datetime | None
    acknowledged_why: str | None
    snoozed_by: str | None
    snoozed_until: datetime | None
    held: str | None
    failure_class: str | None
    counts_from: datetime

    @property
    def live(self) -> bool:
        return self.state in LIVE


@dataclasses.dataclass(frozen=True)
class Line:
    """One line of an alert's history."""

    at: datetime
    actor: str
    action: str
    note: str | None


@dataclasses.dataclass(frozen=True)
class SilenceView:
    """One silence."""

    id: int
    matchers: dict[str, str]
    starts_at: datetime
    ends_at: datetime
    reason: str
    made_by: str
    ended_by: str | None
    running: bool


@dataclasses.dataclass(frozen=True)
class TryView:
    """One line of the delivery log."""

    at: datetime
    channel: str
    title: str
    key: str
    number: int
    outcome: str
    status: int | None
    answer: str
    seconds: float


@dataclasses.dataclass(frozen=True)
class Board:
    """What is open. `evaluated_at` is the latest look at any rule, `blind` are the rules without one."""

    now: datetime
    live: Sequence[AlertView]
    pending: Sequence[AlertView]
    evaluated_at: datetime | None
    blind: Sequence[RuleView]
    waiting_messages: int
    channels: int


def board(session: Session) -> Board:
    """Everything that is open, the most pressing first: unhandled before handled, then severity, then age."""
    now = session.scalars(select(func.clock_timestamp())).one()
    views = _views(session, _alerts().where(Alert.state != AlertState.RESOLVED).order_by(Alert.id))
    live = [each for each in views if each.live]
    live.sort(
        key=lambda each: (
            bool(each.acknowledged_by or each.held),
            -each.severity.rank,
            each.fired_at or each.since,
        )
    )
    watched = [each for each in rules(session) if each.spec.enabled]
    looks = [each.evaluated_until for each in watched if each.evaluated_until]
    return Board(
        now=now,
        live=live,
        pending=[each for each in views if each.state is AlertState.PENDING],
        evaluated_at=max(looks, default=None),
        blind=[each for each in watched if each.failures],
        waiting_messages=session.scalars(_count(Delivery).where(Delivery.state == "waiting")).one(),
        channels=session.scalars(_count(NotificationChannel).where(NotificationChannel.enabled)).one(),
    )


def one_alert(session: Session, alert_id: int) -> AlertView | None:
    """One alert, open or over."""
    found = _views(session, _alerts().where(Alert.id == alert_id))
    return found[0] if found else None


def past_alerts(session: Session, *, limit: int = MOST) -> list[AlertView]:
    """What fired and is over, the latest first."""
    query = _alerts().where(Alert.fired_at.is_not(None), Alert.state == AlertState.RESOLVED)
    return _views(session, query.order_by(Alert.id.desc()).limit(limit))


def history(session: Session, alert_id: int) -> list[Line]:
    """An alert's history, oldest first."""
    rows = session.scalars(
        select(AlertHistory).where(AlertHistory.alert_id == alert_id).order_by(AlertHistory.id)
    )
    return [Line(row.at, row.actor, row.action, row.note) for row in rows]


def silences(session: Session) -> list[SilenceView]:
    """Silences in force and the latest that ended."""
    now = session.scalars(select(func.clock_timestamp())).one()
    rows = session.scalars(
        select(Silence).where(Silence.ends_at > now - SILENCES_SHOWN).order_by(Silence.ends_at.desc())
    )
    return [
        SilenceView(
            id=row.id,
            matchers=row.matchers,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            reason=row.reason,
            made_by=row.made_by,
            ended_by=row.ended_by,
            running=row.ends_at > now,
        )
        for row in rows
    ]


def delivery_log(session: Session, channel_id: int | None = None, *, limit: int = 50) -> list[TryView]:
    """The latest tries with the other side's answers, newest first."""
    earlier = aliased(DeliveryTry)
    number = (
        select(func.count())
        .where(earlier.delivery_id == DeliveryTry.delivery_id, earlier.id <= DeliveryTry.id)
        .scalar_subquery()
    )
    query = (
        select(DeliveryTry, NotificationChannel.name, Notification.title, Notification.key, number)
        .join(Delivery, Delivery.id == DeliveryTry.delivery_id)
        .join(Notification, Notification.id == Delivery.notification_id)
        .join(NotificationChannel, NotificationChannel.id == Delivery.channel_id)
        .order_by(DeliveryTry.id.desc())
        .limit(limit)
    )
    if channel_id is not None:
        query = query.where(Delivery.channel_id == channel_id)
    return [
        TryView(
            at=row.at,
            channel=channel,
            title=title,
            key=key,
            number=n,
            outcome=row.outcome,
            status=row.status,
            answer=row.answer,
            seconds=row.seconds,
        )
        for row, channel, title, key, n in session.execute(query)
    ]


def _count(table: type[Delivery | NotificationChannel]) -> Select[int]:
    return select(func.count()).select_from(table)


def _alerts() -> Select[Alert, AlertRule, AlertRuleVersion]:
    return (
        select(Alert, AlertRule, AlertRuleVersion)
        .join(AlertRule, AlertRule.id == Alert.rule_id)
        .join(
            AlertRuleVersion,
            (AlertRuleVersion.rule_id == AlertRule.id) & (AlertRuleVersion.version == AlertRule.version),
        )
    )


def _views(session: Session, query: Select[Alert, AlertRule, AlertRuleVersion]) -> list[AlertView]:
    return [_view(alert, rule_view(rule, version)) for alert, rule, version in session.execute(query)]


def _view(alert: Alert, rule: RuleView) -> AlertView:
    return AlertView(
        id=alert.id,
        rule=rule,
        subject=alert.subject,
        title=alert.title,
        said=sentence(rule.spec.kind, alert.reading),
        severity=Severity(alert.severity),
        state=AlertState(alert.state),
        since=alert.state_since,
        fired_at=alert.fired_at,
        resolved_at=alert.resolved_at,
        acknowledged_by=alert.acknowledged_by,
        acknowledged_at=alert.acknowledged_at,
        acknowledged_until=alert.acknowledged_until,
        acknowledged_why=alert.acknowledged_why,
        snoozed_by=alert.snoozed_by,
        snoozed_until=alert.snoozed_until,
        held=alert.held,
        failure_class=alert.reading.get("class"),
        counts_from=alert.pending_since - timedelta(minutes=rule.spec.parameters.get("window_minutes", 60)),
    )
