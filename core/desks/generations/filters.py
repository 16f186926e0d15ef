"""What a list of generations is filtered by, and the SQL that finds one page of it."""

import dataclasses
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    DateTime,
    Select,
    bindparam,
    column,
    func,
    literal_column,
    or_,
    select,
    text,
    true,
    union_all,
)
from sqlalchemy.orm import Session

from core.classification.taxonomy import FailureClass
from core.desks.generations.chart_filters import of_the_chart
from core.desks.generations.chart_windows import Clicked, Span, spans_of
from core.tables.customers import Customer
from core.tables.generation import ENDED, OPEN, Generation, State

# A word that many prompts hold fills a page from so many of the newest; only a rarer one needs the index.
NEWEST = 400
# A window of ends this short is read whole. One that reaches until now begins with the newest anyway.
SHORT_WINDOW = timedelta(days=3)
LONGEST_PAST_WINDOW = timedelta(days=31)
# Transactions that run side by side take their numbers in another order than their times; none takes so long.
OUT_OF_ORDER = timedelta(minutes=1)


@dataclasses.dataclass(frozen=True)
class Filter:
    """What is asked for; empty fields ask for nothing. Times are aware; `until` is exclusive.

    `customer` is a part of their reference or name. `prompt` holds words, all of which must occur in the
    prompt, each as a whole word or its beginning. What a chart's click asks for besides: when it ended
    (`ended_until` is exclusive), a `value` of a `dimension`, the fingerprint of an `error_group` that
    one of its attempts or its own end belongs to, and the `retry_batch` that has asked for it.
    """

    states: tuple[State, ...] = ()
    customer: str = ""
    failure_classes: tuple[FailureClass, ...] = ()
    prompt: str = ""
    since: datetime | None = None
    until: datetime | None = None
    purpose: str | None = None
    model: str | None = None
    ended_since: datetime | None = None
    ended_until: datetime | None = None
    dimension: str | None = None
    value: str = ""
    error_group: str | None = None
    retry_batch: int | None = None


@dataclasses.dataclass(frozen=True)
class Cursor:
    """The edge of a page: older than generation `id`, or newer than it."""

    id: int
    newer: bool = False


def page_of_ids(session: Session, filter_: Filter, cursor: Cursor | None, limit: int) -> list[int]:
    """At most `limit` ids from the cursor on, those nearest to it first."""
    words = prompt_words(filter_.prompt)
    if filter_.prompt.strip() and not words:
        return []
    # A plan made for any value would be one for the worst of them.
    session.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))
    if words and (cursor is None or not cursor.newer):
        recent = _of_the_newest(session, filter_, words, cursor, limit)
        if len(recent) >= limit:
            return recent
    if not words and (clicked := _clicked(filter_)):
        spans = spans_of(session, clicked)
        if spans is not None:
            return _within(session, filter_, spans, cursor, limit)
    return list(session.scalars(_ordered(_matching(filter_, words, cursor), cursor, limit)))


def _clicked(filter_: Filter) -> Clicked | None:
    """What the tallies are asked for; None where more is asked for, for which there is another index."""
    known = {"states": (), "failure_classes": (), "ended_since": None, "ended_until": None}
    more = dataclasses.replace(filter_, **known, dimension=None, value="")  # type: ignore[arg-type]
    if more != Filter() or not (filter_.ended_since and filter_.ended_until):
        return None
    return Clicked(
        since=filter_.ended_since,
        until=filter_.ended_until,
        states=filter_.states or ENDED,
        failure_classes=filter_.failure_classes,
        dimension=filter_.dimension or "all",
        value=filter_.value if filter_.dimension else "",
    )


def _within(
    session: Session, filter_: Filter, spans: Sequence[Span], cursor: Cursor | None, limit: int
) -> list[int]:
    """The page where all that is asked for ended in these times."""
    if not spans:
        return []
    several = len(spans) > 1
    query = _in_each(filter_, spans, cursor) if several else _in_one(session, filter_, spans[0], cursor)
    # The planner cannot know how much there is of a value, and would read and sort whole indexes.
    for step in ("bitmapscan", "sort"):
        session.execute(text(f"SET LOCAL enable_{step} = off"))
    ids = list(session.scalars(_ordered(query, cursor, limit)))
    for step in ("bitmapscan", "sort"):
        session.execute(text(f"SET LOCAL enable_{step} = on"))
    return ids


def _in_one(session: Session, filter_: Filter, span: Span, cursor: Cursor | None) -> Select[*tuple[Any, ...]]:
    narrowed = dataclasses.replace(filter_, ended_since=span[0], ended_until=span[1])
    query = _matching(narrowed, [], cursor)
    if _read_whole(narrowed) or (later := _first_after(session, span[1])) is None:
        return query
    return query.where(Generation.id < later)


def _in_each(filter_: Filter, spans: Sequence[Span], cursor: Cursor | None) -> Select[*tuple[Any, ...]]:
    """Each span by the index of ends, one after another."""
    starts, ends = zip(*spans, strict=True)
    moments = ARRAY(DateTime(timezone=True))
    span = (
        func.unnest(bindparam("starts", list(starts), moments), bindparam("ends", list(ends), moments))
        .table_valued(column("since", DateTime(timezone=True)), column("until", DateTime(timezone=True)))
        .render_derived(name="span")
    )
    inside = (
        select(Generation.id)
        .where(Generation.finished_at >= span.c.since, Generation.finished_at < span.c.until)
        .where(*_narrow(filter_, cursor))
        .offset(0)
        .lateral("inside")
    )
    found = select(inside.c.id).select_from(span.join(inside, true())).cte("found")
    return select(found.prefix_with("MATERIALIZED").c.id)


def _first_after(session: Session, until: datetime) -> int | None:
    """The number of a generation that was asked for after that time, as were all with higher ones."""
    return session.scalar(
        select(Generation.id)
        .where(Generation.created_at >= until + OUT_OF_ORDER)
        .order_by(Generation.created_at)
        .limit(1)
    )


def prompt_words(text: str) -> list[str]:
    """The words in what was typed, as the index splits prompts: letters and digits."""
    return re.findall(r"[^\W_]+", text.lower())


def _of_the_newest(
    session: Session, filter_: Filter, words: list[str], cursor: Cursor | None, limit: int
) -> list[int]:
    top = cursor.id if cursor else (session.scalar(select(func.max(Generation.id))) or 0) + 1
    newest = Generation.id >= top - NEWEST
    query = select(Generation.id).where(*_narrow(filter_, cursor), newest, _holds(words))
    return list(session.scalars(_ordered(query, cursor, limit)))


def _matching(filter_: Filter, words: list[str], cursor: Cursor | None) -> Select[*tuple[Any, ...]]:
    conditions = _narrow(filter_, cursor)
    if not words:
        found_ended = select(Generation.id).where(*conditions)
        if not _read_whole(filter_):
            return found_ended
        # Materialised for the same reason: what ended long ago is found by when it ended, not by its number.
        ended = found_ended.cte("ended")
        return select(ended.prefix_with("MATERIALIZED").c.id)
    # Materialised, or PostgreSQL walks all ids in order and splits every prompt anew, hoping to be done soon.
    found = union_all(
        select(Generation.id).where(Generation.finished_at.is_not(None), _holds(words), *conditions),
        select(Generation.id).where(Generation.state.in_(OPEN), _holds(words), *conditions),
    ).cte("found")
    return select(found.prefix_with("MATERIALIZED").c.id)


def _ordered(query: Select[*tuple[Any, ...]], cursor: Cursor | None, limit: int) -> Select[*tuple[Any, ...]]:
    column = query.selected_columns[0]
    return query.order_by(column.asc() if cursor and cursor.newer else column.desc()).limit(limit)


def _holds(words: list[str]) -> ColumnElement[bool]:
    # The very expression of the index.
    vector: ColumnElement[Any] = literal_column(
        "to_tsvector('simple', translate(generation.prompt, './@_:-', '      '))"
    )
    return vector.bool_op("@@")(func.to_tsquery("simple", " & ".join(f"'{word}':*" for word in words)))


def _narrow(filter_: Filter, cursor: Cursor | None) -> list[ColumnElement[bool]]:
    """Every condition but the prompt's; the index `generation_list` has the columns of all but a chart's."""
    conditions: list[ColumnElement[bool] | None] = [
        (Generation.id > cursor.id if cursor.newer else Generation.id < cursor.id) if cursor else None,
        Generation.state.in_(filter_.states) if filter_.states else None,
        Generation.failure_class.in_(filter_.failure_classes) if filter_.failure_classes else None,
        _of_customer(filter_.customer.strip()),
        Generation.created_at >= filter_.since if filter_.since else None,
        Generation.created_at < filter_.until if filter_.until else None,
        Generation.purpose == filter_.purpose if filter_.purpose else None,
        Generation.model == filter_.model if filter_.model else None,
    ]
    return [condition for condition in conditions if condition is not None] + of_the_chart(
        ended_since=filter_.ended_since,
        ended_until=filter_.ended_until,
        dimension=filter_.dimension,
        value=filter_.value,
        error_group=filter_.error_group,
        retry_batch=filter_.retry_batch,
    )


def _read_whole(filter_: Filter) -> bool:
    """Whether a window of ends is read whole and then ordered, rather than walked from the newest on."""
    if not (filter_.ended_since and filter_.ended_until):
        return False
    past = filter_.ended_until < datetime.now(UTC) - timedelta(days=1)
    return filter_.ended_until - filter_.ended_since <= (LONGEST_PAST_WINDOW if past else SHORT_WINDOW)


def _of_customer(text: str) -> ColumnElement[bool] | None:
    if not text:
        return None
    named = or_(
        Customer.reference.icontains(text, autoescape=True), Customer.name.icontains(text, autoescape=True)
    )
    return Generation.customer_id.in_(select(Customer.id).where(named))
