"""What each kind of rule sees at given moments, asked of the tables themselves.

Kinds whose facts are kept answer for any moment, so a stop of the evaluator is made up for and a rule can be
tried on the last 30 days; the others know the present only.
"""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ARRAY, DateTime, Text, bindparam, func, select, text
from sqlalchemy.orm import Session

from core.alerts.kinds import OURS, PROVIDER_STOPS, Kind
from core.alerts.machine import Sight
from core.classification.taxonomy import TAXONOMY, FailureClass
from core.foundation.statistics.rates import wilson
from core.generation.workers import BEATS_UNTIL_SILENT, workers
from core.health.clock import clock_health
from core.health.stuck import Reason, stuck_generations
from core.ledger.books.records import STALE_AFTER, latest, standing
from core.ledger.moments import first_since
from core.refunds.policy_views import limit_use
from core.settings import Settings
from core.tables.failures import ErrorGroup
from core.tables.generation import Generation, RenderAttempt, State


@dataclasses.dataclass(frozen=True)
class Reading:
    """What was seen of one subject. `facts` are plain values, kept with the alert and told in messages."""

    subject: str
    sight: Sight
    title: str
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Question:
    """What to look for. `since` is how far the rule was evaluated before."""

    kind: Kind
    parameters: Mapping[str, float]
    since: datetime | None = None

    @property
    def window(self) -> timedelta:
        return timedelta(minutes=self.parameters.get("window_minutes", 60))

    def __getitem__(self, name: str) -> float:
        return self.parameters[name]


Moments = Sequence[datetime]
Readings = list[Reading]


def measure(session: Session, settings: Settings, question: Question, moments: Moments) -> list[Readings]:
    """The readings at each moment; a subject that is not told of is well."""
    if question.kind in HISTORIC:
        return HISTORIC[question.kind](session, question, moments)
    return [PRESENT[question.kind](session, settings, question, at) for at in moments]


def _at(moments: Moments) -> Any:
    return bindparam("moments", list(moments), ARRAY(DateTime(timezone=True)))


def _classes(names: Sequence[FailureClass]) -> Any:
    return bindparam("classes", [str(name) for name in names], ARRAY(Text))


# Each question counts moment by moment: a plain join would be estimated, and planned, far too large.
ENDED = text("""
    SELECT m.at, e.state, e.failure_class, e.n
    FROM unnest(:moments) AS m (at) CROSS JOIN LATERAL (
        SELECT g.state, g.failure_class, count(*) AS n FROM generation g
        WHERE g.finished_at > m.at - :window AND g.finished_at <= m.at
        GROUP BY g.state, g.failure_class
    ) e
""")


def _failure_rate(session: Session, question: Question, moments: Moments) -> list[Readings]:
    statement = ENDED.bindparams(_at(moments), window=question.window)
    found: dict[datetime, Counter[str]] = defaultdict(Counter)
    for at, state, failure_class, n in session.execute(statement):
        # What was canceled did not end by itself. The condition is here, because in the query it would
        # tempt the planner to an index of states.
        if state != State.CANCELED:
            found[at][failure_class if state == State.FAILED else state] += n
    return [[_rate_of(found[at], question)] for at in moments]


def _rate_of(outcomes: Counter[str], question: Question) -> Reading:
    classes = {name: n for name, n in outcomes.items() if name in OURS and n}
    cases, hits = outcomes.total(), sum(classes.values())
    reading = _rate("", "Failure rate", hits, cases, question)
    worst = max(classes, key=lambda name: classes[name], default=None)
    return dataclasses.replace(reading, facts={**reading.facts, "class": worst, "classes": classes})


def _rate(subject: str, title: str, hits: int, cases: int, question: Question) -> Reading:
    interval = wilson(hits, cases)
    if cases < question["min_events"]:
        sight = Sight.NO_DATA
    else:
        sight = Sight.BAD if interval.low > question["threshold_percent"] / 100 else Sight.GOOD
    facts = {"hits": hits, "cases": cases, "low": interval.low, "high": interval.high}
    return Reading(subject, sight, title, {**facts, "minutes": question.window.total_seconds() / 60})


HIT = text("""
    SELECT m.at, h.failure_class, h.n
    FROM unnest(:moments) AS m (at) CROSS JOIN LATERAL (
        SELECT e.failure_class, count(DISTINCT e.generation_id) AS n FROM error_event e
        WHERE e.at > m.at - :window AND e.at <= m.at AND e.failure_class = ANY (:classes)
        GROUP BY e.failure_class
    ) h
""")


def _class_count(session: Session, question: Question, moments: Moments) -> list[Readings]:
    names = PROVIDER_STOPS if question.kind is Kind.PROVIDER_STOP else OURS
    statement = HIT.bindparams(_at(moments), _classes(names), window=question.window)
    found: dict[datetime, dict[str, int]] = defaultdict(dict)
    for at, failure_class, n in session.execute(statement):
        found[at][failure_class] = n
    return [[_hits(name, n, question) for name, n in sorted(found[at].items())] for at in moments]


def _hits(name: str, n: int, question: Question) -> Reading:
    return Reading(
        name,
        Sight.BAD if n >= question["at_least"] else Sight.GOOD,
        TAXONOMY[FailureClass(name)].title,
        {"class": name, "count": n, "minutes": question.window.total_seconds() / 60},
    )


SPENT = text("""
    SELECT m.at, s.usd, s.n
    FROM unnest(:moments) AS m (at) CROSS JOIN LATERAL (
        SELECT coalesce(sum(a.cost_usd), 0) AS usd, count(*) AS n FROM render_attempt a
        WHERE a.ended_at > m.at - interval '1 hour' AND a.ended_at <= m.at AND a.cost_usd > 0
    ) s
""")


def _spend(session: Session, question: Question, moments: Moments) -> list[Readings]:
    found = {at: (usd, n) for at, usd, n in session.execute(SPENT.bindparams(_at(moments)))}
    return [[_spent(*found[at], question)] for at in moments]


def _spent(usd: Any, n: int, question: Question) -> Reading:
    sight = Sight.BAD if usd > question["usd"] else Sight.GOOD
    return Reading(
        "", sight, "Spend of the last hour", {"usd": float(usd), "attempts": n, "limit": question["usd"]}
    )


SETTLED = text("""
    SELECT m.at, s.hits, s.cases
    FROM unnest(:moments) AS m (at) CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE t.kind = 'refund') AS hits, count(*) AS cases FROM transfer t
        WHERE t.id >= :first AND t.created_at > m.at - :window AND t.created_at <= m.at
            AND t.kind IN ('capture', 'refund')
            -- What a part that was given back leaves is captured too, and is no charge of its own.
            AND NOT (t.kind = 'capture' AND t.case_id IS NOT NULL AND EXISTS (
                SELECT FROM transfer p WHERE p.case_id = t.case_id AND p.kind = 'refund'))
    ) s
""")


def _refund_rate(session: Session, question: Question, moments: Moments) -> list[Readings]:
    first = first_since(session, min(moments) - question.window)
    statement = SETTLED.bindparams(_at(moments), window=question.window, first=first)
    found = {at: (hits, cases) for at, hits, cases in session.execute(statement)}
    return [[_rate("", "Refund rate", *found[at], question)] for at in moments]


def _error_group(session: Session, _settings: Settings, question: Question, at: datetime) -> Readings:
    # What appeared while the evaluator was away is told of too.
    since = min(at - question.window, question.since or at)
    rows = session.scalars(
        select(ErrorGroup)
        .where(ErrorGroup.state.in_(("new", "regressed", "escalating")))
        .where(ErrorGroup.state_since > since)
        .where(ErrorGroup.failure_class.in_(OURS))
        .where(ErrorGroup.failed_attempts + ErrorGroup.failed_generations >= question["at_least"])
    )
    return [
        Reading(
            row.fingerprint,
            Sight.BAD,
            f"{TAXONOMY[FailureClass(row.failure_class)].title}, {row.state}",
            {
                "class": row.failure_class,
                "count": row.failed_attempts + row.failed_generations,
                "message": row.message[:200],
            },
        )
        for row in rows
    ]


def _queue_age(session: Session, _settings: Settings, question: Question, at: datetime) -> Readings:
    oldest, waiting = session.execute(
        select(func.min(Generation.created_at), func.count()).where(Generation.state == State.QUEUED)
    ).one()
    age = at - oldest if oldest else timedelta()
    sight = Sight.BAD if age > timedelta(minutes=question["minutes"]) else Sight.GOOD
    return [
        Reading("", sight, "Oldest queued generation", {"seconds": age.total_seconds(), "count": waiting})
    ]


def _stuck(session: Session, settings: Settings, question: Question, at: datetime) -> Readings:
    patience = timedelta(seconds=BEATS_UNTIL_SILENT * settings.heartbeat_seconds)
    alive = any(
        each.state == "alive" for each in workers(session, heartbeat_seconds=settings.heartbeat_seconds)
    )
    found = stuck_generations(session, settings, now=at, patience=patience, workers_alive=alive)
    return [
        Reading(
            reason.value,
            Sight.BAD if n >= question["at_least"] else Sight.GOOD,
            f"Stuck: {reason.value.replace('_', ' ')}",
            {"count": n},
        )
        for reason, n in found.counts.items()
        if reason is not Reason.OUTPUT_EXPIRING  # a picture about to be deleted has a rule of its own
    ]


def _output_expiring(session: Session, settings: Settings, question: Question, at: datetime) -> Readings:
    within = min(question["within_minutes"] * 60, settings.provider_retention_seconds / 2)
    first, waiting = session.execute(
        select(func.min(RenderAttempt.save_by), func.count())
        .join(Generation, Generation.id == RenderAttempt.generation_id)
        .where(Generation.state == State.STORING, RenderAttempt.status == "succeeded")
        .where(RenderAttempt.save_by < at + timedelta(seconds=within))
    ).one()
    left = (first - at).total_seconds() if first else None
    sight = Sight.BAD if waiting else Sight.GOOD
    return [Reading("", sight, "Pictures not stored yet", {"count": waiting, "seconds_left": left})]


def _provider_clock(session: Session, settings: Settings, question: Question, at: datetime) -> Readings:
    """Two subjects: how far apart the clocks are, and that this is not known while work goes on."""
    seen = clock_health(session, settings, now=at)
    if seen.least is not None:
        sight = Sight.BAD if abs(seen.least) > question["seconds"] else Sight.GOOD
        return [Reading("apart", sight, "Provider's clock", {"offset": seen.offset, "give": seen.give})]
    if seen.unknown_for is None:
        return []
    return [Reading("unknown", Sight.BAD, "Provider's clock", {"seconds": seen.unknown_for.total_seconds()})]


def _worker_silent(session: Session, settings: Settings, question: Question, _at: datetime) -> Readings:
    found = workers(
        session, heartbeat_seconds=settings.heartbeat_seconds, since_hours=question["forget_minutes"] / 60
    )
    return [
        Reading(
            each.id,
            Sight.BAD,
            f"Worker on {each.host}, process {each.pid}",
            {"beat_at": each.beat_at.isoformat()},
        )
        for each in found
        if each.state == "silent"
    ]


def _refund_limit(session: Session, _settings: Settings, _question: Question, at: datetime) -> Readings:
    return [
        Reading(
            limit.title,
            Sight.BAD if limit.tripped_at else Sight.GOOD,
            f"Limit of this hour: {limit.title}",
            {"count": limit.refunds, "limit": limit.refund_cap, "credits": limit.used},
        )
        for limit in limit_use(session, at)
    ]


def _ledger(session: Session, _settings: Settings, _question: Question, at: datetime) -> Readings:
    """What stands found by the checks. Findings stand until a full check no longer has them."""
    last = latest(session)
    if last is not None and at - last.started_at > STALE_AFTER:
        # Nobody looks any more: that is not the same as nothing being found.
        return [Reading("unchecked", Sight.BAD, "Books not checked", {"count": 0}), *_standing(session)]
    return _standing(session)


def _standing(session: Session) -> list[Reading]:
    found = Counter(finding.rule for finding in standing(session))
    return [
        Reading(rule, Sight.BAD, rule.replace("_", " ").capitalize(), {"count": n})
        for rule, n in found.items()
    ]


# Text instead of models: the library knows failures, not the other way round.
REGRESSED = text("""
    SELECT g.promotion_id, g.state, g.said, p.name || ' v' || v.number AS title
    FROM promotion_guard g JOIN promotion m ON m.id = g.promotion_id
    JOIN prompt_version v ON v.id = m.version_id JOIN prompt p ON p.id = v.prompt_id
    WHERE g.state = 'regressed'
        OR (g.state = 'rolled_back' AND g.ended_by IS NULL AND g.ended_at > :at - :told)
    ORDER BY g.promotion_id
""")


def _promotion(session: Session, _settings: Settings, question: Question, at: datetime) -> Readings:
    told = timedelta(minutes=question["told_minutes"])
    return [
        Reading(
            str(row.promotion_id),
            Sight.BAD,
            f"{row.title} does worse than the version before it",
            {"said": row.said, "rolled_back": row.state == "rolled_back"},
        )
        for row in session.execute(REGRESSED, {"at": at, "told": told})
    ]


# The latest tries of each channel. A test that failed is seen by the one who made it, and no news.
DEAD = text("""
    SELECT c.id, c.name, latest.n AS tries, latest.answer
    FROM notification_channel c CROSS JOIN LATERAL (
        SELECT count(*) AS n, bool_or(t.outcome = 'accepted') AS any_accepted,
            (array_agg(t.outcome ORDER BY t.id DESC))[1] AS outcome,
            (array_agg(t.answer ORDER BY t.id DESC))[1] AS answer
        FROM (
            SELECT t.id, t.outcome, t.answer FROM delivery d
            JOIN notification n ON n.id = d.notification_id
            JOIN delivery_try t ON t.delivery_id = d.id
            WHERE d.channel_id = c.id AND (n.event <> 'test' OR t.outcome = 'accepted')
            ORDER BY t.id DESC LIMIT :tries
        ) t
    ) latest
    WHERE c.enabled AND (latest.outcome = 'refused' OR (latest.n >= :tries AND NOT latest.any_accepted))
""")


def _channel_dead(session: Session, _settings: Settings, question: Question, _at: datetime) -> Readings:
    rows = session.execute(DEAD, {"tries": int(question["tries"])})
    return [
        Reading(str(row.id), Sight.BAD, f"Channel {row.name}", {"tries": row.tries, "answer": row.answer})
        for row in rows
    ]


BLIND = text("""
    SELECT v.name, r.failures, r.problem FROM alert_rule r
    JOIN alert_rule_version v ON v.rule_id = r.id AND v.version = r.version
    WHERE r.failures >= :evaluations AND v.enabled ORDER BY r.id
""")


def _blind(session: Session, _settings: Settings, question: Question, _at: datetime) -> Readings:
    rows = session.execute(BLIND, {"evaluations": question["evaluations"]}).all()
    if not rows:
        return []
    names = [row.name for row in rows]
    return [Reading("", Sight.BAD, "Alerts stay as they were", {"rules": names, "problem": rows[0].problem})]


HISTORIC: dict[Kind, Callable[[Session, Question, Moments], list[Readings]]] = {
    Kind.FAILURE_RATE: _failure_rate,
    Kind.CLASS_COUNT: _class_count,
    Kind.PROVIDER_STOP: _class_count,
    Kind.SPEND: _spend,
    Kind.REFUND_RATE: _refund_rate,
}
PRESENT: dict[Kind, Callable[[Session, Settings, Question, datetime], Readings]] = {
    Kind.ERROR_GROUP: _error_group,
    Kind.QUEUE_AGE: _queue_age,
    Kind.STUCK: _stuck,
    Kind.OUTPUT_EXPIRING: _output_expiring,
    Kind.PROVIDER_CLOCK: _provider_clock,
    Kind.WORKER_SILENT: _worker_silent,
    Kind.REFUND_LIMIT: _refund_limit,
    Kind.LEDGER: _ledger,
    Kind.PROMOTION: _promotion,
    Kind.CHANNEL_DEAD: _channel_dead,
    Kind.BLIND: _blind,
}
