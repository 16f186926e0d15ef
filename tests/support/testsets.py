"""Test sets of people who agreed to it."""

from collections.abc import Sequence

from sqlalchemy import func
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.tables.customers import Customer
from core.tables.images import StoredSelfie
from core.tables.testsets import TestSetVersion
from core.testsets.sets import Member, create_set
from tests.support.factories import make_customer, make_selfie


def consenting(session: Session, actor: Actor, *, name: str = "Ada") -> Customer:
    """A customer who agreed to tests."""
    customer = make_customer(session, name=name)
    agree(session, actor, customer)
    return customer


def agree(session: Session, actor: Actor, customer: Customer) -> None:
    customer.test_consent_at, customer.test_consent_by = func.now(), actor.id
    session.flush()


def make_selfies(session: Session, actor: Actor, number: int) -> list[StoredSelfie]:
    """Rows of selfies, each of another customer who agreed; nothing lies in the object store."""
    return [
        make_selfie(session, customer=consenting(session, actor, name=f"Person {n}")) for n in range(number)
    ]


def make_set(
    session: Session, actor: Actor, selfies: Sequence[StoredSelfie], *, name: str = "Faces"
) -> TestSetVersion:
    return create_set(session, actor=actor, name=name, members=[Member(each.id) for each in selfies])
