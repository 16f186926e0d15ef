"""One look at every rule that is due: what is seen moves its alerts, and what people must hear of is noted.

One evaluator at a time, by a lease. Each rule is one transaction: its alerts, their history, the notices and
the watermark move together, so a stop at any moment loses nothing and repeats nothing.
"""

import logging
import math
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from core.alerts.announce import announce
from core.alerts.kinds import KINDS, Kind, Severity
from core.alerts.machine import LIVE, Sight, Standing, step
from core.alerts.measures import Question, Reading, measure
from core.alerts.records import SYSTEM, close, end, forget_acknowledgement, note, remember
from core.alerts.rules import RuleView, rule_in_force, rules
from core.alerts.wording import sentence
from core.foundation.database import lost_connection
from core.foundation.leases import take_named
from core.foundation.scrub import scrub
from core.services import Services
from core.settings import Settings
from core.tables.alerts import Alert, AlertRule, AlertState

log = logging.getLogger(__name__)

LEASE = "alerts"
# A stop of the evaluator is made up for in so many looks; a long one in coarser steps.
MOST_MOMENTS = 200
# What a rule's question may take.
ANSWER_WITHIN = timedelta(seconds=5)
LONGEST_PROBLEM = 300
# A tick comes a moment early or late; a rule is due when its time is nearly over.
NEARLY = 0.8


def evaluate_in_turn(services: Services, *, worker: str) -> bool:
    """Evaluate what is due, where it is this worker's turn."""
    settings = services.settings
    with services.database.transaction() as session:
        mine = take_named(
            session,
            LEASE,
            worker=worker,
            lease_seconds=settings.lease_seconds,
            # Half of it, or a tick that comes a moment early would wait for the next one.
            every_seconds=settings.alert_interval_seconds / 2,
        )
    if mine:
        evaluate(services)
    return mine


def evaluate(services: Services, *, now: datetime | None = None) -> None:
    """Evaluate every rule that is due at `now` (the database's clock by default), then announce."""
    with services.database.transaction() as session:
        now = now or session.scalars(select(func.clock_timestamp())).one()
        chosen = [each for each in rules(session) if _due(each, now)]
    # The rule that tells that others are blind comes last, and so hears of this very look.
    chosen.sort(key=lambda each: each.spec.kind is Kind.BLIND)
    for each in chosen:
        with services.database.transaction() as session:
            evaluate_rule(session, services.settings, rule_id=each.id, now=now)
    with services.database.transaction() as session:
        announce(session, services.settings, now=now)


def evaluate_rule(session: Session, settings: Settings, *, rule_id: int, now: datetime) -> bool:
    """Look at one rule, where it is due; says whether it was."""
    row = session.get_one(AlertRule, rule_id, with_for_update=True, populate_existing=True)
    rule = rule_in_force(session, row)
    if not _due(rule, now):
        return False
    if not rule.spec.enabled:
        _switch_off(session, rule, now)
        return False
    moments = moments_since(rule, now)
    try:
        seen = _ask(session, settings, rule, moments)
    except Exception as exc:
        if isinstance(exc, DBAPIError) and lost_connection(exc):
            raise
        # The watermark stays: what happened meanwhile is looked at as soon as the question works again.
        row.failures += 1
        row.problem = _why(exc)
        log.warning("alert rule %s cannot be evaluated: %s", row.slug, row.problem)
        return True
    row.failures, row.problem, row.evaluated_until = 0, None, now
    _apply(session, rule, moments, seen, now)
    return True


def _due(rule: RuleView, now: datetime) -> bool:
    """Whether it is time for a look; one that is switched off may have left alerts behind."""
    if rule.evaluated_until is None or not rule.spec.enabled:
        return True
    return now >= rule.evaluated_until + timedelta(seconds=rule.spec.every_seconds * NEARLY)


def moments_since(rule: RuleView, now: datetime) -> list[datetime]:
    """At which moments to look: now, and where the past is kept each moment that was missed."""
    until, every = rule.evaluated_until, timedelta(seconds=rule.spec.every_seconds)
    if until is None or not KINDS[rule.spec.kind].historic or now - until <= 2 * every:
        return [now]
    window = timedelta(minutes=rule.spec.parameters.get("window_minutes", 60))
    pace = max(every, min((now - until) / MOST_MOMENTS, window / 2))
    missed = min(math.ceil((now - until) / pace), MOST_MOMENTS)
    return [now - n * pace for n in range(missed - 1, -1, -1)]


def _ask(
    session: Session, settings: Settings, rule: RuleView, moments: Sequence[datetime]
) -> list[list[Reading]]:
    """The readings; a question that fails or takes too long leaves the transaction usable."""
    question = Question(rule.spec.kind, rule.spec.parameters, rule.evaluated_until)
    with session.begin_nested():
        session.execute(text(f"SET LOCAL statement_timeout = {int(ANSWER_WITHIN.total_seconds() * 1000)}"))
        seen = measure(session, settings, question, moments)
        session.execute(text("SET LOCAL statement_timeout = 0"))
    return seen


def _why(exc: Exception) -> str:
    said = exc.orig if isinstance(exc, DBAPIError) else f"{type(exc).__name__}: {exc}"
    return scrub(" ".join(str(said).split()))[:LONGEST_PROBLEM]


def _apply(
    session: Session,
    rule: RuleView,
    moments: Sequence[datetime],
    seen: Sequence[Collection[Reading]],
    now: datetime,
) -> None:
    alerts = _open_alerts(session, rule.id)
    for alert in alerts.values():
        _follow_severity(session, alert, rule, now)
    for at, readings in zip(moments, seen, strict=True):
        by_subject = {reading.subject: reading for reading in readings}
        for subject in {**by_subject, **alerts}:
            moved = _move(session, rule, alerts.get(subject), by_subject.get(subject), at, now)
            if moved is None or moved.state == AlertState.RESOLVED:
                alerts.pop(subject, None)
            else:
                alerts[subject] = moved


def _open_alerts(session: Session, rule_id: int) -> dict[str, Alert]:
    rows = session.scalars(
        select(Alert)
        .where(Alert.rule_id == rule_id, Alert.state != AlertState.RESOLVED)
        .order_by(Alert.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {row.subject: row for row in rows}


def _move(
    session: Session,
    rule: RuleView,
    alert: Alert | None,
    reading: Reading | None,
    at: datetime,
    now: datetime,
) -> Alert | None:
    """Move one alert, or begin one, by what was seen at `at`; a subject that is not told of is well."""
    before = _standing(alert) if alert else None
    after = step(before, reading.sight if reading else Sight.GOOD, rule.spec.timing, at)
    if after is None:
        return None
    if reading is not None and alert is None:
        alert = _begin(session, rule, reading, after)
    if alert is None:
        return None
    if reading is not None and reading.sight is not Sight.NO_DATA:
        alert.title, alert.reading = reading.title, dict(reading.facts)
    alert.heard_at = after.heard_at
    if before is None or after.state != before.state:
        _enter(session, rule, alert, before.state if before else None, after, now)
    return alert


def _begin(session: Session, rule: RuleView, reading: Reading, standing: Standing) -> Alert:
    alert = Alert(
        rule_id=rule.id,
        subject=reading.subject,
        title=reading.title,
        severity=rule.spec.severity,
        state=AlertState.PENDING,
        state_since=standing.since,
        pending_since=standing.pending_since,
        heard_at=standing.heard_at,
        reading=dict(reading.facts),
    )
    session.add(alert)
    return alert


def _enter(
    session: Session,
    rule: RuleView,
    alert: Alert,
    former: AlertState | None,
    after: Standing,
    now: datetime,
) -> None:
    """Write down that an alert is in another state, and note what people must hear of."""
    alert.state, alert.state_since = after.state, after.since
    first_fire = after.state is AlertState.FIRING and alert.fired_at is None
    if first_fire:
        alert.fired_at = after.since
    if after.state is AlertState.RESOLVED:
        close(alert, at=after.since)
    session.flush()
    said = sentence(rule.spec.kind, alert.reading)
    remember(session, alert, actor=SYSTEM, action=after.state, former=former, note=said, at=after.since)
    if first_fire:
        note(session, alert, "fired", topic=rule.topic, at=after.since, now=now)
    elif after.state is AlertState.RESOLVED and alert.fired_at is not None:
        note(session, alert, "resolved", topic=rule.topic, at=after.since, now=now)


def _follow_severity(session: Session, alert: Alert, rule: RuleView, now: datetime) -> None:
    """An edited rule may press more than before: people hear of it again, acknowledged or not."""
    risen = rule.spec.severity.rank > Severity(alert.severity).rank
    if alert.severity == rule.spec.severity:
        return
    alert.severity = rule.spec.severity
    remember(session, alert, actor=SYSTEM, action=f"severity {rule.spec.severity}", former=alert.state)
    if risen and alert.state in LIVE:
        forget_acknowledgement(alert)
        number = rule.version
        note(session, alert, "raised", topic=rule.topic, at=now, now=now, number=number)


def _switch_off(session: Session, rule: RuleView, now: datetime) -> None:
    for alert in _open_alerts(session, rule.id).values():
        end(session, alert, topic=rule.topic, actor=SYSTEM, why="the rule is switched off", at=now)


def _standing(alert: Alert) -> Standing:
    return Standing(AlertState(alert.state), alert.state_since, alert.pending_since, alert.heard_at)
