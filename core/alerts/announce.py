"""From transitions to messages: what is held back, what goes out together, and when people are reminded.

Semantics of Prometheus' Alertmanager (documentation, "Alertmanager": grouping, inhibition, silences), plus
acknowledgement: transitions of one topic are one message; alerts that only follow from another one wait.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.alerts.kinds import IMMEDIATE, INHIBITS, Kind, Severity
from core.alerts.machine import LIVE
from core.alerts.messages import Told, compose
from core.alerts.records import SYSTEM, forget_acknowledgement, note, remember
from core.alerts.rules import RuleView, rule_view
from core.alerts.silences import matches, running_silences
from core.notifications.outbox import enqueue
from core.settings import Settings
from core.tables.alerts import Alert, AlertNotice, AlertRule, AlertRuleVersion, AlertState, Silence
from core.tables.notifications import Notification

# How long the first of a topic waits for others, and how long after a message the next may follow: but a
# graver one does not wait behind it, or a warning would keep an outage from people for two minutes.
GROUP_WAIT = timedelta(seconds=10)
GROUP_INTERVAL = timedelta(minutes=2)
REMIND_AFTER = timedelta(hours=4)
FOLLOWS = "follows"
# A firing goes out before what comes after it.
ORDER = ("fired", "raised", "reminder", "resolved")


def announce(session: Session, settings: Settings, *, now: datetime) -> list[int]:
    """Turn the notices that are due into notifications in the outbox; the numbers of those."""
    alerts = _alerts(session)
    _hold(session, alerts, now)
    _end_waits(session, alerts, now)
    _remind(session, alerts, now)
    made = []
    for event in ORDER:
        for topic, told in _speakable(session, alerts, event).items():
            if _due(session, topic, event, told, now):
                made.append(_send(session, settings, topic, event, told, now))
    return made


def _alerts(session: Session) -> dict[int, tuple[Alert, RuleView]]:
    """Everything that fires, and whatever has a notice waiting; locked, so that staff and we take turns."""
    waiting = select(AlertNotice.alert_id).where(AlertNotice.state == "waiting")
    rows = session.execute(
        select(Alert, AlertRule, AlertRuleVersion)
        .join(AlertRule, AlertRule.id == Alert.rule_id)
        .join(
            AlertRuleVersion,
            (AlertRuleVersion.rule_id == AlertRule.id) & (AlertRuleVersion.version == AlertRule.version),
        )
        .where(Alert.state.in_(LIVE) | Alert.id.in_(waiting))
        .order_by(Alert.id)
        .with_for_update(of=Alert)
        .execution_options(populate_existing=True)
    )
    return {alert.id: (alert, rule_view(rule, version)) for alert, rule, version in rows}


def _hold(session: Session, alerts: dict[int, tuple[Alert, RuleView]], now: datetime) -> None:
    """Write down of each alert why nobody is to be told, where there is a reason."""
    silences = running_silences(session, now)
    # One that recovers has not ended: what follows from it may only be slower to recover.
    parents = {rule.spec.kind: rule for alert, rule in alerts.values() if alert.state in LIVE}
    over = _ends_of_parents(session) if any(_follows(alert) for alert, _ in alerts.values()) else {}
    for alert, rule in alerts.values():
        alert.held = _reason(alert, rule, silences, parents, now) or _echo(alert, rule, over, now)
    session.flush()


def _reason(
    alert: Alert,
    rule: RuleView,
    silences: Sequence[Silence],
    parents: dict[Kind, RuleView],
    now: datetime,
) -> str | None:
    for silence in silences:
        if matches(silence.matchers, alert, rule):
            return f"silenced by {silence.made_by}"
    if alert.snoozed_until is not None and alert.snoozed_until > now:
        return f"snoozed by {alert.snoozed_by}"
    for parent, children in INHIBITS.items():
        if rule.spec.kind in children and parent in parents:
            return f"{FOLLOWS} from “{parents[parent].spec.name}”"
    return None


def _follows(alert: Alert) -> bool:
    return alert.held is not None and alert.held.startswith(FOLLOWS)


def _echo(alert: Alert, rule: RuleView, over: Mapping[Kind, datetime], now: datetime) -> str | None:
    """What followed says nothing new while the same failures are in its window, or it is about to be over."""
    if not _follows(alert):
        return None
    window = timedelta(minutes=rule.spec.parameters.get("window_minutes", 0))
    ends = [at for parent, at in over.items() if rule.spec.kind in INHIBITS[parent]]
    still = any(now - at < window for at in ends)
    return alert.held if still or alert.state != AlertState.FIRING else None


def _ends_of_parents(session: Session) -> dict[Kind, datetime]:
    """When an alert that others follow from was over last, by its kind."""
    query = (
        select(AlertRuleVersion.kind, func.max(Alert.resolved_at))
        .join(Alert, Alert.rule_id == AlertRuleVersion.rule_id)
        .where(Alert.fired_at.is_not(None), Alert.resolved_at.is_not(None))
        .where(AlertRuleVersion.version == 1, AlertRuleVersion.kind.in_(INHIBITS))
        .group_by(AlertRuleVersion.kind)
    )
    return {Kind(kind): at for kind, at in session.execute(query) if at is not None}


def _end_waits(session: Session, alerts: dict[int, tuple[Alert, RuleView]], now: datetime) -> None:
    """An acknowledgement or a snooze that has run out: people hear of what still fires."""
    for alert, rule in alerts.values():
        if alert.acknowledged_until is not None and alert.acknowledged_until <= now:
            forget_acknowledgement(alert)
            _say_again(session, alert, rule, "acknowledgement ran out", now)
        if alert.snoozed_until is not None and alert.snoozed_until <= now:
            alert.snoozed_by = alert.snoozed_until = None
            _say_again(session, alert, rule, "snooze ran out", now)


def _say_again(session: Session, alert: Alert, rule: RuleView, action: str, now: datetime) -> None:
    remember(session, alert, actor=SYSTEM, action=action, former=alert.state, at=now)
    if alert.state in LIVE and _was_announced(session, alert):
        _reminder(session, alert, rule, now)


def _remind(session: Session, alerts: dict[int, tuple[Alert, RuleView]], now: datetime) -> None:
    """What fires for hours with nobody on it is told again."""
    for alert, rule in alerts.values():
        last = alert.reminded_at
        untold = last is None or alert.held or alert.acknowledged_by
        if alert.state == AlertState.FIRING and not untold and last and now - last >= REMIND_AFTER:
            _reminder(session, alert, rule, now)


def _reminder(session: Session, alert: Alert, rule: RuleView, now: datetime) -> None:
    last = session.scalar(
        select(func.max(AlertNotice.number)).where(
            AlertNotice.alert_id == alert.id, AlertNotice.event == "reminder"
        )
    )
    note(session, alert, "reminder", topic=rule.topic, at=now, now=now, number=(last or 0) + 1)
    alert.reminded_at = now


def _speakable(
    session: Session, alerts: dict[int, tuple[Alert, RuleView]], event: str
) -> dict[str, list[Told]]:
    """The waiting notices of one kind that may be told, by topic; the futile ones are dropped."""
    found = defaultdict(list)
    rows = session.scalars(
        select(AlertNotice)
        .where(AlertNotice.state == "waiting", AlertNotice.event == event)
        .order_by(AlertNotice.id)
    ).all()
    for row in rows:
        alert, rule = alerts[row.alert_id]
        if _futile(session, alert, row):
            row.state = "dropped"
        elif (event == "resolved" or not alert.held) and not _before_its_turn(session, alert, row):
            found[row.topic].append(Told(alert, rule, row))
    session.flush()
    return found


def _futile(session: Session, alert: Alert, notice: AlertNotice) -> bool:
    """Held back until it was over, or a reminder of what somebody is on."""
    over = alert.state == AlertState.RESOLVED
    if notice.event == "reminder":
        return over or alert.acknowledged_by is not None
    if notice.event == "raised":
        return over
    # An end is told of whatever was told of, unless it is silenced; of nothing else.
    if notice.event == "resolved" and alert.held and _was_announced(session, alert):
        return alert.held.startswith("silenced")
    if notice.event == "resolved" and not alert.held:
        return _was_dropped(session, alert)
    return over and alert.held is not None


def _before_its_turn(session: Session, alert: Alert, notice: AlertNotice) -> bool:
    return notice.event != "fired" and not _was_announced(session, alert)


def _was_announced(session: Session, alert: Alert) -> bool:
    return _fired_notice(session, alert) == "announced"


def _was_dropped(session: Session, alert: Alert) -> bool:
    return _fired_notice(session, alert) == "dropped"


def _fired_notice(session: Session, alert: Alert) -> str | None:
    return session.scalar(
        select(AlertNotice.state).where(AlertNotice.alert_id == alert.id, AlertNotice.event == "fired")
    )


def _due(session: Session, topic: str, event: str, told: Sequence[Told], now: datetime) -> bool:
    if any(each.rule.spec.kind in IMMEDIATE for each in told):
        return True
    if now - min(each.notice.noted_at for each in told) < GROUP_WAIT:
        return False
    as_grave = [each for each in Severity if each.rank >= _gravest(told).rank]
    last = session.scalar(
        select(func.max(Notification.created_at)).where(
            Notification.topic == topic, Notification.event == event, Notification.severity.in_(as_grave)
        )
    )
    return last is None or now - last >= GROUP_INTERVAL


def _gravest(told: Sequence[Told]) -> Severity:
    return max((Severity(each.alert.severity) for each in told), key=lambda each: each.rank)


def _send(
    session: Session, settings: Settings, topic: str, event: str, told: Sequence[Told], now: datetime
) -> int:
    """One message for all of them. Its key is made of the first notice, which belongs to no other message."""
    message = compose(session, settings, event, told, now=now)
    dead = {
        int(each.alert.subject) for each in told if each.rule.spec.kind is Kind.CHANNEL_DEAD
    }  # these would not hear of it
    notification_id = enqueue(
        session,
        key=f"{topic}:{event}:{min(each.notice.id for each in told)}",
        topic=topic,
        event=event,
        severity=_gravest(told),
        message=message,
        without=dead if event != "resolved" else set(),
        now=now,
    )
    for each in told:
        each.notice.state, each.notice.notification_id = "announced", notification_id
        if event != "resolved":
            each.alert.reminded_at = now
        remember(session, each.alert, actor=SYSTEM, action=f"told: {event}", former=each.alert.state, at=now)
    session.flush()
    return notification_id
