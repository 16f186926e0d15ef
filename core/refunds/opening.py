"""Cases begin here: in the transaction that ends a charged generation without an avatar, or by staff."""

import dataclasses

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.access.permissions import Actor, Permission, require
from core.access.staff import record
from core.classification.taxonomy import FailureClass, facts
from core.foundation.clock import NOW
from core.foundation.errors import Conflict, InvalidInput, NotFound
from core.refunds import budgets
from core.refunds.policy import CaseFacts, Outcome, Policy, Verdict, decide
from core.refunds.reasons import preselected
from core.refunds.steps import POLICY, keep_rest, later, pay, staff, step
from core.refunds.versions import in_force
from core.tables.generation import Generation
from core.tables.ledger import Charge
from core.tables.refund_states import CaseKind, CaseState
from core.tables.refunds import CompensationCase, PolicyDecision

HISTORY_DAYS = 30
UNSUCCESSFUL = ("failed", "canceled")


def open_failure(
    session: Session, *, generation_id: int, failure_class: FailureClass, fingerprint: str | None
) -> CompensationCase:
    """Open the case of a generation that failed, and let the policy decide it at once."""
    return _open(session, CaseKind.FAILURE, generation_id, failure_class, fingerprint)


def open_cancel(session: Session, *, generation_id: int) -> CompensationCase:
    """Open the case of a generation that staff stopped; no limit holds its credits back."""
    return _open(session, CaseKind.CANCEL, generation_id, FailureClass.CANCELED, None)


def open_goodwill(
    session: Session, *, actor: Actor, generation_id: int, amount: int, note: str, key: str
) -> CompensationCase:
    """Ask to give back some or all of a delivered avatar's price. `key` is made once per form.

    Raises NotAllowed, InvalidInput (amount, note), NotFound (not charged), and Conflict when it was not
    delivered, when a case is open already, or when so much was given back before.
    """
    require(actor, Permission.DECIDE_REFUNDS)
    if not note.strip():
        raise InvalidInput("Say in a note what was wrong with the avatar.")
    charge = session.get(Charge, generation_id, with_for_update={"key_share": True}, populate_existing=True)
    if charge is None:
        raise NotFound(f"Generation {generation_id} was never charged.")
    cause = f"goodwill:{generation_id}:{key}"
    first = session.scalars(select(CompensationCase).where(CompensationCase.cause_key == cause)).one_or_none()
    if first is not None:
        return first
    _check_goodwill(session, charge, amount)
    number, policy = in_force(session)
    seen = _look(session, CaseKind.GOODWILL, charge, amount, None)
    verdict = decide(policy, seen)
    case = _write(session, cause, charge, seen, verdict, (number, policy))
    # Whatever the rules say, goodwill is never paid without a person.
    _note(session, case, number, seen, dataclasses.replace(verdict, outcome=Outcome.REVIEW))
    step(session, case, CaseState.PENDING, by=staff(actor), note=note.strip())
    record(
        session,
        actor=actor,
        action="refund.goodwill",
        subject=f"case:{case.id}",
        reason=note.strip(),
        after={"generation": generation_id, "credits": amount},
    )
    session.flush()
    return case


def history(session: Session, customer_id: int) -> tuple[int, float]:
    """How often credits came back to a customer in the last 30 days, and the share of what was charged."""
    since = func.now() - later(24 * HISTORY_DAYS)
    refunds, paid = session.execute(
        select(func.count(), func.coalesce(func.sum(CompensationCase.amount), 0)).where(
            CompensationCase.customer_id == customer_id,
            CompensationCase.opened_at >= since,
            CompensationCase.state.in_((CaseState.APPROVED, CaseState.AUTO_APPROVED)),
            CompensationCase.kind != CaseKind.CANCEL,
        )
    ).one()
    spent = session.scalar(
        select(func.coalesce(func.sum(Charge.amount), 0)).where(
            Charge.customer_id == customer_id, Charge.created_at >= since
        )
    )
    return int(refunds), (float(paid or 0) / float(spent) if spent else 0.0)


def _open(
    session: Session,
    kind: CaseKind,
    generation_id: int,
    failure_class: FailureClass,
    fingerprint: str | None,
) -> CompensationCase:
    charge = session.get_one(Charge, generation_id)
    number, policy = in_force(session)
    seen = _look(session, kind, charge, charge.amount, failure_class)
    verdict = decide(policy, seen)
    case = _write(session, _cause(session, kind, generation_id), charge, seen, verdict, (number, policy))
    case.fingerprint = fingerprint
    if verdict.outcome is Outcome.AUTO and kind is not CaseKind.CANCEL:
        verdict = _within_limits(session, policy, case, verdict)
    _note(session, case, number, seen, verdict)
    _follow(session, case, verdict, preselected(failure_class, approved=True))
    return case


def _cause(session: Session, kind: CaseKind, generation_id: int) -> str:
    """What a case is about; the same end of a generation never has two. A second end has a number."""
    withdrawn = session.scalar(
        select(func.count()).where(
            CompensationCase.generation_id == generation_id, CompensationCase.state == CaseState.WITHDRAWN
        )
    )
    return f"{kind}:{generation_id}" + (f":{withdrawn + 1}" if withdrawn else "")


def _look(
    session: Session, kind: CaseKind, charge: Charge, amount: int, failure_class: FailureClass | None
) -> CaseFacts:
    refunds, share = history(session, charge.customer_id)
    fault = facts(failure_class).fault if failure_class else None
    return CaseFacts(kind, failure_class, fault, amount, refunds, share)


def _write(
    session: Session,
    cause: str,
    charge: Charge,
    seen: CaseFacts,
    verdict: Verdict,
    force: tuple[int, Policy],
) -> CompensationCase:
    number, policy = force
    case = CompensationCase(
        kind=seen.kind,
        cause_key=cause,
        generation_id=charge.generation_id,
        customer_id=charge.customer_id,
        failure_class=seen.failure_class,
        requested=seen.amount,
        required_approvals=2 if verdict.second_person else 1,
        state=CaseState.NEW,
        seq=0,
        policy_version=number,
        rule=verdict.rule,
        why=verdict.why,
        due_at=NOW + later(verdict.due_hours),
        hard_limit_at=NOW + later(policy.hard_limit_hours),
    )
    session.add(case)
    session.flush()
    return case


def _within_limits(session: Session, policy: Policy, case: CompensationCase, verdict: Verdict) -> Verdict:
    """The verdict, or a person's look where an automatic refund would go over a limit."""
    refused = budgets.spend(session, policy, customer_id=case.customer_id, amount=case.requested)
    if refused is None:
        return verdict
    why = (
        f"{verdict.why} It would be paid at once, but the limit {refused.title} is reached "
        f"({refused.refunds:,} refunds, {refused.credits:,} credits)."
    )
    case.rule, case.why = f"limit {refused.title}", why
    return dataclasses.replace(verdict, outcome=Outcome.REVIEW, rule=case.rule, why=why)


def _note(session: Session, case: CompensationCase, number: int, seen: CaseFacts, verdict: Verdict) -> None:
    session.add(
        PolicyDecision(
            case_id=case.id,
            version=number,
            inputs=dataclasses.asdict(seen),
            rule=verdict.rule,
            outcome=verdict.outcome,
            why=verdict.why,
        )
    )


def _follow(session: Session, case: CompensationCase, verdict: Verdict, reason_code: str) -> None:
    """Do what the verdict says: pay, keep, or leave it to a person."""
    if verdict.outcome is Outcome.AUTO:
        pay(
            session,
            case,
            CaseState.AUTO_APPROVED,
            amount=case.requested,
            by=POLICY,
            reason_code=reason_code,
            note=verdict.rule,
        )
    elif verdict.outcome is Outcome.DENY:
        code = preselected(case.failure_class, approved=False)
        step(session, case, CaseState.DENIED, by=POLICY, reason_code=code, note=verdict.rule)
        keep_rest(
            session,
            case,
            case.requested,
            decision=str(case.round),
            by=POLICY,
            reason=f"case {case.id}: {code}",
        )
    else:
        step(session, case, CaseState.PENDING, by=POLICY, note=verdict.rule)


def _check_goodwill(session: Session, charge: Charge, amount: int) -> None:
    left = charge.amount - charge.refunded - charge.goodwill
    generation = session.get_one(Generation, charge.generation_id, populate_existing=True)
    if generation.state in UNSUCCESSFUL:
        raise Conflict(
            f"Generation {charge.generation_id} has no avatar; what it cost is decided in its own case."
        )
    if charge.captured + charge.refunded < charge.amount:
        raise Conflict(f"Generation {charge.generation_id} is not settled yet; its own case decides.")
    if type(amount) is not int or not 1 <= amount <= charge.amount:
        raise InvalidInput(f"Goodwill is a whole number of credits from 1 to {charge.amount}, the price.")
    if amount > left:
        raise Conflict(
            f"Generation {charge.generation_id} cost {charge.amount} credits, of which "
            f"{charge.amount - left} came back already; at most {left} can still be given."
        )
    waiting = select(CompensationCase.id).where(
        CompensationCase.generation_id == charge.generation_id, CompensationCase.closed_at.is_(None)
    )
    if (number := session.scalar(waiting)) is not None:
        raise Conflict(f"Case {number} of this generation is open already. Decide that one first.")
