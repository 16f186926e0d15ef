"""Customers with credits, and generations that are charged and ended, for tests of money."""

import uuid

from sqlalchemy.orm import Session

from core.classification.taxonomy import FailureClass
from core.ledger import moves as ledger
from core.refunds import opening
from core.tables.customers import Customer
from core.tables.generation import Generation
from tests.support.factories import NOON, make_customer, make_generation


def rich(session: Session, credits_held: int = 100, *, name: str = "Ada") -> Customer:
    """A customer whose wallet holds that many credits."""
    customer = make_customer(session, name=name)
    ledger.grant(
        session,
        customer_id=customer.id,
        amount=credits_held,
        reason="welcome",
        key=uuid.uuid4().hex,
        actor="Sam",
    )
    return customer


def charged(session: Session, customer: Customer, price: int = 10) -> int:
    """A queued generation that the customer was charged for."""
    generation = make_generation(session, customer=customer, credits=price)
    ledger.charge(session, generation_id=generation.id, customer_id=customer.id, amount=price, actor="Sam")
    return generation.id


def ended(session: Session, generation_id: int, state: str) -> int:
    """End a generation, and move its credits to where that end wants them."""
    generation = session.get_one(Generation, generation_id)
    generation.state, generation.finished_at = state, NOON
    if state == "failed":
        generation.failure_class, generation.failure_message = "timeout", "It took too long."
    if state == "failed":
        opening.open_failure(
            session, generation_id=generation_id, failure_class=FailureClass.TIMEOUT, fingerprint=None
        )
    elif state == "succeeded":
        ledger.capture(session, generation_id=generation_id, actor="worker")
    else:
        opening.open_cancel(session, generation_id=generation_id)
    session.flush()
    return generation_id
