"""What an override rule would have moved in the last 30 days, decided by the code that decides on failures.

PostgreSQL leaves out what cannot match and adds up errors that are decided alike; the rule itself is asked
about what comes. Groups cannot stand for their errors here: their messages are without ids and numbers.
"""

import collections
import dataclasses
import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from core.classification.overrides.matching import LONGEST_TEXT, Conditions, Error, Override, parts_of
from core.classification.overrides.records import DAYS, Spec
from core.classification.rules import RULES
from core.classification.taxonomy import FailureClass
from core.foundation.errors import ServiceUnavailable

ANSWER_WITHIN_MS = 20_000
# Different errors that are held against the rule, in some seconds; whatever is beyond is told to be missing.
MOST_ERRORS = 20_000
SAMPLES = 5
SAMPLE_CHARACTERS = 300
BROAD = 0.2
# Failures whose class the engine knew by itself: no rule is asked about them.
BY_ENGINE = "engine"


@dataclasses.dataclass(frozen=True)
class Sample:
    """A text that matches, one a group. `events`: how many of its failures match."""

    text: str
    failure_class: FailureClass
    rule: str | None
    fingerprint: str
    events: int


@dataclasses.dataclass(frozen=True)
class Surer:
    """A built-in rule that knew the class by a code, a type or an exact status, and what would leave it."""

    rule: str
    description: str
    failure_class: FailureClass
    events: int


@dataclasses.dataclass(frozen=True)
class Preview:
    """What would have been classified otherwise. Events are failed attempts and generations lost.

    `origins` are the classes that they had, most first; `groups` how many error groups they are in. `unmoved`
    match but had the class already, `earlier` match but belong to rules that are asked before. `untold` match
    as far as is known: they are from before the place was kept. `total` are all events of the time,
    `incomplete` says that there were more different errors than were looked at.
    """

    events: int
    attempts: int
    generations: int
    groups: int
    origins: dict[FailureClass, int]
    unmoved: int
    earlier: int
    untold: int
    total: int
    incomplete: bool
    samples: tuple[Sample, ...]
    surer: tuple[Surer, ...]

    @property
    def share(self) -> float:
        """The part of all events that match, from 0 to 1."""
        return (self.events + self.unmoved) / self.total if self.total else 0.0

    @property
    def broad(self) -> bool:
        return self.share > BROAD


def preview(session: Session, spec: Spec, *, before: Sequence[Override] = (), days: int = DAYS) -> Preview:
    """Try a rule on the past; `before` are the rules that are asked first.

    Raises InvalidInput where the spec is no rule, ServiceUnavailable where PostgreSQL takes too long.
    """
    checked = spec.checked()
    rows = _candidates(session, checked.conditions, before, days)
    total = session.execute(TOTAL, {"days": days}).scalar_one()
    tally = _Tally(checked, before)
    for row in rows[:MOST_ERRORS]:
        tally.add(row)
    return tally.preview(total=total, incomplete=len(rows) > MOST_ERRORS)


@dataclasses.dataclass
class _Tally:
    """Adds up what matches."""

    spec: Spec
    before: Sequence[Override]
    origins: collections.Counter[FailureClass] = dataclasses.field(default_factory=collections.Counter)
    attempts: int = 0
    unmoved: int = 0
    earlier: int = 0
    untold: int = 0
    samples: dict[str, tuple[Error, FailureClass, str | None]] = dataclasses.field(default_factory=dict)
    by_group: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    by_rule: collections.Counter[tuple[str, str]] = dataclasses.field(default_factory=collections.Counter)
    examples: dict[tuple[str, str], Error] = dataclasses.field(default_factory=dict)

    def add(self, row: Row[Any]) -> None:
        error = Error(row.place or "", row.detail, row.exception, row.http_status, row.code, row.model)
        conditions = self.spec.conditions
        if row.place is None and conditions.place is not None:
            if dataclasses.replace(conditions, place=None).match(error):
                self.untold += row.events
            return
        if not conditions.match(error):
            return
        if any(each.conditions.match(error) for each in self.before):
            self.earlier += row.events
        elif row.failure_class == self.spec.failure_class:
            self.unmoved += row.events
        else:
            self._move(row, error)

    def _move(self, row: Row[Any], error: Error) -> None:
        failure_class = FailureClass(row.failure_class)
        self.origins[failure_class] += row.events
        self.attempts += row.attempts
        self.by_group[row.fingerprint] += row.events
        self.by_rule[row.rule or "", row.fingerprint] += row.events
        self.examples.setdefault((row.rule or "", row.fingerprint), error)
        self.samples.setdefault(row.fingerprint, (error, failure_class, row.rule))

    def preview(self, *, total: int, incomplete: bool) -> Preview:
        events = self.origins.total()
        return Preview(
            events=events,
            attempts=self.attempts,
            generations=events - self.attempts,
            groups=len(self.by_group),
            origins=dict(self.origins.most_common()),
            unmoved=self.unmoved,
            earlier=self.earlier,
            untold=self.untold,
            total=total,
            incomplete=incomplete,
            samples=tuple(self._sample(name, count) for name, count in self.by_group.most_common(SAMPLES)),
            surer=self._surer(),
        )

    def _sample(self, fingerprint: str, events: int) -> Sample:
        error, failure_class, rule = self.samples[fingerprint]
        words = " ".join(error.text.split())[:SAMPLE_CHARACTERS]
        return Sample(words, failure_class, rule, fingerprint, events)

    def _surer(self) -> tuple[Surer, ...]:
        """Asked once a group: its errors differ in ids and numbers only."""
        counts: collections.Counter[str] = collections.Counter()
        for (rule, fingerprint), events in self.by_rule.items():
            built_in = BUILT_IN.get(rule)
            if built_in and built_in.is_certain(self.examples[rule, fingerprint].evidence):
                counts[rule] += events
        return tuple(
            Surer(rule, BUILT_IN[rule].description, BUILT_IN[rule].failure_class, events)
            for rule, events in counts.most_common()
        )


BUILT_IN = {rule.id: rule for rule in RULES}


def _candidates(
    session: Session, conditions: Conditions, before: Sequence[Override], days: int
) -> Sequence[Row[Any]]:
    """Errors of the time with how often each occurred, without those that surely do not match."""
    given = {
        "days": days,
        "engine": BY_ENGINE,
        "most": MOST_ERRORS + 1,
        "longest": LONGEST_TEXT,
        "by_words": conditions.http_status is None and conditions.code is None,
        "exactly": exactly(conditions.pattern),
        "loosely": loosely(conditions.pattern),
        "before": [loosely(each.conditions.pattern) for each in before],
        "model": conditions.model,
        "code": loosely(conditions.code) if conditions.code else None,
        "status": conditions.http_status,
        "digits": f"%{conditions.http_status}%",
    }
    try:
        with session.begin_nested():
            session.execute(text(f"SET LOCAL statement_timeout = {ANSWER_WITHIN_MS}"))
            rows = session.execute(CANDIDATES, given).all()
            session.execute(text("SET LOCAL statement_timeout = 0"))
    except OperationalError as exc:
        if getattr(exc.orig, "sqlstate", None) != CANCELED:
            raise
        raise ServiceUnavailable(
            "Trying the rule on the past took too long. Narrow it by a longer pattern or a model."
        ) from exc
    return rows


CANCELED = "57014"  # PostgreSQL's query_canceled: here the statement's time limit


def exactly(pattern: str) -> str:
    """For LIKE on a folded text: matches where the pattern does."""
    parts = (LIKE_SIGN.sub(r"\\\g<0>", part) for part in parts_of(pattern))
    return f"%{'%'.join(parts)}%"


def loosely(pattern: str) -> str:
    """For LIKE on a text of ASCII in lowercase with any white space: where the pattern matches, and more."""
    return f"%{NOT_PLAIN.sub('%', pattern.lower())}%"


LIKE_SIGN = re.compile(r"[%_\\]")
# White space may be of any length, other characters have forms that lowercase ASCII does not know.
NOT_PLAIN = re.compile(r"[^a-z0-9.,:;!?'\"()\[\]{}<>=/+#&@$|~^`-]+")

# A text of plain ASCII is folded by PostgreSQL as by `fold`: what only words decide is decided here, and
# added up whatever its text. What is not plain, what an earlier rule may claim, and what a code or status
# decides is left to the rule, each text for itself. chr(92) is the backslash, with which escapes begin.
CANDIDATES = text(r"""
WITH seen AS (
    SELECT coalesce(a.failure_detail, g.failure_detail, '') AS detail, e.place, e.http_status, e.code,
        e.exception, g.model, e.failure_class, e.rule, e.fingerprint, e.kind
    FROM error_event e
    JOIN generation g ON g.id = e.generation_id
    LEFT JOIN render_attempt a ON a.id = e.attempt_id
    WHERE e.at >= now() - make_interval(days => :days) AND e.rule IS DISTINCT FROM :engine
        AND (CAST(:model AS text) IS NULL OR g.model = :model)
), folded AS (
    SELECT *, lower(detail COLLATE "C") AS words,
        octet_length(detail) <> char_length(detail) AS foreign_words,
        position(chr(92) IN detail) > 0 AS escapes
    FROM seen
), likely AS MATERIALIZED (
    SELECT *, :by_words AND NOT foreign_words AND length(detail) <= :longest
        AND detail !~ '  |[-]' AND words NOT LIKE ALL (CAST(:before AS text[])) AS decided
    FROM folded
    WHERE (foreign_words OR words LIKE :loosely)
        AND (CAST(:code AS text) IS NULL OR foreign_words OR escapes OR lower(code) LIKE :code
            OR words LIKE :code)
        AND (CAST(:status AS bigint) IS NULL OR foreign_words OR escapes OR http_status = :status
            OR (http_status IS NULL AND (detail LIKE :digits OR code LIKE :digits)))
)
SELECT min(detail COLLATE "C") AS detail, place, http_status, code, exception, model, failure_class, rule,
    fingerprint, count(*) AS events, count(*) FILTER (WHERE kind = 'attempt') AS attempts
FROM likely
WHERE NOT decided OR words LIKE :exactly
GROUP BY CASE WHEN NOT decided THEN detail END, place, http_status, code, exception, model, failure_class,
    rule, fingerprint
LIMIT :most
""")
TOTAL = text("SELECT count(*) FROM error_event WHERE at >= now() - make_interval(days => :days)")
