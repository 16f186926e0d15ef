"""Silences: nobody is told of alerts that match, until the silence ends."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.access.permissions import Actor, Permission, require
from core.access.staff import record
from core.alerts.rules import RuleView
from core.foundation.errors import Conflict, InvalidInput, NotFound
from core.tables.alerts import Alert, Silence

# What a silence can match by: the rule, the severity, the error class, and the very subject.
LABELS = ("rule", "severity", "class", "subject")
LONGEST = timedelta(days=31)


def labels(alert: Alert, rule: RuleView) -> dict[str, str]:
    """What an alert is matched by."""
    return {
        "rule": rule.slug,
        "severity": alert.severity,
        "class": str(alert.reading.get("class") or ""),
        "subject": alert.subject,
    }


def matches(matchers: Mapping[str, str], alert: Alert, rule: RuleView) -> bool:
    """Whether the alert has every label as the matchers say."""
    found = labels(alert, rule)
    return all(found.get(name) == value for name, value in matchers.items())


def running_silences(session: Session, now: datetime) -> Sequence[Silence]:
    """Those in force, the one that ends first first."""
    return session.scalars(
        select(Silence).where(Silence.starts_at <= now, Silence.ends_at > now).order_by(Silence.ends_at)
    ).all()


def silence(
    session: Session, *, actor: Actor, matchers: Mapping[str, str], until: datetime, reason: str
) -> Silence:
    """Hold back all alerts that match, until then. Raises NotAllowed and InvalidInput."""
    require(actor, Permission.HANDLE_ALERTS)
    given = {name: value.strip() for name, value in matchers.items() if value.strip()}
    if not given or set(given) - set(LABELS):
        raise InvalidInput("A silence matches by at least one of: " + ", ".join(LABELS) + ".")
    now = session.scalars(select(func.clock_timestamp())).one()
    if not now < until <= now + LONGEST:
        raise InvalidInput("A silence ends within the next 31 days.")
    if not reason.strip():
        raise InvalidInput("Say why these alerts are silenced.")
    made = Silence(matchers=given, starts_at=now, ends_at=until, reason=reason.strip(), made_by=actor.name)
    session.add(made)
    session.flush()
    record(
        session,
        actor=actor,
        action="silence.make",
        subject=f"silence:{made.id}",
        reason=made.reason,
        after={"matchers": given, "until": until.isoformat()},
    )
    return made


def end_silence(session: Session, *, actor: Actor, silence_id: int) -> None:
    """End it now. Raises NotAllowed, NotFound, and Conflict where it is over."""
    require(actor, Permission.HANDLE_ALERTS)
    found = session.get(Silence, silence_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise NotFound("There is no such silence.")
    now = session.scalars(select(func.clock_timestamp())).one()
    if found.ends_at <= now:
        raise Conflict("This silence is over already.")
    before = found.ends_at.isoformat()
    found.ends_at, found.ended_by = now, actor.name
    record(
        session,
        actor=actor,
        action="silence.end",
        subject=f"silence:{silence_id}",
        before={"until": before},
        after={"until": now.isoformat()},
    )
    session.flush()
