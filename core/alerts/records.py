"""What is written down of an alert: its history, the notices of its transitions, and its end."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.orm import Session

from core.tables.alerts import Alert, AlertHistory, AlertNotice, AlertState

SYSTEM = "system"


def end(
    session: Session,
    alert: Alert,
    *,
    topic: str,
    actor: str,
    why: str,
    at: datetime,
) -> None:
    """Resolve an open alert for a reason other than what is seen."""
    former = alert.state
    alert.state, alert.state_since = AlertState.RESOLVED, at
    close(alert, at=at)
    session.flush()
    remember(session, alert, actor=actor, action="resolved", former=former, note=why, at=at)
    if alert.fired_at is not None:
        note(session, alert, "resolved", topic=topic, at=at, now=at)


def close(alert: Alert, *, at: datetime) -> None:
    """What ends with an alert: its acknowledgement, its snooze, and why it was held."""
    alert.resolved_at = at
    alert.snoozed_by = alert.snoozed_until = None
    forget_acknowledgement(alert)


def forget_acknowledgement(alert: Alert) -> None:
    """Nobody is on it any more."""
    alert.acknowledged_by = alert.acknowledged_why = None
    alert.acknowledged_at = alert.acknowledged_until = None


def remember(
    session: Session,
    alert: Alert,
    *,
    actor: str,
    action: str,
    former: str | None,
    note: str | None = None,
    at: datetime | None = None,
) -> None:
    """Write one line of the alert's history."""
    values: Mapping[str, object] = {
        "alert_id": alert.id,
        "actor": actor,
        "action": action,
        "from_state": former,
        "to_state": alert.state,
        "note": note,
    }
    session.execute(insert(AlertHistory).values(**values, **({"at": at} if at else {})))


def note(
    session: Session, alert: Alert, event: str, *, topic: str, at: datetime, now: datetime, number: int = 0
) -> None:
    """Note a transition for the next announcement; the same one is noted once, whatever is repeated."""
    session.add(AlertNotice(alert_id=alert.id, event=event, number=number, topic=topic, at=at, noted_at=now))
    session.flush()
