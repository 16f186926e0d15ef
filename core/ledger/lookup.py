"""Finding whatever a number or text stands for in the ledger: generation, case, transfer, key or customer."""

import dataclasses
import enum
import re

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.customers.directory import find_customers
from core.foundation.database import LARGEST_ID
from core.foundation.wording import count
from core.tables.customers import Customer
from core.tables.ledger import Charge, Transfer
from core.tables.refunds import CompensationCase

# "case 12", "no. 12", "#12" or the number alone.
NUMBERED = re.compile(
    r"^(?:(generation|case|transfer|customer)\s*)?(?:no\.?|#)?\s*(\d{1,19})$", re.IGNORECASE
)
MOST_CUSTOMERS = 10


class Found(enum.StrEnum):
    """What was found; the page's address names it so."""

    GENERATION = "generation"
    CASE = "case"
    TRANSFER = "transfer"
    CUSTOMER = "customer"


@dataclasses.dataclass(frozen=True)
class Hit:
    """One thing that the text may stand for. A case leads to its generation's trace: `generation_id`."""

    what: Found
    id: int
    title: str
    generation_id: int | None = None


def look_up(session: Session, text: str) -> list[Hit]:
    """All that a text stands for, the likeliest first: a number may be several things at once."""
    words = text.strip()
    if not words:
        return []
    if (match := NUMBERED.match(words)) and int(match[2]) <= LARGEST_ID:
        if match[1]:
            return [hit for hit in _numbered(session, int(match[2])) if hit.what == match[1].lower()]
        # Digits are in many references: only the whole one is meant.
        called = session.scalars(select(Customer).where(Customer.reference == words.lower())).all()
        hits = _numbered(session, int(match[2]))
        return hits + [_customer(each) for each in called if _customer(each) not in hits]
    by_key = session.scalars(select(Transfer).where(Transfer.key == words)).one_or_none()
    return [_transfer(by_key)] if by_key else _named(session, words)


def _numbered(session: Session, number: int) -> list[Hit]:
    hits = []
    if charge := session.get(Charge, number):
        title = f"Generation {number:,}: {count(charge.amount, 'credit')} charged"
        hits.append(Hit(Found.GENERATION, number, title, number))
    if case := session.get(CompensationCase, number):
        credits_ = count(case.amount or case.requested, "credit")
        title = f"Case {number:,}: {credits_} of generation {case.generation_id:,}"
        hits.append(Hit(Found.CASE, number, title, case.generation_id))
    if transfer := session.get(Transfer, number):
        hits.append(_transfer(transfer))
    if customer := session.get(Customer, number):
        hits.append(_customer(customer))
    return hits


def _named(session: Session, words: str) -> list[Hit]:
    people = find_customers(session, words, limit=MOST_CUSTOMERS)
    # Who is called exactly so is meant.
    exact = [customer for customer in people if customer.reference == words.lower()]
    return [_customer(customer) for customer in exact or people]


def _transfer(transfer: Transfer) -> Hit:
    title = f"Transfer {transfer.id:,}: {transfer.kind} of {count(transfer.amount, 'credit')}"
    return Hit(Found.TRANSFER, transfer.id, title, transfer.generation_id)


def _customer(customer: Customer) -> Hit:
    return Hit(Found.CUSTOMER, customer.id, f"{customer.name} ({customer.reference})")
