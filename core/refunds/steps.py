"""The moves of a case: locked, logged, and paid in the same transaction."""

import dataclasses
from datetime import timedelta
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.foundation.clock import NOW
from core.foundation.errors import Conflict, NotFound
from core.ledger import moves as ledger
from core.refunds.reasons import customer_sentence
from core.tables.ledger import Entry
from core.tables.refund_states import OPEN_STATES, STATE_TITLES, CaseKind, CaseState
from core.tables.refunds import CaseLog, CompensationCase, CustomerReceipt


@dataclasses.dataclass(frozen=True)
class By:
    """Who moves a case."""

    kind: Literal["policy", "staff", "clock", "system"]
    name: str
    staff_id: int | None = None


POLICY = By("policy", "policy")
CLOCK = By("clock", "clock")
SYSTEM = By("system", "system")


def staff(actor: Actor) -> By:
    """The staff member as the one who moves."""
    return By("staff", actor.name, actor.id)


def locked(session: Session, case_id: int, *, seen_seq: int | None = None) -> CompensationCase:
    """The case, held until the transaction ends. `seen_seq` is the one that the click was made on.

    Raises NotFound, and Conflict, which names who moved it, when the screen is older than the case.
    """
    case = session.get(CompensationCase, case_id, with_for_update={"key_share": True}, populate_existing=True)
    if case is None:
        raise NotFound(f"There is no case {case_id}.")
    if seen_seq is not None and seen_seq != case.seq:
        raise Conflict(f"{_last_move(session, case)} The screen was older than that; it is redrawn.")
    return case


def require_open(session: Session, case: CompensationCase) -> None:
    """Raises Conflict, which names who decided, when nothing is left to decide."""
    if case.state not in OPEN_STATES:
        raise Conflict(_last_move(session, case))


def step(
    session: Session,
    case: CompensationCase,
    to: CaseState,
    *,
    by: By,
    amount: int | None = None,
    reason_code: str | None = None,
    note: str | None = None,
) -> None:
    """Log one move and make it. The database refuses what no edge allows."""
    session.add(
        CaseLog(
            case_id=case.id,
            seq=case.seq + 1,
            from_state=case.state,
            to_state=to,
            actor_kind=by.kind,
            actor=by.name,
            staff_id=by.staff_id,
            amount=amount,
            reason_code=reason_code,
            note=note,
        )
    )
    case.seq += 1
    case.state = to
    case.closed_at = None if to in OPEN_STATES else NOW
    case.claimed_by = case.claim_until = None
    if reason_code:
        case.reason_code = reason_code
    session.flush()


def pay(
    session: Session,
    case: CompensationCase,
    to: CaseState,
    *,
    amount: int,
    by: By,
    reason_code: str,
    note: str | None = None,
) -> int:
    """Pay a case, keep what is left of its charge, write the receipt; returns the transfer's number."""
    # Decided first: the ledger pays what the case says.
    case.amount = amount
    step(session, case, to, by=by, amount=amount, reason_code=reason_code, note=note)
    reason = f"case {case.id}: {reason_code}" + (f", {note}" if note else "")
    transfer = {
        "case_id": case.id,
        "generation_id": case.generation_id,
        "amount": amount,
        "actor": by.name,
        "reason": reason,
    }
    if case.kind == CaseKind.GOODWILL:
        posted = ledger.goodwill(session, **transfer)  # type: ignore[arg-type]
    else:
        posted = ledger.refund(session, **transfer)  # type: ignore[arg-type]
    keep_rest(session, case, case.requested - amount, decision=str(case.round), by=by, reason=reason)
    _write_receipt(session, case, posted.transfer_id, amount, reason_code)
    return posted.transfer_id


def keep_rest(
    session: Session, case: CompensationCase, amount: int, *, decision: str, by: By, reason: str
) -> None:
    """Keep credits of a charge that a decision does not give back; goodwill has none in flight."""
    if amount and case.kind != CaseKind.GOODWILL:
        ledger.keep(
            session,
            case_id=case.id,
            decision=decision,
            generation_id=case.generation_id,
            amount=amount,
            actor=by.name,
            reason=reason,
        )


def later(hours: float) -> timedelta:
    """A time span of a policy."""
    return timedelta(hours=hours)


def _write_receipt(
    session: Session, case: CompensationCase, transfer_id: int, amount: int, reason_code: str
) -> None:
    entry = session.scalars(
        select(Entry).where(Entry.transfer_id == transfer_id, Entry.version.is_not(None))
    ).one()
    session.add(
        CustomerReceipt(
            transfer_id=transfer_id,
            case_id=case.id,
            customer_id=case.customer_id,
            sentence=customer_sentence(
                reason_code, approved=True, amount=amount, balance=entry.balance_after
            ),
            amount=amount,
            balance_after=entry.balance_after,
            entry_hash=entry.hash,
        )
    )
    session.flush()


def _last_move(session: Session, case: CompensationCase) -> str:
    line = session.get_one(CaseLog, (case.id, case.seq))
    what = STATE_TITLES[CaseState(line.to_state)].lower()
    return f"{line.actor} moved case {case.id} to “{what}” at {line.at:%H:%M} UTC."
