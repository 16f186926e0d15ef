"""Leases: which worker holds which work. An expired lease is taken over in the claim itself."""

import dataclasses
from datetime import timedelta
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Select, func, insert, or_, select, update
from sqlalchemy.orm import Session

from core.foundation.clock import NOW
from core.foundation.database import rows_of
from core.foundation.leases import NamedLease
from core.tables.generation import Generation, GenerationEvent, RenderAttempt, State


@dataclasses.dataclass(frozen=True)
class Claim:
    """One generation in the hands of one worker; writes must show the token."""

    generation_id: int
    token: int
    attempt_id: int
    client_ref: UUID


def unleased() -> ColumnElement[bool]:
    return or_(Generation.lease_until.is_(None), Generation.lease_until < NOW)


def count_due(session: Session, state: State, *, limit: int) -> int:
    """How many generations of this state wait for a worker, counted up to `limit`."""
    due = _due(state).limit(limit).subquery()
    return session.scalar(select(func.count()).select_from(due)) or 0


def claim_queued(
    session: Session, *, worker: str, lease_seconds: float, grace_seconds: float, limit: int
) -> list[Claim]:
    """Take queued generations and write the intent of each attempt, before anything is sent.

    Should this worker die, the intent is looked for until `grace_seconds` after the end of its lease.
    """
    # A common table expression, because PostgreSQL may run a plain subquery with LIMIT more than once.
    due = _due(State.QUEUED).limit(limit).with_for_update(skip_locked=True).cte("due")
    claimed = session.execute(
        update(Generation)
        .where(Generation.id == due.c.id)
        .values(
            state=State.SUBMITTING,
            previous_state=State.QUEUED,
            state_since=NOW,
            attempts=Generation.attempts + 1,
            due_at=NOW + timedelta(seconds=lease_seconds + grace_seconds),
            **_lease(worker, lease_seconds),
        )
        .returning(Generation.id, Generation.lease_token)
        .execution_options(synchronize_session=False)
    ).all()
    if not claimed:
        return []
    refs = {generation_id: uuid4() for generation_id, _ in claimed}
    numbers = select(func.coalesce(func.max(RenderAttempt.number), 0) + 1)
    attempts = session.execute(
        insert(RenderAttempt)
        .values(
            [
                {
                    "generation_id": generation_id,
                    "number": numbers.where(RenderAttempt.generation_id == generation_id).scalar_subquery(),
                    "client_ref": ref,
                    "status": "open",
                    "worker": worker,
                }
                for generation_id, ref in refs.items()
            ]
        )
        .returning(RenderAttempt.generation_id, RenderAttempt.id)
    ).all()
    session.execute(
        insert(GenerationEvent).values(
            [
                {
                    "generation_id": generation_id,
                    "from_state": State.QUEUED,
                    "to_state": State.SUBMITTING,
                    "actor": worker,
                }
                for generation_id in refs
            ]
        )
    )
    tokens = {row.id: row.lease_token for row in claimed}
    return [
        Claim(row.generation_id, tokens[row.generation_id], row.id, refs[row.generation_id])
        for row in attempts
    ]


def claim_storing(session: Session, *, worker: str, lease_seconds: float, limit: int) -> list[Claim]:
    """Take drawn pictures that wait to be stored; what the provider deletes soonest comes first."""
    due = (
        select(Generation.id)
        .join(RenderAttempt, RenderAttempt.generation_id == Generation.id)
        .where(Generation.state == State.STORING, Generation.due_at <= NOW, unleased())
        .where(RenderAttempt.status == "succeeded")
        .order_by(RenderAttempt.save_by)
        .limit(limit)
        .with_for_update(of=Generation, skip_locked=True)
        .cte("due")
    )
    claimed = session.execute(
        update(Generation)
        .where(Generation.id == due.c.id)
        .values(**_lease(worker, lease_seconds))
        .returning(Generation.id, Generation.lease_token)
        .execution_options(synchronize_session=False)
    ).all()
    if not claimed:
        return []
    tokens = {row.id: row.lease_token for row in claimed}
    attempts = session.scalars(
        select(RenderAttempt)
        .where(RenderAttempt.generation_id.in_(tokens), RenderAttempt.status == "succeeded")
        .order_by(RenderAttempt.save_by)
    )
    return [Claim(a.generation_id, tokens[a.generation_id], a.id, a.client_ref) for a in attempts]


def release(session: Session, claim: Claim, *, wait_seconds: float = 0.0) -> bool:
    """Give one generation back where it stands, to be looked at again after `wait_seconds`."""
    result = session.execute(
        update(Generation)
        .where(Generation.id == claim.generation_id, Generation.lease_token == claim.token)
        .values(lease_owner=None, lease_until=None, due_at=NOW + timedelta(seconds=wait_seconds))
    )
    return rows_of(result) == 1


def release_all(session: Session, *, worker: str) -> int:
    """Give back everything that this worker still holds; says how many that were."""
    result = session.execute(
        update(Generation)
        .where(Generation.lease_owner == worker, Generation.state.in_((State.SUBMITTING, State.STORING)))
        .values(lease_owner=None, lease_until=None)
    )
    session.execute(update(NamedLease).where(NamedLease.owner == worker).values(owner=None, lease_until=None))
    return rows_of(result)


def _due(state: State) -> Select[int]:
    return (
        select(Generation.id)
        .where(Generation.state == state, Generation.due_at <= NOW, unleased())
        .order_by(Generation.priority.desc(), Generation.due_at)
    )


def _lease(worker: str, seconds: float) -> dict[str, object]:
    return {
        "lease_owner": worker,
        "lease_token": Generation.lease_token + 1,
        "lease_until": NOW + timedelta(seconds=seconds),
    }
