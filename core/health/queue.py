"""The queue by state: how deep, how old, and how long due work has been waiting for a worker."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from core.tables.generation import OPEN, Generation, State

# Only these wait for a worker; the others wait for the provider.
FOR_WORKERS = (State.QUEUED, State.STORING)


@dataclasses.dataclass(frozen=True)
class Depth:
    """One state: how many, how long the oldest has been in it, how many a worker holds.

    `due` of them could be taken by a worker now, and `lag` is for how long the first of those could.
    """

    state: State
    count: int
    oldest: timedelta | None
    held: int
    due: int
    lag: timedelta | None


def depths(session: Session, *, now: datetime) -> list[Depth]:
    """Every unfinished state, in the order of a generation's life."""
    held = Generation.lease_until >= now
    waits = and_(
        Generation.state.in_(FOR_WORKERS),
        Generation.due_at <= now,
        func.coalesce(Generation.lease_until < now, True),
    )
    rows = session.execute(
        select(
            Generation.state,
            func.count(),
            func.min(Generation.state_since),
            func.count().filter(held),
            func.count().filter(waits),
            func.min(Generation.due_at).filter(waits),
        )
        .where(Generation.state.in_(OPEN))
        .group_by(Generation.state)
    ).all()
    found = {
        state: Depth(State(state), count, now - since, held, due, now - due_at if due_at else None)
        for state, count, since, held, due, due_at in rows
    }
    return [found.get(state, Depth(state, 0, None, 0, 0, None)) for state in OPEN]


def lag(found: Sequence[Depth]) -> timedelta | None:
    """For how long the oldest due work has been waiting for a worker; None when nothing waits."""
    return max((each.lag for each in found if each.lag is not None), default=None)
