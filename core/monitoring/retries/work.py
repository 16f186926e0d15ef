"""Making the retries of confirmed batches, each in one transaction: after a crash the missing ones are made.

Any number of workers may do it at once. The row of the batch is locked while one of its generations is
asked for, so each is asked for once, and "Stop" takes effect between two of them.
"""

from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from core.access.permissions import Actor, Permission, require
from core.access.staff import actor_by_id
from core.foundation.database import Database
from core.foundation.errors import Conflict, InsufficientCredits, InvalidInput, NotAllowed, NotFound
from core.foundation.wording import count
from core.generation.request import Quote, model_for_retry, quote, retry_generation
from core.monitoring.retries.batches import end, halt
from core.settings import Settings
from core.tables.generation import Generation, State
from core.tables.retries import RetryBatch, RetryBatchItem

# So many at most in one tick; the next one follows soon.
A_TICK = 50


def work_off(database: Database, settings: Settings, *, most: int = A_TICK) -> int:
    """Settle waiting generations of running batches; says how many steps were made.

    A retry's deadline runs from its request. So no more are requested than keep the queue as long as the
    provider may draw at once; the rest waits in its batch, and customers' own generations do not wait behind.
    """
    with database.transaction() as session:
        room = _room(session, settings.max_in_flight) if _running(session) else 0
    for done in range(min(room, most)):
        with database.transaction() as session:
            if not settle_next(session, settings):
                return done
    return min(room, most)


def settle_next(session: Session, settings: Settings) -> bool:
    """Make one retry, or note why not, or end a batch; False where nothing is left or others are at it."""
    batch = session.scalars(
        select(RetryBatch)
        .where(RetryBatch.state == "running")
        .order_by(RetryBatch.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if batch is None:
        return False
    item = session.scalars(
        select(RetryBatchItem)
        .where(RetryBatchItem.batch_id == batch.id, RetryBatchItem.state == "waiting")
        .order_by(RetryBatchItem.generation_id)
        .limit(1)
    ).one_or_none()
    if item is None:
        end(session, batch, "done")
        return True
    try:
        actor = actor_by_id(session, batch.started_by)
        require(actor, Permission.GENERATE)
    except NotAllowed as exc:
        halt(session, batch, str(exc))
        return True
    _settle(session, settings, actor, item)
    return True


def _settle(session: Session, settings: Settings, actor: Actor, item: RetryBatchItem) -> None:
    changes: dict[str, Any]
    try:
        # A refusal leaves nothing of the retry behind, and the transaction goes on.
        with session.begin_nested():
            again = _retry(session, settings, actor, item)
    except (Conflict, InsufficientCredits, InvalidInput, NotFound) as exc:
        changes = {"state": "skipped", "reason": str(exc)}
    else:
        changes = {"state": "requested", "retry_id": again.id}
    session.execute(
        update(RetryBatchItem)
        .where(RetryBatchItem.batch_id == item.batch_id, RetryBatchItem.generation_id == item.generation_id)
        .values(settled_at=func.clock_timestamp(), **changes)
    )


def _retry(session: Session, settings: Settings, actor: Actor, item: RetryBatchItem) -> Generation:
    # Locked before the look for retries: one that is being made at this moment is waited for, and seen.
    former = session.get_one(
        Generation, item.generation_id, with_for_update={"key_share": True}, populate_existing=True
    )
    query = select(Generation.id).where(Generation.retry_of == former.id).order_by(Generation.id).limit(1)
    if earlier := session.scalar(query):
        raise Conflict(f"It was retried already, as generation {earlier}.")
    price = _price(settings, former)
    if price.credits != item.credits:
        raise Conflict(
            f"It costs {count(price.credits, 'credit')} by now; {item.credits:,} were confirmed. "
            "Start another batch."
        )
    return retry_generation(
        session,
        settings,
        actor=actor,
        generation_id=former.id,
        request_key=f"retry:{item.batch_id}:{former.id}",
    )


def _price(settings: Settings, former: Generation) -> Quote:
    parameters = {name: str(value) for name, value in former.parameters.items()}
    model = model_for_retry(former.model, former.failure_class)
    return quote(settings, parameters, charged=former.purpose == "avatar", model=model)


def _running(session: Session) -> bool:
    return session.scalar(select(RetryBatch.id).where(RetryBatch.state == "running").limit(1)) is not None


def _room(session: Session, longest: int) -> int:
    queued = select(Generation.id).where(Generation.state == State.QUEUED).limit(longest).subquery()
    return longest - (session.scalar(select(func.count()).select_from(queued)) or 0)
