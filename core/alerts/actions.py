"""What staff do with an alert: acknowledge, snooze, resolve. History and audit trail keep all of it."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.access.permissions import Actor, Permission, require
from core.access.staff import record
from core.alerts.machine import LIVE
from core.alerts.records import end, forget_acknowledgement, remember
from core.alerts.rules import rule_in_force
from core.foundation.errors import Conflict, InvalidInput, NotFound
from core.tables.alerts import Alert, AlertRule

LONGEST = timedelta(days=31)
LONGEST_REASON = 1_000


def acknowledge(
    session: Session, *, actor: Actor, alert_id: int, why: str = "", until: datetime | None = None
) -> Alert:
    """Say that one is on it: no reminders, until then or until it is over.

    Raises NotAllowed, NotFound, InvalidInput, and Conflict where somebody was faster or it is over.
    """
    alert, now = _live(session, actor, alert_id)
    if alert.acknowledged_by is not None:
        raise Conflict(f"{alert.acknowledged_by} has acknowledged it already.")
    _check_until(until, now)
    alert.acknowledged_by, alert.acknowledged_at = actor.name, now
    alert.acknowledged_until, alert.acknowledged_why = until, _checked(why)
    _keep(session, actor, alert, "acknowledged", _checked(why), {"until": until and until.isoformat()})
    return alert


def unacknowledge(session: Session, *, actor: Actor, alert_id: int) -> Alert:
    """Take an acknowledgement back. Raises as `acknowledge`."""
    alert, _ = _live(session, actor, alert_id)
    if alert.acknowledged_by is None:
        raise Conflict("Nobody has acknowledged it.")
    former = alert.acknowledged_by
    forget_acknowledgement(alert)
    _keep(session, actor, alert, "acknowledgement taken back", None, {"acknowledged_by": former})
    return alert


def snooze(session: Session, *, actor: Actor, alert_id: int, until: datetime, why: str = "") -> Alert:
    """Hear nothing of this one alert until then. Raises as `acknowledge`."""
    alert, now = _live(session, actor, alert_id)
    _check_until(until, now)
    alert.snoozed_by, alert.snoozed_until = actor.name, until
    _keep(session, actor, alert, "snoozed", _checked(why), {"until": until.isoformat()})
    return alert


def resolve(session: Session, *, actor: Actor, alert_id: int, why: str) -> Alert:
    """Say that it is over. What is still bad at the next look begins another alert.

    Raises as `acknowledge`, and InvalidInput without a reason.
    """
    alert, now = _live(session, actor, alert_id)
    if not (reason := _checked(why)):
        raise InvalidInput("Say why it is over.")
    rule = rule_in_force(session, session.get_one(AlertRule, alert.rule_id))
    former = alert.state
    end(session, alert, topic=rule.topic, actor=actor.name, why=reason, at=now)
    _audit(session, actor, alert, "resolved", reason, {"state": former})
    return alert


def _live(session: Session, actor: Actor, alert_id: int) -> tuple[Alert, datetime]:
    require(actor, Permission.HANDLE_ALERTS)
    alert = session.get(Alert, alert_id, with_for_update=True, populate_existing=True)
    if alert is None:
        raise NotFound("There is no such alert.")
    if alert.state not in LIVE:
        raise Conflict(f"This alert is {alert.state}. Reload to see what happened.")
    return alert, session.scalars(select(func.clock_timestamp())).one()


def _check_until(until: datetime | None, now: datetime) -> None:
    if until is not None and not now < until <= now + LONGEST:
        raise InvalidInput("Choose a moment within the next 31 days.")


def _checked(why: str) -> str | None:
    words = why.strip()
    if len(words) > LONGEST_REASON:
        raise InvalidInput(f"A reason has at most {LONGEST_REASON:,} characters.")
    return words or None


def _keep(
    session: Session, actor: Actor, alert: Alert, action: str, why: str | None, facts: dict[str, Any]
) -> None:
    session.flush()
    remember(session, alert, actor=actor.name, action=action, former=alert.state, note=why)
    _audit(session, actor, alert, action, why, facts)


def _audit(
    session: Session, actor: Actor, alert: Alert, action: str, why: str | None, facts: dict[str, Any]
) -> None:
    record(
        session,
        actor=actor,
        action=f"alert.{action.replace(' ', '_')}",
        subject=f"alert:{alert.id}",
        reason=why,
        before=None,
        after={"state": alert.state, **facts},
    )
    session.flush()
