"""Starting and stopping a batch of retries; the worker makes them one by one (`work`)."""

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from core.access.permissions import Actor, Permission, require
from core.access.staff import record
from core.foundation.errors import Conflict, NotFound
from core.foundation.wording import count
from core.monitoring.retries.plan import Plan, Scope, plan
from core.settings import Settings
from core.tables.failures import ErrorGroup, ErrorGroupChange
from core.tables.retries import RetryBatch, RetryBatchItem


def start(
    session: Session, settings: Settings, *, actor: Actor, fingerprint: str, scope: Scope, token: str
) -> RetryBatch:
    """Begin the batch whose plan had this token. The same token again, from wherever, is the same batch.

    Raises NotAllowed, NotFound, and Conflict when what would be retried, or its price, has changed since.
    """
    require(actor, Permission.GENERATE)
    # Whoever confirms at the same moment waits here, and then finds the batch.
    group = session.get(ErrorGroup, fingerprint, with_for_update=True, populate_existing=True)
    if group is None:
        raise NotFound("There is no such error group.")
    if first := session.scalars(select(RetryBatch).where(RetryBatch.token == token)).one_or_none():
        return first
    found = plan(session, settings, fingerprint=fingerprint, scope=scope)
    if found.token != token:
        raise Conflict(
            "What can be retried has changed since it was shown, so nothing was started. "
            "Look at the figures of now and confirm again."
        )
    if not found.prices:
        raise Conflict("None of these generations can be retried.")
    batch = _insert(session, actor, fingerprint, scope, found)
    note = count(len(found.prices), "generation")
    _remember(session, actor.name, group, "retry", note)
    record(
        session,
        actor=actor,
        action="retry_batch.start",
        subject=f"retry_batch:{batch.id}",
        reason=f"{note} of error group {fingerprint}",
        after={"credits": found.credits, "cost_usd": str(found.cost_usd)},
    )
    session.flush()
    return batch


def stop(session: Session, *, actor: Actor, batch_id: int) -> RetryBatch:
    """Request nothing more of this batch; what was requested goes on.

    Raises NotAllowed, NotFound, and Conflict when it has ended.
    """
    require(actor, Permission.GENERATE)
    batch = session.get(RetryBatch, batch_id, with_for_update=True, populate_existing=True)
    if batch is None:
        raise NotFound(f"There is no batch {batch_id}.")
    if batch.state != "running":
        raise Conflict(f"The batch is {batch.state} already. Reload to see what came of it.")
    end(session, batch, "stopped", f"Stopped by {actor.name}.")
    _remember(session, actor.name, session.get_one(ErrorGroup, batch.fingerprint), "retry stopped")
    record(session, actor=actor, action="retry_batch.stop", subject=f"retry_batch:{batch.id}")
    session.flush()
    return batch


def end(session: Session, batch: RetryBatch, state: str, because: str | None = None) -> None:
    """End a batch whose row the caller has locked."""
    # One flush: the table wants state, time and reason together.
    batch.ended_at = session.scalars(select(func.clock_timestamp())).one()
    batch.state = state
    batch.ended_because = because
    session.flush()


def halt(session: Session, batch: RetryBatch, because: str) -> None:
    """End a batch that may not go on, whose row the caller has locked; the sentence says why."""
    end(session, batch, "halted", because)
    group = session.get_one(ErrorGroup, batch.fingerprint)
    _remember(session, "system", group, "retry halted", because)


def _insert(session: Session, actor: Actor, fingerprint: str, scope: Scope, found: Plan) -> RetryBatch:
    batch = RetryBatch(
        token=found.token,
        fingerprint=fingerprint,
        started_by=actor.id,
        since=scope.since,
        until=scope.until,
        credits=found.credits,
        cost_usd=found.cost_usd,
    )
    session.add(batch)
    session.flush()
    session.execute(
        insert(RetryBatchItem),
        [
            {"batch_id": batch.id, "generation_id": generation_id, "credits": price}
            for generation_id, price in found.prices.items()
        ],
    )
    return batch


def _remember(session: Session, who: str, group: ErrorGroup, action: str, note: str | None = None) -> None:
    session.execute(
        insert(ErrorGroupChange).values(
            fingerprint=group.fingerprint,
            actor=who,
            action=action,
            from_state=group.state,
            to_state=group.state,
            note=note,
        )
    )
