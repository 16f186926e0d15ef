"""What the Errors page shows of rates, classes, times and money: read from tallies alone."""

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, DateTime, and_, bindparam, func, or_, select
from sqlalchemy.orm import Session

from core.foundation.statistics.rates import Difference, Rate, verdicts
from core.prompts.views import titles_of
from core.rollups.bins import QUARTER, Bin
from core.tables.failures import GenerationTally, LatencyTally, PromptTemplate
from core.tables.generation import State

# A dimension with more values than this shows the commonest.
MOST_VALUES = 40
EXCERPT = 120


@dataclasses.dataclass(frozen=True)
class Slice:
    """Only the generations with one value of one dimension; all of them by default."""

    dimension: str = "all"
    value: str = ""


EVERYTHING = Slice()


@dataclasses.dataclass(frozen=True)
class BinCounts:
    """What ended in one bar's time: by class what failed, and what succeeded or was canceled."""

    bin: Bin
    classes: dict[str, int]
    succeeded: int
    canceled: int

    @property
    def failed(self) -> int:
        return sum(self.classes.values())

    @property
    def tried(self) -> int:
        """Those that ended by themselves."""
        return self.succeeded + self.failed

    @property
    def success(self) -> float | None:
        """The share that succeeded; None where nothing was tried."""
        return self.succeeded / self.tried if self.tried else None


@dataclasses.dataclass(frozen=True)
class ValueRate:
    """The failure rate of one value of a dimension, and how it differs from all other values together."""

    value: str
    title: str
    rate: Rate
    against_rest: Difference | None


@dataclasses.dataclass(frozen=True)
class Money:
    """What failures cost. Failed and canceled generations that cost us something, and credits given back."""

    paid_failures: int
    paid_usd: Decimal
    spent_usd: Decimal
    refunds: int
    refunded_credits: int


def counts_over_time(session: Session, chosen: Sequence[Bin], only: Slice = EVERYTHING) -> list[BinCounts]:
    """What ended in each bar's time, in the order of the bars, which must follow one another."""
    if not chosen:
        return []
    edges = [each.start for each in chosen] + [chosen[-1].end]
    place = func.width_bucket(
        GenerationTally.start, bindparam("edges", edges, ARRAY(DateTime(timezone=True)))
    ).label("place")
    # A subquery, so that the edges are sent once and not compared as two expressions.
    rows = (
        select(place, GenerationTally.outcome, GenerationTally.failure_class, GenerationTally.generations)
        .where(GenerationTally.grain == "quarter", *_of(only))
        .where(GenerationTally.start >= edges[0], GenerationTally.start < edges[-1])
        .subquery()
    )
    found: dict[int, dict[tuple[str, str], int]] = {}
    for number, outcome, failure_class, count in session.execute(
        select(rows.c.place, rows.c.outcome, rows.c.failure_class, func.sum(rows.c.generations)).group_by(
            rows.c.place, rows.c.outcome, rows.c.failure_class
        )
    ):
        found.setdefault(number, {})[outcome, failure_class] = int(count)
    return [_counts(each, found.get(number, {})) for number, each in enumerate(chosen, start=1)]


def overall_rate(counts: Sequence[BinCounts], classes: Sequence[str] = ()) -> Rate:
    """The failure rate over all bars; with `classes` only their failures count as such."""
    tried = sum(each.tried for each in counts)
    failed = sum(n for each in counts for name, n in each.classes.items() if not classes or name in classes)
    return Rate(failed, tried)


def rates_by(
    session: Session, dimension: str, since: datetime, until: datetime, classes: Sequence[str] = ()
) -> list[ValueRate]:
    """The failure rate of every value of a dimension, the commonest first; Holm's correction over all shown.

    `since` and `until` are whole quarters of an hour. With `classes` only their failures count as such.
    """
    failed = GenerationTally.outcome == State.FAILED
    hit = and_(failed, GenerationTally.failure_class.in_(classes)) if classes else failed
    rows = session.execute(
        select(
            GenerationTally.value,
            func.coalesce(func.sum(GenerationTally.generations).filter(hit), 0),
            func.sum(GenerationTally.generations),
        )
        .where(GenerationTally.dimension == dimension, between(GenerationTally, since, until))
        .where(GenerationTally.outcome != State.CANCELED)
        .group_by(GenerationTally.value)
        .order_by(func.sum(GenerationTally.generations).desc(), GenerationTally.value)
    ).all()
    rates = {value: Rate(int(hits), int(cases)) for value, hits, cases in rows}
    hits, cases = sum(rate.hits for rate in rates.values()), sum(rate.cases for rate in rates.values())
    shown = list(rates.items())[:MOST_VALUES]
    rests = [Rate(hits - rate.hits, cases - rate.cases) for _, rate in shown]
    found = verdicts([(rate, rest) for (_, rate), rest in zip(shown, rests, strict=True)])
    titles = value_titles(session, dimension, [value for value, _ in shown])
    return [
        ValueRate(value, titles[value], rate, difference)
        for (value, rate), difference in zip(shown, found, strict=True)
    ]


def value_titles(session: Session, dimension: str, values: Sequence[str]) -> dict[str, str]:
    """What each value is called; a prompt by the versions that say so, a draft by its first words."""
    if dimension == "prompt":
        rows = session.execute(
            select(PromptTemplate.hash, func.left(PromptTemplate.template, EXCERPT)).where(
                PromptTemplate.hash.in_(values)
            )
        )
        words = {name: " ".join(text.split()) for name, text in rows}
        saved = titles_of(session, values)
        return {value: saved.get(value) or f"{value[:6]} {words.get(value, '')}".strip() for value in values}
    return {value: value.replace("_", " ") or "not told" for value in values}


def values_of(session: Session, dimension: str, since: datetime, until: datetime) -> dict[str, str]:
    """The values that a dimension had in that time with their titles, the commonest first."""
    rows = session.scalars(
        select(GenerationTally.value)
        .where(GenerationTally.dimension == dimension, between(GenerationTally, since, until))
        .group_by(GenerationTally.value)
        .order_by(func.sum(GenerationTally.generations).desc(), GenerationTally.value)
        .limit(MOST_VALUES)
    ).all()
    return value_titles(session, dimension, rows)


def money(session: Session, since: datetime, until: datetime) -> Money:
    """What failures cost in that time, in dollars of ours and credits of customers."""
    lost = GenerationTally.outcome.in_((State.FAILED, State.CANCELED))
    row = session.execute(
        select(
            func.coalesce(func.sum(GenerationTally.paid).filter(lost), 0),
            func.coalesce(func.sum(GenerationTally.cost_usd).filter(lost), 0),
            func.coalesce(func.sum(GenerationTally.cost_usd), 0),
            func.coalesce(func.sum(GenerationTally.refunds), 0),
            func.coalesce(func.sum(GenerationTally.refunded_credits), 0),
        ).where(GenerationTally.dimension == "all", between(GenerationTally, since, until))
    ).one()
    paid, paid_usd, spent, refunds, credits_back = row
    return Money(int(paid), Decimal(paid_usd), Decimal(spent), int(refunds), int(credits_back))


def _counts(chosen: Bin, found: dict[tuple[str, str], int]) -> BinCounts:
    return BinCounts(
        bin=chosen,
        classes={name: n for (outcome, name), n in found.items() if outcome == State.FAILED and n},
        succeeded=found.get((State.SUCCEEDED, ""), 0),
        canceled=found.get((State.CANCELED, ""), 0),
    )


def _of(only: Slice) -> tuple[ColumnElement[bool], ...]:
    return GenerationTally.dimension == only.dimension, GenerationTally.value == only.value


def between(table: type[GenerationTally | LatencyTally], since: datetime, until: datetime) -> Any:
    """Whole UTC days by their own rows, what is left at both ends by quarters of an hour."""
    first, last = _next_day(since), until.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    quarter, day = table.grain == "quarter", table.grain == "day"
    if first >= last:
        return and_(quarter, table.start >= since, table.start < until)
    return or_(
        and_(day, table.start >= first, table.start < last),
        and_(quarter, table.start >= since, table.start < first),
        and_(quarter, table.start >= last, table.start < until),
    )


def _next_day(moment: datetime) -> datetime:
    there = moment.astimezone(UTC)
    midnight = there.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight if midnight == there else midnight + timedelta(days=1)


def floor_quarter(moment: datetime) -> datetime:
    """The quarter of an hour in which a moment lies, from its start."""
    there = moment.astimezone(UTC)
    return there - (there - datetime(2000, 1, 1, tzinfo=UTC)) % QUARTER
