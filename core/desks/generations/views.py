"""The list of generations, a page at a time: newest first, by keyset, never by counting what was skipped."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, Select, case, func, select
from sqlalchemy.orm import Session

from core.desks.generations.filters import Cursor, Filter, page_of_ids
from core.images.kept import erasure_number
from core.tables.access import Staff
from core.tables.customers import Customer
from core.tables.generation import ENDED, Avatar, Generation, RenderAttempt, State
from core.tables.images import StoredSelfie

EXCERPT = 160


@dataclasses.dataclass(frozen=True)
class GenerationRow:
    """One line of the list. `cost_usd` is what its attempts cost us so far, in dollars.

    An erased customer has no thumbnails.
    """

    id: int
    created_at: datetime
    state: State
    state_since: datetime
    finished_at: datetime | None
    purpose: str
    customer: str
    reference: str
    requested_by: str
    model: str
    prompt: str
    attempts: int
    credits: int
    cost_usd: Decimal | None
    failure_class: str | None
    thumbnail_key: str | None
    selfie_thumbnail_key: str | None

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    def age(self, now: datetime) -> timedelta:
        """From the request to the end, or to `now`."""
        return (self.finished_at or now) - self.created_at


@dataclasses.dataclass(frozen=True)
class Page:
    """Rows, newest first. `next` leads to older ones, `previous` to newer ones; None where there are none.

    `erasures` is the number of erasures that its thumbnails are asked for with.
    """

    rows: Sequence[GenerationRow]
    next: Cursor | None
    previous: Cursor | None
    now: datetime
    erasures: int


def page_of_generations(
    session: Session, filter_: Filter, *, after: Cursor | None = None, limit: int = 50
) -> Page:
    """The page of at most `limit` rows behind the cursor `after`; without one, the newest."""
    ids = page_of_ids(session, filter_, after, limit + 1)
    if after and after.newer:
        if len(ids) <= limit:
            # The top is reached: show it whole, with what came meanwhile.
            return page_of_generations(session, filter_, limit=limit)
        ids = ids[:limit][::-1]
        return _page(session, ids, older=True, newer=True)
    return _page(session, ids[:limit], older=len(ids) > limit, newer=after is not None)


def latest(session: Session, *, limit: int) -> Page:
    """The newest generations of all."""
    return page_of_generations(session, Filter(), limit=limit)


def _page(session: Session, ids: list[int], *, older: bool, newer: bool) -> Page:
    erasures = erasure_number(session)
    now = session.scalars(select(func.clock_timestamp())).one()
    rows = [_row(row) for row in session.execute(_rows(ids))] if ids else []
    edge = Cursor(ids[0], newer=True) if ids else None
    return Page(rows, Cursor(ids[-1]) if older else None, edge if newer else None, now, erasures)


def _rows(ids: list[int]) -> Select[*tuple[Any, ...]]:
    cost = (
        select(func.sum(RenderAttempt.cost_usd))
        .where(RenderAttempt.generation_id == Generation.id)
        .scalar_subquery()
    )
    living = Customer.erased_at.is_(None)
    return (
        select(
            Generation.id,
            Generation.created_at,
            Generation.state,
            Generation.state_since,
            Generation.finished_at,
            Generation.purpose,
            Customer.name.label("customer"),
            Customer.reference,
            Staff.name.label("requested_by"),
            Generation.model,
            func.left(Generation.prompt, EXCERPT).label("prompt"),
            Generation.attempts,
            Generation.credits,
            cost.label("cost_usd"),
            Generation.failure_class,
            case((living, Avatar.thumbnail_key)).label("thumbnail_key"),
            case((living, StoredSelfie.thumbnail_key)).label("selfie_thumbnail_key"),
        )
        .join(Customer, Customer.id == Generation.customer_id)
        .join(Staff, Staff.id == Generation.requested_by)
        .join(StoredSelfie, StoredSelfie.id == Generation.selfie_id)
        .outerjoin(Avatar, Avatar.generation_id == Generation.id)
        .where(Generation.id.in_(ids))
        .order_by(Generation.id.desc())
    )


def _row(row: Row[*tuple[Any, ...]]) -> GenerationRow:
    values = row._asdict()
    return GenerationRow(**values | {"state": State(values["state"])})
