"""What time alone does to cases: small ones are paid when nobody decides, others are marked overdue."""

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from core.foundation.clock import NOW
from core.foundation.database import Database
from core.refunds import budgets
from core.refunds.policy import Policy
from core.refunds.reasons import preselected
from core.refunds.steps import CLOCK, SYSTEM, pay, step
from core.refunds.versions import in_force
from core.tables.refund_states import CaseKind, CaseState
from core.tables.refunds import CompensationCase

BATCH = 50
# So many are looked at for one batch: those that a limit refuses must not stand in the way of the others.
LOOK = 1_000


def lapse(database: Database, limit: int = BATCH) -> int:
    """Move the cases whose time is over, at most `limit` of each kind; how many were moved.

    Up to the policy's small limit silence counts for the customer, as far as the limits on automatic refunds
    allow. What is past its last hour is overdue; its credits stay in flight until a person decides.
    """
    paid = _pay_silent(database, limit)
    with database.transaction() as session:
        return paid + _expire(session, limit)


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


def _pay_silent(database: Database, limit: int) -> int:
    with database.transaction() as session:
        _, policy = in_force(session)
        due = session.execute(
            select(CompensationCase.id, CompensationCase.customer_id, CompensationCase.requested)
            .where(*_silent(policy))
            .order_by(CompensationCase.due_at, CompensationCase.id)
            .limit(LOOK)
        ).all()
    paid = 0
    refused: dict[int | None, int] = {}
    for case_id, customer_id, amount in due:
        if paid == limit:
            break
        if amount >= min(refused.get(customer_id, amount + 1), refused.get(None, amount + 1)):
            continue
        # One transaction each: whoever pays two customers at once would hold limits that others wait for.
        with database.transaction() as session:
            over = _pay_one(session, policy, case_id)
        if isinstance(over, budgets.Limit):
            refused[customer_id if over.scope.startswith("customer:") else None] = amount
        paid += over is True
    return paid


def _silent(policy: Policy) -> tuple[ColumnElement[bool], ...]:
    return (
        CompensationCase.closed_at.is_(None),
        CompensationCase.due_at <= NOW,
        CompensationCase.hard_limit_at > NOW,
        CompensationCase.state == CaseState.PENDING,
        CompensationCase.kind == CaseKind.FAILURE,
        CompensationCase.required_approvals == 1,
        CompensationCase.requested <= policy.small_limit,
    )


def _pay_one(session: Session, policy: Policy, case_id: int) -> budgets.Limit | bool:
    """Pay a case that still waits; False when it does not, and the limit that refuses it."""
    case = session.scalars(
        select(CompensationCase)
        .where(CompensationCase.id == case_id, *_silent(policy))
        .with_for_update(key_share=True, skip_locked=True)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if case is None:
        return False
    refused = budgets.spend(session, policy, customer_id=case.customer_id, amount=case.requested)
    if refused is not None:
        return refused
    pay(
        session,
        case,
        CaseState.AUTO_APPROVED,
        amount=case.requested,
        by=CLOCK,
        reason_code=preselected(case.failure_class, approved=True),
        note="nobody decided in time",
    )
    return True


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
