"""How alerts look and what is said of them, everywhere on the Alerts page the same."""

from datetime import UTC, datetime, timedelta, tzinfo

import streamlit as st

from core.alerts.kinds import Kind, Severity
from core.alerts.views import AlertView
from core.classification.taxonomy import TAXONOMY, FailureClass
from core.foundation.wording import moment
from core.tables.alerts import AlertState
from pages.shared.start import plain

ALERT = "alert"
VIEWS = {
    "firing": "Firing",
    "history": "History",
    "rules": "Rules",
    "silences": "Silences",
    "channels": "Channels",
}
# The word is always there, so that nobody needs the colour.
STATES = {
    AlertState.PENDING: ":gray-badge[:material/hourglass_top: Pending]",
    AlertState.FIRING: ":red-badge[:material/notifications_active: Firing]",
    AlertState.RECOVERING: ":orange-badge[:material/healing: Recovering]",
    AlertState.RESOLVED: ":green-badge[:material/check_circle: Resolved]",
}
SEVERITIES = {
    Severity.CRITICAL: ":red-badge[Critical]",
    Severity.WARNING: ":orange-badge[Warning]",
    Severity.INFO: ":blue-badge[Info]",
}
SPANS = {
    "30 minutes": timedelta(minutes=30),
    "1 hour": timedelta(hours=1),
    "4 hours": timedelta(hours=4),
    "1 day": timedelta(days=1),
    "1 week": timedelta(days=7),
}
OPEN_END = "until it is over"


def view() -> str:
    """Which view the address asks for."""
    asked = st.query_params.get("view", "firing")
    return asked if asked in VIEWS else "firing"


def remember_view() -> None:
    """Write the chosen view into the address."""
    st.query_params["view"] = st.session_state["alerts_view"]


def later(span: str) -> datetime:
    """The end of a chosen span."""
    return datetime.now(UTC) + SPANS[span]


def until(span: str) -> datetime | None:
    """The end of a chosen span; None for an open end."""
    return later(span) if span in SPANS else None


def handled(alert: AlertView, zone: tzinfo, now: datetime) -> list[tuple[str, str]]:
    """Who is on it and why nobody is told, each with its icon."""
    parts = []
    if alert.acknowledged_by:
        end = (
            f" until {moment(alert.acknowledged_until, zone, today=now)}" if alert.acknowledged_until else ""
        )
        why = f": {alert.acknowledged_why}" if alert.acknowledged_why else ""
        words = f"Acknowledged by {alert.acknowledged_by}{end}{why}"
        parts.append((":material/person_check:", plain(words)))
    if alert.snoozed_by:
        words = f"Snoozed by {alert.snoozed_by} until {moment(alert.snoozed_until, zone, today=now)}"
        parts.append((":material/snooze:", plain(words)))
    if alert.held and not alert.held.startswith("snoozed"):
        parts.append((":material/notifications_off:", plain(f"Not told: {alert.held}")))
    return parts


def failures_query(alert: AlertView, now: datetime) -> dict[str, str] | None:
    """The address of the list of the failures that it counts, until now; None where it counts none."""
    if not alert.failure_class:
        return None
    times = {"ended_from": alert.counts_from.isoformat(), "ended_to": now.isoformat()}
    if alert.rule.spec.kind is Kind.ERROR_GROUP:
        return {"group": alert.subject, **times}
    return {"class": alert.failure_class, **times}


def class_title(name: str | None) -> str | None:
    """An error class by its title."""
    return TAXONOMY[FailureClass(name)].title if name else None
