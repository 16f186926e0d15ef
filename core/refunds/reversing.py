"""Taking a paid case back: what it would mean, and doing it; with a second person once time has passed."""

import dataclasses
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access.permissions import Actor, Permission, require
from core.access.staff import record
from core.foundation.clock import NOW
from core.foundation.errors import Conflict, InvalidInput, NotAllowed
from core.ledger import moves as ledger
from core.refunds.steps import keep_rest, locked, staff, step
from core.tables.ledger import Transfer
from core.tables.refund_states import PAID_STATES, CaseState
from core.tables.refunds import CompensationCase

# So long whoever decided may take it back alone.
ALONE_FOR = timedelta(minutes=15)


@dataclasses.dataclass(frozen=True)
class ReversalPreview:
    """What a reversal would do now, in credits: what leaves the wallet, and what the customer would owe."""

    case_id: int
    seq: int
    amount: int
    from_wallet: int
    clawback: int
    balance: int
    alone: bool


def preview(session: Session, *, actor: Actor, case_id: int) -> ReversalPreview:
    """Look before it is done. Raises NotAllowed, NotFound, and Conflict when the case is not paid."""
    case = locked(session, case_id)
    payment = _payment(session, case)
    owed = ledger.shortfall(session, transfer_id=payment.id)
    return ReversalPreview(
        case_id=case.id,
        seq=case.seq,
        amount=payment.amount,
        from_wallet=payment.amount - owed,
        clawback=owed,
        balance=ledger.balance(session, customer_id=case.customer_id),
        alone=_alone(session, case, actor),
    )


def reverse_case(
    session: Session,
    *,
    actor: Actor,
    case_id: int,
    seen_seq: int,
    reason: str,
    asked_by: int | None = None,
) -> int:
    """Take a payment back; what is spent already stands in the clawback account. Returns the transfer.

    Whoever decided may do it alone for fifteen minutes; afterwards `asked_by` must be another person.
    Raises NotAllowed, InvalidInput (reason), NotFound, and Conflict (old screen, not paid).
    """
    case = locked(session, case_id, seen_seq=seen_seq)
    payment = _payment(session, case)
    if not reason.strip():
        raise InvalidInput("A reversal needs a reason.")
    if not _alone(session, case, actor):
        require(actor, Permission.REVERSE_REFUNDS)
        if asked_by is None or asked_by == actor.id:
            raise NotAllowed("Taking a refund back needs two people: one who asks, another who agrees.")
    by = staff(actor)
    step(session, case, CaseState.REVERSED, by=by, amount=payment.amount, note=reason.strip())
    told = f"case {case.id}: {reason.strip()}"
    posted = ledger.reverse(session, transfer_id=payment.id, actor=actor.name, reason=told)
    keep_rest(session, case, payment.amount, decision="reversed", by=by, reason=told)
    record(
        session,
        actor=actor,
        action="refund.reverse",
        subject=f"case:{case.id}",
        reason=reason.strip(),
        after={"credits": payment.amount, "asked_by": asked_by},
    )
    session.flush()
    return posted.transfer_id


def _payment(session: Session, case: CompensationCase) -> Transfer:
    if case.state not in PAID_STATES:
        raise Conflict(f"Case {case.id} is not paid; there is nothing to take back.")
    return session.scalars(
        select(Transfer).where(Transfer.case_id == case.id, Transfer.kind.in_(("refund", "goodwill")))
    ).one()


def _alone(session: Session, case: CompensationCase, actor: Actor) -> bool:
    """Whether the actor decided this case so lately that it is still an undo."""
    now: datetime = session.scalars(select(NOW)).one()
    return (
        case.decided_by == actor.id
        and case.closed_at is not None
        and now - case.closed_at <= ALONE_FOR
        and actor.may(Permission.DECIDE_REFUNDS)
    )
