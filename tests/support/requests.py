"""Who asks for money and who agrees, in the tests of requests."""

from typing import Any
from uuid import uuid4

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.ledger import moves as ledger
from core.money_requests import requests
from core.tables.ledger import Account, Entry
from core.tables.money_requests import MoneyRequest
from tests.support.cases import reviewer
from tests.support.factories import make_customer

# More than one person may grant alone.
LARGE = 500


def ada(session: Session) -> Actor:
    return reviewer(session, "Ada", "admin")


def amir(session: Session) -> Actor:
    return reviewer(session, "Amir", "approver")


def sue(session: Session) -> Actor:
    return reviewer(session, "Sue", "support")


def held(session: Session, customer_id: int) -> int:
    """Credits of the customer's wallet."""
    return ledger.balance(session, customer_id=customer_id)


def give(session: Session, actor: Actor, customer_id: int, amount: int, **changes: Any) -> Any:
    """Grant at once, or ask where a second person is needed."""
    given = {"reason": "fair promotion", "key": uuid4().hex} | changes
    return requests.grant_or_ask(session, actor=actor, customer_id=customer_id, amount=amount, **given)


def a_request(session: Session, customer_id: int | None = None) -> MoneyRequest:
    """Ada has asked for a large grant."""
    request = give(session, ada(session), customer_id or make_customer(session).id, LARGE)
    assert isinstance(request, MoneyRequest)
    return request


def granted(session: Session, customer_id: int, amount: int = 50) -> int:
    """The number of the transfer of a grant."""
    return ledger.grant(
        session, customer_id=customer_id, amount=amount, reason="hello", key=uuid4().hex, actor="Ada"
    ).transfer_id


def take_back(session: Session, transfer_id: int, actor: Actor | None = None, **changes: Any) -> MoneyRequest:
    """Ask for a transfer to be taken back."""
    given = {"reason": "granted to the wrong person", "key": uuid4().hex} | changes
    return requests.ask_reversal(session, actor=actor or ada(session), transfer_id=transfer_id, **given)


def owed(session: Session) -> int:
    """Credits that customers owe after clawbacks."""
    query = (
        select(func.coalesce(func.sum(Entry.amount), 0))
        .join(Account, Account.id == Entry.account_id)
        .where(Account.kind == "clawback")
    )
    return -int(session.scalars(query).one())


def a_day_later(session: Session, request: MoneyRequest) -> None:
    """Let a request grow old, past the guard that keeps its terms."""
    session.execute(text("ALTER TABLE money_request DISABLE TRIGGER money_request_terms_stay"))
    late = {"id": request.id}
    session.execute(
        text("UPDATE money_request SET expires_at = now() - interval '1 second' WHERE id = :id"), late
    )
    session.execute(text("ALTER TABLE money_request ENABLE TRIGGER money_request_terms_stay"))
