"""Where in time the generations behind a chart's click lie, by the tallies: lists look nowhere else.

A list that is asked for what hardly occurs, or never, would else read every generation of its time.
"""

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from core.tables.failures import GenerationTally, RollupQueue
from core.tables.generation import ENDED, Generation, State

# So many are read whole, wherever they lie; of more, the newest are found soon.
FEW = 300
# With a longer backlog the tallies say too little.
LONGEST_BACKLOG = 2_000
WIDTHS = {"day": timedelta(days=1), "quarter": timedelta(minutes=15)}
Span = tuple[datetime, datetime]


@dataclasses.dataclass(frozen=True)
class Clicked:
    """What a chart's click asks for; without a dimension, of all generations."""

    since: datetime
    until: datetime
    states: Sequence[State]
    failure_classes: Sequence[str] = ()
    dimension: str = "all"
    value: str = ""


def spans_of(session: Session, clicked: Clicked) -> list[Span] | None:
    """The times in which all of them ended, the oldest first: none, few short ones, or one.

    None where the tallies cannot tell. What is not counted yet is looked for in the tick's queue, which is
    read first: what the tick counts meanwhile is found in the tallies then.
    """
    if not set(clicked.states) <= set(ENDED):
        return None
    uncounted = _uncounted(session)
    if uncounted is None:
        return None
    days = _counted(session, clicked, "day")
    if sum(days.values()) > FEW:
        spans = [(min(days), max(days) + WIDTHS["day"])]
    else:
        quarters = _counted(session, clicked, "quarter")
        spans = [(start, start + WIDTHS["quarter"]) for start in quarters]
    return _clipped(_merged(sorted([*spans, *uncounted])), clicked)


def _uncounted(session: Session) -> list[Span] | None:
    waiting = (
        select(RollupQueue.subject_id)
        .where(RollupQueue.kind == "generation")
        .order_by(RollupQueue.id)
        .limit(LONGEST_BACKLOG + 1)
        .cte("waiting")
        .prefix_with("MATERIALIZED")
    )
    ended = Generation.finished_at
    count, first, last = session.execute(
        select(func.count(), func.min(ended), func.max(ended)).join(
            waiting, waiting.c.subject_id == Generation.id
        )
    ).one()
    if count > LONGEST_BACKLOG:
        return None
    if first is None or last is None:
        return []
    return [(first, last + timedelta(microseconds=1))]


def _counted(session: Session, clicked: Clicked, grain: str) -> dict[datetime, int]:
    """How many ended in each day or quarter of an hour that had any."""
    tally, width = GenerationTally, WIDTHS[grain]
    query = (
        select(tally.start, func.sum(tally.generations))
        .where(tally.grain == grain, tally.dimension == clicked.dimension, tally.value == clicked.value)
        .where(tally.start > clicked.since - width, tally.start < clicked.until)
        .where(tally.outcome.in_(clicked.states))
        .group_by(tally.start)
        .having(func.sum(tally.generations) > 0)
    )
    if clicked.failure_classes:
        # Only what failed is counted by class.
        of_class = tally.failure_class.in_(clicked.failure_classes)
        query = query.where(or_(tally.outcome != State.FAILED, of_class))
    return {start.astimezone(UTC): int(count) for start, count in session.execute(query)}


def _merged(spans: Sequence[Span]) -> list[Span]:
    found: list[Span] = []
    for start, end in spans:
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def _clipped(spans: Sequence[Span], clicked: Clicked) -> list[Span]:
    clipped = [(max(start, clicked.since), min(end, clicked.until)) for start, end in spans]
    return [(start, end) for start, end in clipped if start < end]
