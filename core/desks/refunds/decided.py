"""Cases that are decided: found by search, and what a reviewer decided a moment ago."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select, tuple_
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.desks.refunds.queue import Place
from core.desks.refunds.queue_filters import found_by
from core.tables.access import Staff
from core.tables.customers import Customer
from core.tables.ledger import Transfer
from core.tables.refund_states import CaseKind, CaseState
from core.tables.refunds import CaseLog, CompensationCase, CustomerReceipt, DoubleReview

Case = CompensationCase
LATELY = timedelta(minutes=10)
DECISIONS = (CaseState.APPROVED, CaseState.DENIED, CaseState.NEEDS_SECOND, CaseState.REVERSED)


@dataclasses.dataclass(frozen=True)
class DecidedRow:
    """One decided case; `amount` is what was paid, `decided_by` None for policy and clock."""

    id: int
    generation_id: int
    state: CaseState
    kind: CaseKind
    failure_class: str | None
    customer: str
    requested: int
    amount: int | None
    decided_by: str | None
    closed_at: datetime

    @property
    def place(self) -> Place:
        return Place(self.closed_at, self.id)


@dataclasses.dataclass(frozen=True)
class Lately:
    """What became of a decision: the ledger's line and, where credits moved, the wallet after it."""

    case_id: int
    state: CaseState
    amount: int | None
    transfer_id: int | None
    balance: int | None
    at: datetime


@dataclasses.dataclass(frozen=True)
class SecondLook:
    """A decided case that waits for a blind second opinion."""

    case_id: int
    sampled_at: datetime


def decided_page(
    session: Session,
    *,
    search: str = "",
    states: Sequence[CaseState] = (),
    decided_by: int | None = None,
    after: Place | None = None,
    limit: int = 20,
) -> tuple[Sequence[DecidedRow], Place | None]:
    """Decided cases, the newest first, and where the next page begins."""
    conditions: list[ColumnElement[bool]] = [Case.closed_at.is_not(None)]
    if search.strip():
        conditions.append(found_by(search.strip()))
    if states:
        conditions.append(Case.state.in_(states))
    if decided_by is not None:
        conditions.append(Case.decided_by == decided_by)
    if after:
        conditions.append(tuple_(Case.closed_at, Case.id) < (after.due_at, after.id))
    picked = (
        select(Case.id)
        .where(*conditions)
        .order_by(Case.closed_at.desc(), Case.id.desc())
        .limit(limit + 1)
        .subquery()
    )
    found = session.execute(
        select(Case, Customer.name, Staff.name)
        .join(picked, picked.c.id == Case.id)
        .join(Customer, Customer.id == Case.customer_id)
        .join(Staff, Staff.id == Case.decided_by, isouter=True)
        .order_by(Case.closed_at.desc(), Case.id.desc())
        .execution_options(populate_existing=True)
    ).all()
    rows = [_row(case, customer, name) for case, customer, name in found[:limit]]
    return rows, rows[-1].place if len(found) > limit else None


def lately(session: Session, *, actor: Actor, limit: int = 3) -> list[Lately]:
    """A reviewer's own decisions of the last ten minutes, the newest first."""
    moves = session.scalars(
        select(CaseLog)
        .where(
            CaseLog.staff_id == actor.id,
            CaseLog.at > func.now() - LATELY,
            CaseLog.to_state.in_(DECISIONS),
        )
        .order_by(CaseLog.at.desc())
        .limit(limit)
    ).all()
    return [_lately(session, move) for move in moves]


def second_looks(session: Session, *, actor: Actor, limit: int = 20) -> list[SecondLook]:
    """Decisions of others that a second reviewer should look at, the oldest first."""
    rows = session.scalars(
        select(DoubleReview)
        .where(DoubleReview.second_staff_id.is_(None), DoubleReview.first_staff_id != actor.id)
        .order_by(DoubleReview.sampled_at)
        .limit(limit)
    )
    return [SecondLook(row.case_id, row.sampled_at) for row in rows]


def _lately(session: Session, move: CaseLog) -> Lately:
    line = session.execute(
        select(Transfer.id, CustomerReceipt.balance_after)
        .join(CustomerReceipt, CustomerReceipt.transfer_id == Transfer.id, isouter=True)
        .where(Transfer.case_id == move.case_id, Transfer.kind.in_(MOVES[CaseState(move.to_state)]))
        .order_by(Transfer.id.desc())
        .limit(1)
    ).first()
    return Lately(
        case_id=move.case_id,
        state=CaseState(move.to_state),
        amount=move.amount,
        transfer_id=line.id if line else None,
        balance=line.balance_after if line else None,
        at=move.at,
    )


# Which transfer of a case a decision is known by; none where a second person is asked first.
MOVES: dict[CaseState, tuple[str, ...]] = {
    CaseState.APPROVED: ("refund", "goodwill"),
    CaseState.DENIED: ("capture",),
    CaseState.REVERSED: ("reversal",),
    CaseState.NEEDS_SECOND: (),
}


def _row(case: CompensationCase, customer: str, name: str | None) -> DecidedRow:
    return DecidedRow(
        id=case.id,
        generation_id=case.generation_id,
        state=CaseState(case.state),
        kind=CaseKind(case.kind),
        failure_class=case.failure_class,
        customer=customer,
        requested=case.requested,
        amount=case.amount,
        decided_by=name,
        closed_at=case.closed_at or case.opened_at,
    )
