"""What time alone does to cases: small ones are paid when nobody decides, others are marked overdue."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.credits.cases import budgets
from core.credits.cases.models import CompensationCase
from core.credits.cases.reasons import preselected
from core.credits.cases.states import CaseKind, CaseState
from core.credits.cases.steps import CLOCK, NOW, SYSTEM, pay, step
from core.credits.cases.versions import in_force

BATCH = 50


def lapse(session: Session, limit: int = BATCH) -> int:
    """Move the cases whose time is over, at most `limit` of each kind; how many were moved.

    Up to the policy's small limit silence counts for the customer, as far as the limits on automatic refunds
    allow. What is past its last hour is overdue; its credits stay in flight until a person decides.
    """
    return _pay_silent(session, limit) + _expire(session, limit)


def withdraw(session: Session, *, generation_id: int, note: str) -> bool:
    """The picture came after all: close the open case, if there is one, and say whether there was.

    The credits stay in flight: the generation goes on in this transaction, and its end settles them.
    """
    case = session.scalars(
        select(CompensationCase)
        .where(
            CompensationCase.generation_id == generation_id,
            CompensationCase.closed_at.is_(None),
            CompensationCase.kind != CaseKind.GOODWILL,
        )
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if case is None:
        return False
    step(session, case, CaseState.WITHDRAWN, by=SYSTEM, note=note)
    return True


def _pay_silent(session: Session, limit: int) -> int:
    _, policy = in_force(session)
    due = session.scalars(
        select(CompensationCase)
        .where(
            CompensationCase.closed_at.is_(None),
            CompensationCase.due_at <= NOW,
            CompensationCase.hard_limit_at > NOW,
            CompensationCase.state == CaseState.PENDING,
            CompensationCase.kind == CaseKind.FAILURE,
            CompensationCase.required_approvals == 1,
            CompensationCase.requested <= policy.small_limit,
        )
        .order_by(CompensationCase.due_at, CompensationCase.id)
        .limit(limit)
        .with_for_update(key_share=True, skip_locked=True)
    ).all()
    paid = 0
    for case in due:
        if budgets.spend(session, policy, customer_id=case.customer_id, amount=case.requested) is None:
            pay(
                session,
                case,
                CaseState.AUTO_APPROVED,
                amount=case.requested,
                by=CLOCK,
                reason_code=preselected(case.failure_class, approved=True),
                note="nobody decided in time",
            )
            paid += 1
    return paid


def _expire(session: Session, limit: int) -> int:
    late = session.scalars(
        select(CompensationCase)
        .where(
            CompensationCase.state.in_((CaseState.PENDING, CaseState.NEEDS_SECOND)),
            CompensationCase.hard_limit_at <= NOW,
        )
        .order_by(CompensationCase.hard_limit_at, CompensationCase.id)
        .limit(limit)
        .with_for_update(key_share=True, skip_locked=True)
    ).all()
    for case in late:
        # A second person's consent may still come; it begins anew with the next first one.
        case.round += 1
        step(session, case, CaseState.EXPIRED, by=CLOCK, note="past its last hour")
    return len(late)
