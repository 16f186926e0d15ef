"""What pages show of two-person requests."""

import dataclasses
from datetime import datetime

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session, aliased

from core.access.permissions import Actor
from core.ledger import moves as ledger
from core.money_requests.requests import ANSWERS
from core.tables.access import Staff
from core.tables.customers import Customer
from core.tables.ledger import Transfer
from core.tables.money_requests import MoneyRequest, RequestKind, RequestState
from core.tables.refunds import CompensationCase


@dataclasses.dataclass(frozen=True)
class RequestLine:
    """One request, as it stands now. `moved` says in a sentence why it can no longer be carried out.

    `balance` and `clawback` are of this moment, `seen_balance` and `seen_clawback` of when it was asked for.
    """

    id: int
    kind: RequestKind
    state: RequestState
    customer_id: int
    customer: str
    amount: int
    transfer_id: int | None
    case_id: int | None
    reason: str
    asked_by_id: int
    asked_by: str
    asked_at: datetime
    expires_at: datetime
    answered_by: str | None
    answered_at: datetime | None
    note: str | None
    posted_id: int | None
    balance: int
    clawback: int
    seen_balance: int
    seen_clawback: int
    moved: str | None

    def answerable_by(self, actor: Actor) -> bool:
        """Whether this is for them to answer: not their own, and within their roles."""
        return self.asked_by_id != actor.id and actor.may(ANSWERS[self.kind])


def waiting_requests(session: Session) -> list[RequestLine]:
    """What waits for a second person, the oldest first."""
    now = func.clock_timestamp()
    return _lines(session, MoneyRequest.state == RequestState.WAITING, MoneyRequest.expires_at > now)[::-1]


def past_requests(session: Session, *, limit: int = 50) -> list[RequestLine]:
    """What was answered, withdrawn or has expired, the latest first."""
    over = (MoneyRequest.state != RequestState.WAITING) | (MoneyRequest.expires_at <= func.clock_timestamp())
    return _lines(session, over, limit=limit)


def count_waiting(session: Session, actor: Actor) -> int:
    """How many requests wait for this person's answer."""
    return sum(line.answerable_by(actor) for line in waiting_requests(session))


def _lines(session: Session, *conditions: object, limit: int = 200) -> list[RequestLine]:
    asker, answerer, back = aliased(Staff), aliased(Staff), aliased(Transfer)
    rows = session.execute(
        select(
            MoneyRequest,
            Customer.name,
            asker.name,
            answerer.name,
            back.id,
            CompensationCase.seq,
            MoneyRequest.expires_at <= func.clock_timestamp(),
        )
        .join(Customer, Customer.id == MoneyRequest.customer_id)
        .join(asker, asker.id == MoneyRequest.asked_by)
        .outerjoin(answerer, answerer.id == MoneyRequest.answered_by)
        .outerjoin(back, back.reverses_id == MoneyRequest.transfer_id)
        .outerjoin(CompensationCase, CompensationCase.id == MoneyRequest.case_id)
        .where(*conditions)  # type: ignore[arg-type]
        .order_by(MoneyRequest.id.desc())
        .limit(limit)
    ).all()
    return [_line(session, row) for row in rows]


def _line(session: Session, row: Row[*tuple[object, ...]]) -> RequestLine:
    asked: MoneyRequest
    asked, customer, asker, answerer, reversed_by, seq, late = row  # type: ignore[assignment]
    state = RequestState(asked.state)
    waits = state is RequestState.WAITING
    moved = None
    if waits and reversed_by is not None:
        moved = f"Transfer {asked.transfer_id} was taken back meanwhile."
    elif waits and asked.case_id is not None and seq != asked.seen_seq:
        moved = f"Case {asked.case_id} has moved since this was asked for."
    back = waits and asked.transfer_id is not None
    return RequestLine(
        id=asked.id,
        kind=RequestKind(asked.kind),
        state=RequestState.EXPIRED if waits and late else state,
        customer_id=asked.customer_id,
        customer=str(customer),
        amount=asked.amount,
        transfer_id=asked.transfer_id,
        case_id=asked.case_id,
        reason=asked.reason,
        asked_by_id=asked.asked_by,
        asked_by=str(asker),
        asked_at=asked.asked_at,
        expires_at=asked.expires_at,
        answered_by=answerer,  # type: ignore[arg-type]
        answered_at=asked.answered_at,
        note=asked.note,
        posted_id=asked.posted_id,
        balance=ledger.balance(session, customer_id=asked.customer_id) if waits else 0,
        clawback=ledger.shortfall(session, transfer_id=asked.transfer_id or 0) if back else 0,
        seen_balance=int(asked.preview.get("balance", 0)),
        seen_clawback=int(asked.preview.get("clawback", 0)),
        moved=moved,
    )
