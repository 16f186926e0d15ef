"""One decision on all cases that match a filter: tried first, agreed to by number, worked off one by one.

Each case goes through `deciding` like a single one, in a transaction of its own together with its outcome, so
that whatever is killed, exactly the missing ones are still to be done.
"""

import dataclasses
import time
from collections import Counter
from datetime import datetime
from typing import Literal

from sqlalchemy import BigInteger, Select, func, insert, literal, select, update
from sqlalchemy.dialects.postgresql import insert as insert_once
from sqlalchemy.orm import Session

from core.access.permissions import Actor, Permission, require
from core.access.staff import actor_by_id, record
from core.desks.refunds.queue_filters import QueueFilter, is_open, narrow
from core.foundation.clock import NOW
from core.foundation.database import Database
from core.foundation.errors import Conflict, InvalidInput, NotFound, OperatorError
from core.refunds.deciding import Decided, approve, deny
from core.refunds.reasons import REASONS
from core.refunds.steps import later
from core.refunds.versions import in_force
from core.tables.refund_batches import RefundBatch, RefundBatchItem
from core.tables.refund_states import CaseState
from core.tables.refunds import CaseLog, CompensationCase

Case = CompensationCase
BatchDecision = Literal["approve", "deny"]
# One tick works for so long, so that a stop is heeded soon; the next tick goes on.
TICK_SECONDS = 2.0


@dataclasses.dataclass(frozen=True)
class DryRun:
    """What a decision on all matching cases would do now, in cases and credits.

    `to_second`: cases that would wait for a second person, because they are large or because one person may
    not pay one customer so much in a day; `capped` customers are those of the latter. `held`: cases on
    somebody else's desk, which would be refused. `only_class` is the class where all have the same.
    """

    cases: int
    credits: int
    customers: int
    to_second: int
    capped: int
    held: int
    due_first: datetime | None
    only_class: str | None


def dry_run(session: Session, *, actor: Actor, filter_: QueueFilter, decision: BatchDecision) -> DryRun:
    """Look before it is done; nothing is written. Raises NotAllowed."""
    require(actor, Permission.DECIDE_REFUNDS)
    _, policy = in_force(session)
    chosen = _chosen(filter_, actor).subquery()
    cases, total, customers, first, least, most = session.execute(
        select(
            func.count(),
            func.coalesce(func.sum(chosen.c.requested), 0),
            func.count(chosen.c.customer_id.distinct()),
            func.min(chosen.c.due_at),
            func.min(chosen.c.failure_class),
            func.max(chosen.c.failure_class),
        )
    ).one()
    held = session.scalar(select(func.count()).select_from(chosen).where(chosen.c.held))
    to_second, capped = (
        _over(session, actor, filter_, policy.second_over) if decision == "approve" else (0, 0)
    )
    return DryRun(
        cases or 0,
        int(total),
        customers or 0,
        to_second,
        capped,
        held or 0,
        first,
        least if least == most else None,
    )


def start_batch(
    session: Session,
    *,
    actor: Actor,
    filter_: QueueFilter,
    decision: BatchDecision,
    reason_code: str,
    note: str | None,
    cases: int,
    total: int,
    key: str,
) -> int:
    """Begin what `dry_run` showed: `cases` and `total` credits are what the reviewer agreed to.

    `key` is made once per form; the same again is the same batch. Returns its number. Raises NotAllowed,
    InvalidInput (reason), and Conflict when other cases match by now.
    """
    require(actor, Permission.DECIDE_REFUNDS)
    if reason_code not in REASONS or REASONS[reason_code].approves != (decision == "approve"):
        raise InvalidInput("Choose a reason for this decision.")
    made = session.scalar(
        insert_once(RefundBatch)
        .values(
            key=key,
            staff_id=actor.id,
            decision=decision,
            reason_code=reason_code,
            note=(note or "").strip() or None,
            filters=filter_.to_json(),
            cases=max(cases, 1),
            credits=max(total, 1),
        )
        .on_conflict_do_nothing(index_elements=["key"])
        .returning(RefundBatch.id)
    )
    if made is None:
        return session.execute(select(RefundBatch.id).where(RefundBatch.key == key)).scalar_one()
    _fill(session, made, _chosen(filter_, actor))
    found, amount = session.execute(
        select(func.count(), func.coalesce(func.sum(RefundBatchItem.amount), 0)).where(
            RefundBatchItem.batch_id == made
        )
    ).one()
    if (found, amount) != (cases, total) or not cases:
        raise Conflict(
            f"By now {found:,} cases of {int(amount):,} credits match, not {cases:,} of {total:,}. "
            "Look at the new numbers, then decide again."
        )
    record(
        session,
        actor=actor,
        action=f"refund.batch.{decision}",
        subject=f"refund_batch:{made}",
        reason=f"{reason_code}: {note}" if note else reason_code,
        after={"cases": cases, "credits": total, "filters": filter_.to_json()},
    )
    session.flush()
    return int(made)


def stop_batch(session: Session, *, actor: Actor, batch_id: int) -> None:
    """Leave what is not done yet as it is. Raises NotAllowed, NotFound, and Conflict when it has ended."""
    require(actor, Permission.DECIDE_REFUNDS)
    stopped = session.scalar(
        update(RefundBatch)
        .where(
            RefundBatch.id == batch_id, RefundBatch.stopped_at.is_(None), RefundBatch.finished_at.is_(None)
        )
        .values(stopped_by=actor.id, stopped_at=NOW)
        .returning(RefundBatch.id)
    )
    if stopped is None:
        if session.get(RefundBatch, batch_id) is None:
            raise NotFound(f"There is no batch {batch_id}.")
        raise Conflict(f"Batch {batch_id} has ended already.")
    record(session, actor=actor, action="refund.batch.stop", subject=f"refund_batch:{batch_id}")


def work_off(database: Database, *, seconds: float = TICK_SECONDS) -> int:
    """Decide case after case of what is under way, for about so many seconds; how many were done."""
    end = time.monotonic() + seconds
    done = 0
    while time.monotonic() < end:
        with database.transaction() as session:
            if not _work_one(session):
                break
        done += 1
    return done


def _chosen(filter_: QueueFilter, actor: Actor) -> Select[*tuple[object, ...]]:
    """The matching cases. Who waits for a second person belongs only to a filter that asks for them."""
    states = filter_.states or (CaseState.PENDING, CaseState.EXPIRED)
    held = Case.claimed_by.is_not(None) & (Case.claimed_by != actor.id) & (Case.claim_until > func.now())
    return select(
        Case.id,
        Case.seq,
        Case.requested,
        Case.customer_id,
        Case.due_at,
        Case.required_approvals,
        Case.state,
        Case.failure_class,
        func.coalesce(held, False).label("held"),
    ).where(is_open(), *narrow(dataclasses.replace(filter_, states=states), actor.id))


def _over(session: Session, actor: Actor, filter_: QueueFilter, most: int) -> tuple[int, int]:
    """How many cases would go to a second person, and how many customers reach the limit of one person."""
    rows = session.execute(_chosen(filter_, actor).order_by(Case.due_at, Case.id)).all()
    paid: Counter[int] = Counter(_paid_today(session, actor))
    to_second, capped = 0, set()
    for row in rows:
        if row.held or row.state == CaseState.NEEDS_SECOND:
            continue
        over = paid[row.customer_id] + row.requested > most
        if over and row.requested <= most:
            capped.add(row.customer_id)
        if over or row.required_approvals > 1:
            to_second += 1
        else:
            paid[row.customer_id] += row.requested
    return to_second, len(capped)


def _paid_today(session: Session, actor: Actor) -> dict[int, int]:
    rows = session.execute(
        select(Case.customer_id, func.sum(CaseLog.amount))
        .join(Case, Case.id == CaseLog.case_id)
        .where(
            CaseLog.staff_id == actor.id,
            CaseLog.to_state == CaseState.APPROVED,
            CaseLog.at > NOW - later(24),
        )
        .group_by(Case.customer_id)
    )
    return {customer: int(amount or 0) for customer, amount in rows}


def _fill(session: Session, batch_id: int, chosen: Select[*tuple[object, ...]]) -> None:
    rows = chosen.subquery()
    place = func.row_number().over(order_by=(rows.c.due_at, rows.c.id))
    session.execute(
        insert(RefundBatchItem).from_select(
            ["batch_id", "case_id", "place", "seen_seq", "amount"],
            select(literal(batch_id, BigInteger), rows.c.id, place, rows.c.seq, rows.c.requested),
        )
    )


def _work_one(session: Session) -> bool:
    """One case of the oldest running batch; says whether there was anything to do."""
    running = session.scalars(
        select(RefundBatch)
        .where(RefundBatch.stopped_at.is_(None), RefundBatch.finished_at.is_(None))
        .order_by(RefundBatch.id)
        .limit(1)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if running is None:
        return False
    item = session.scalars(
        select(RefundBatchItem)
        .where(RefundBatchItem.batch_id == running.id, RefundBatchItem.outcome.is_(None))
        .order_by(RefundBatchItem.place)
        .limit(1)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if item is None:
        return _finish(session, running.id)
    outcome, sentence = _outcome(session, running, item)
    session.execute(
        update(RefundBatchItem)
        .where(RefundBatchItem.batch_id == item.batch_id, RefundBatchItem.case_id == item.case_id)
        .values(outcome=outcome, sentence=sentence, at=NOW)
        .execution_options(synchronize_session=False)
    )
    return True


def _finish(session: Session, batch_id: int) -> bool:
    """Close a batch when nothing is left; another worker may still have the last case in its hands."""
    left = select(RefundBatchItem.case_id).where(
        RefundBatchItem.batch_id == batch_id, RefundBatchItem.outcome.is_(None)
    )
    if session.scalar(left.limit(1)) is not None:
        return False
    session.execute(
        update(RefundBatch)
        .where(
            RefundBatch.id == batch_id, RefundBatch.stopped_at.is_(None), RefundBatch.finished_at.is_(None)
        )
        .values(finished_at=NOW)
    )
    return True


def _outcome(session: Session, running: RefundBatch, item: RefundBatchItem) -> tuple[str, str]:
    try:
        with session.begin_nested():
            decided = _decide(session, running, item)
    except OperatorError as exc:
        return "refused", str(exc)
    if decided.state == CaseState.NEEDS_SECOND:
        return "second", "Waits for a second person."
    if decided.transfer_id is None:
        return "done", "Denied."
    return "done", f"{decided.amount:,} credits paid, ledger line {decided.transfer_id}."


def _decide(session: Session, running: RefundBatch, item: RefundBatchItem) -> Decided:
    # The roles of this moment: they may have been taken away since the batch began.
    actor = actor_by_id(session, running.staff_id)
    note = f"batch {running.id}" + (f": {running.note}" if running.note else "")
    if running.decision == "deny":
        return deny(
            session,
            actor=actor,
            case_id=item.case_id,
            seen_seq=item.seen_seq,
            reason_code=running.reason_code,
            note=note,
        )
    return approve(
        session,
        actor=actor,
        case_id=item.case_id,
        seen_seq=item.seen_seq,
        amount=item.amount,
        reason_code=running.reason_code,
        note=note,
    )
