"""What a list of generations is filtered by, and the SQL that finds one page of it."""

import dataclasses
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal_column, or_, select, text, union_all
from sqlalchemy.orm import Session

from core.customers.models import Customer
from core.failures.taxonomy import FailureClass
from core.generation.chart_filters import of_the_chart
from core.generation.models import Generation
from core.generation.states import OPEN, State

# A word that many prompts hold fills a page from so many of the newest; only a rarer one needs the index.
NEWEST = 400
# A window of ends this short is read whole. One that reaches until now begins with the newest anyway.
SHORT_WINDOW = timedelta(days=3)
LONGEST_PAST_WINDOW = timedelta(days=31)


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
    return list(session.scalars(_ordered(_matching(filter_, words, cursor), cursor, limit)))


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
