"""What reviewers do with a case: approve, send to a second person, send back, deny, appeal."""

import dataclasses

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.access.permissions import Actor, Permission, require
from core.access.staff import record
from core.foundation.clock import NOW
from core.foundation.errors import Conflict, InvalidInput
from core.ledger import moves as ledger
from core.refunds.doubles import sample
from core.refunds.reasons import REASONS
from core.refunds.steps import keep_rest, later, locked, pay, require_open, staff, step
from core.refunds.versions import in_force
from core.tables.access import Staff
from core.tables.ledger import Transfer
from core.tables.refund_states import CaseKind, CaseState
from core.tables.refunds import CaseApproval, CaseLog, CompensationCase


@dataclasses.dataclass(frozen=True)
class Decided:
    """Where a decision led. `transfer_id` and `balance` (credits) are told where credits came back."""

    case_id: int
    state: CaseState
    amount: int | None = None
    transfer_id: int | None = None
    balance: int | None = None


def approve(
    session: Session,
    *,
    actor: Actor,
    case_id: int,
    seen_seq: int,
    amount: int,
    reason_code: str,
    note: str | None = None,
) -> Decided:
    """Agree to pay `amount` credits. One person is enough unless the policy asks for two; then the lower of
    the two amounts is paid.

    Raises NotAllowed, InvalidInput (amount, reason), NotFound, and Conflict for an old screen, a decided
    case, somebody else's claim, or the same person twice.
    """
    case = _taken(session, actor, case_id, seen_seq)
    if case.state == CaseState.NEEDS_SECOND:
        require(actor, Permission.SECOND_REFUNDS)
    _check(case, amount, reason_code, approved=True)
    if _over_for_one(session, case, actor, amount):
        case.required_approvals = 2
    amounts = _consent(session, case, actor, amount)
    if len(amounts) < case.required_approvals:
        return _to_second(session, case, actor, amount, reason_code, note)
    lower = min(amounts)
    transfer_id = pay(
        session, case, CaseState.APPROVED, amount=lower, by=staff(actor), reason_code=reason_code, note=note
    )
    _close(session, case, actor, "refund.approve", reason_code, note, lower)
    balance = ledger.balance(session, customer_id=case.customer_id)
    return Decided(case.id, CaseState.APPROVED, lower, transfer_id, balance)


def send_to_second(
    session: Session,
    *,
    actor: Actor,
    case_id: int,
    seen_seq: int,
    amount: int,
    reason_code: str,
    note: str | None = None,
) -> Decided:
    """Agree to an amount, and ask a second person although the policy does not. Raises as `approve` does."""
    case = _taken(session, actor, case_id, seen_seq)
    if case.state == CaseState.NEEDS_SECOND:
        raise Conflict(f"Case {case_id} waits for a second person already.")
    _check(case, amount, reason_code, approved=True)
    case.required_approvals = 2
    _consent(session, case, actor, amount)
    return _to_second(session, case, actor, amount, reason_code, note)


def deny(
    session: Session, *, actor: Actor, case_id: int, seen_seq: int, reason_code: str, note: str | None = None
) -> Decided:
    """Keep the credits; the customer may appeal. Raises as `approve` does."""
    case = _taken(session, actor, case_id, seen_seq)
    if case.state == CaseState.NEEDS_SECOND:
        require(actor, Permission.SECOND_REFUNDS)
        _other_than_first(session, case, actor)
    _check(case, case.requested, reason_code, approved=False)
    by = staff(actor)
    step(session, case, CaseState.DENIED, by=by, reason_code=reason_code, note=note)
    reason = f"case {case.id}: {reason_code}"
    keep_rest(session, case, case.requested, decision=str(case.round), by=by, reason=reason)
    _close(session, case, actor, "refund.deny", reason_code, note, None)
    return Decided(case.id, CaseState.DENIED)


def send_back(session: Session, *, actor: Actor, case_id: int, seen_seq: int, note: str) -> Decided:
    """As the second person, hand a case back to the first with a question; consents so far count no more."""
    case = _taken(session, actor, case_id, seen_seq)
    if case.state != CaseState.NEEDS_SECOND:
        raise Conflict(f"Case {case_id} does not wait for a second person.")
    require(actor, Permission.SECOND_REFUNDS)
    if not note.strip():
        raise InvalidInput("Say in a note what the first reviewer should look at.")
    case.round += 1
    step(session, case, CaseState.PENDING, by=staff(actor), note=note.strip())
    return Decided(case.id, CaseState.PENDING)


def appeal(session: Session, *, actor: Actor, case_id: int, seen_seq: int, note: str) -> Decided:
    """Open a denied case again; what was kept is in flight once more. Never by whoever denied it.

    Raises NotAllowed, InvalidInput (note), NotFound, and Conflict (old screen, not denied, the decider).
    """
    require(actor, Permission.DECIDE_REFUNDS)
    case = locked(session, case_id, seen_seq=seen_seq)
    if case.state != CaseState.DENIED:
        raise Conflict(f"Case {case_id} was not denied; there is nothing to appeal.")
    if case.decided_by == actor.id:
        raise Conflict("You denied this case yourself. Another reviewer must take the appeal.")
    if not note.strip():
        raise InvalidInput("Say in a note what speaks for looking again.")
    _no_other_open(session, case)
    _, policy = in_force(session)
    kept = session.scalar(select(Transfer.id).where(Transfer.key == f"capture:case:{case.id}:{case.round}"))
    case.round += 1
    case.due_at, case.hard_limit_at = NOW + later(policy.due_hours), NOW + later(policy.hard_limit_hours)
    step(session, case, CaseState.PENDING, by=staff(actor), note=note.strip())
    if kept is not None:
        ledger.reverse(session, transfer_id=kept, actor=actor.name, reason=f"case {case.id}: appeal")
    record(session, actor=actor, action="refund.appeal", subject=f"case:{case.id}", reason=note.strip())
    return Decided(case.id, CaseState.PENDING)


def _no_other_open(session: Session, case: CompensationCase) -> None:
    """Goodwill may have been asked for anew since the first wish was denied."""
    waiting = select(CompensationCase.id).where(
        CompensationCase.generation_id == case.generation_id, CompensationCase.closed_at.is_(None)
    )
    if (number := session.scalar(waiting)) is not None:
        raise Conflict(f"Case {number} of the same generation is open already. Decide that one first.")


def check_decision(
    session: Session,
    *,
    actor: Actor,
    case_id: int,
    seen_seq: int,
    amount: int,
    reason_code: str,
    approved: bool,
) -> None:
    """Raises what deciding so would raise now; changes nothing."""
    case = _taken(session, actor, case_id, seen_seq)
    _check(case, amount, reason_code, approved=approved)
    if case.state == CaseState.NEEDS_SECOND:
        require(actor, Permission.SECOND_REFUNDS)
        _other_than_first(session, case, actor)


def _taken(session: Session, actor: Actor, case_id: int, seen_seq: int) -> CompensationCase:
    """The open case, held; refused while another reviewer's claim on it lasts."""
    require(actor, Permission.DECIDE_REFUNDS)
    case = locked(session, case_id, seen_seq=seen_seq)
    require_open(session, case)
    holder = session.scalar(
        select(Staff.name)
        .join(CompensationCase, CompensationCase.claimed_by == Staff.id)
        .where(CompensationCase.id == case_id, CompensationCase.claim_until > NOW, Staff.id != actor.id)
    )
    if holder is not None:
        raise Conflict(f"{holder} is working on case {case_id} until {case.claim_until:%H:%M} UTC.")
    return case


def _check(case: CompensationCase, amount: int, reason_code: str, *, approved: bool) -> None:
    if type(amount) is not int or not 1 <= amount <= case.requested:
        raise InvalidInput(f"The amount is a whole number of credits from 1 to {case.requested}.")
    if reason_code not in REASONS or REASONS[reason_code].approves != approved:
        raise InvalidInput("Choose a reason for this decision.")


def _over_for_one(session: Session, case: CompensationCase, actor: Actor, amount: int) -> bool:
    """Whether one person would pay this customer more within a day than one person may."""
    _, policy = in_force(session)
    before = session.scalar(
        select(func.coalesce(func.sum(CaseLog.amount), 0))
        .join(CompensationCase, CompensationCase.id == CaseLog.case_id)
        .where(
            CaseLog.staff_id == actor.id,
            CaseLog.to_state == CaseState.APPROVED,
            CaseLog.at > NOW - later(24),
            CompensationCase.customer_id == case.customer_id,
        )
    )
    return int(before or 0) + amount > policy.second_over


def _consent(session: Session, case: CompensationCase, actor: Actor, amount: int) -> list[int]:
    """Note one person's consent; the amounts of all in this round. The same person never counts twice."""
    noted = session.execute(
        insert(CaseApproval)
        .values(case_id=case.id, round=case.round, staff_id=actor.id, amount=amount)
        .on_conflict_do_nothing()
        .returning(CaseApproval.amount)
    ).first()
    if noted is None:
        raise Conflict("You have agreed to this case already. A second, different person must agree too.")
    return list(
        session.scalars(
            select(CaseApproval.amount).where(
                CaseApproval.case_id == case.id, CaseApproval.round == case.round
            )
        )
    )


def _other_than_first(session: Session, case: CompensationCase, actor: Actor) -> None:
    if session.get(CaseApproval, (case.id, case.round, actor.id)) is not None:
        raise Conflict("You have decided on this case already. A second, different person must decide.")


def _to_second(
    session: Session, case: CompensationCase, actor: Actor, amount: int, reason_code: str, note: str | None
) -> Decided:
    step(
        session,
        case,
        CaseState.NEEDS_SECOND,
        by=staff(actor),
        amount=amount,
        reason_code=reason_code,
        note=note,
    )
    record(
        session,
        actor=actor,
        action="refund.first",
        subject=f"case:{case.id}",
        reason=reason_code,
        after={"credits": amount},
    )
    return Decided(case.id, CaseState.NEEDS_SECOND, amount)


def _close(
    session: Session,
    case: CompensationCase,
    actor: Actor,
    action: str,
    reason_code: str,
    note: str | None,
    amount: int | None,
) -> None:
    case.decided_by = actor.id
    sample(session, case)
    record(
        session,
        actor=actor,
        action=action,
        subject=f"case:{case.id}",
        reason=f"{reason_code}: {note}" if note else reason_code,
        after={"credits": amount or 0, "kind": CaseKind(case.kind)},
    )
    session.flush()
