"""Rows for tests, with keyword defaults; every one is written and flushed, none committed."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.tables.access import Staff
from core.tables.customers import Customer
from core.tables.generation import Generation
from core.tables.images import StoredSelfie

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
# A search for a name or a number finds no reference made by chance: hexadecimals do spell "Ada" and "100".
CONSONANTS = str.maketrans("0123456789abcdef", "bcdfghjklmnpqrst")


def make_customer(session: Session, *, name: str = "Ada", reference: str | None = None) -> Customer:
    """A customer without a wallet."""
    customer = _customer(name, reference)
    session.add(customer)
    session.flush()
    return customer


def _customer(name: str, reference: str | None) -> Customer:
    return Customer(name=name, reference=reference or f"x-{uuid.uuid4().hex.translate(CONSONANTS)}")


def make_staff(
    session: Session, *, name: str = "Sam", email: str | None = None, roles: Sequence[str] = ("admin",)
) -> Staff:
    """A staff member; an admin unless told otherwise."""
    staff = Staff(name=name, email=email or f"{uuid.uuid4().hex}@desk.test", roles=list(roles))
    session.add(staff)
    session.flush()
    return staff


def make_selfie(session: Session, *, customer: Customer | None = None, **columns: Any) -> StoredSelfie:
    """The row of a normalised selfie; nothing lies in the object store."""
    selfie = _selfie((customer or make_customer(session)).id, **columns)
    session.add(selfie)
    session.flush()
    return selfie


def _selfie(customer_id: int, **columns: Any) -> StoredSelfie:
    digest = uuid.uuid4().hex * 2
    values: dict[str, Any] = {
        "customer_id": customer_id,
        "sha256": digest,
        "object_key": f"selfies/{digest}.png",
        "thumbnail_key": f"selfies/{digest}.webp",
        "content_type": "image/png",
        "width": 512,
        "height": 512,
        "size_bytes": 1000,
        "cropped": True,
        "warnings": [],
    }
    return StoredSelfie(**values | columns)


def make_generation(
    session: Session,
    *,
    state: str = "queued",
    credits: int = 10,  # noqa: A002 - the column's name
    customer: Customer | None = None,
    selfie: StoredSelfie | None = None,
    staff: Staff | None = None,
    **columns: Any,
) -> Generation:
    """A generation in any state, with what that state demands; nothing is charged. 0 credits is a preview."""
    customer = customer or make_customer(session)
    selfie = selfie or _selfie_of(session, customer)
    generation = _generation(state, credits, selfie, staff or _anybody(session), customer.id, columns)
    session.add(generation)
    session.flush()
    return generation


def make_generations(
    session: Session,
    each: Sequence[dict[str, Any]],
    *,
    customer: Customer | None = None,
) -> list[Generation]:
    """Many generations in few statements: `each` holds the state, credits and columns of one.

    Without a customer each has one of its own, as from `make_generation`.
    """
    if customer is None:
        customers = [_customer("Ada", None) for _ in each]
        session.add_all(customers)
        session.flush()
        selfies = [_selfie(one.id) for one in customers]
        session.add_all(selfies)
        session.flush()
    else:
        customers, selfies = [customer] * len(each), [_selfie_of(session, customer)] * len(each)
    staff = _anybody(session)
    made = []
    for given, owner, selfie in zip(each, customers, selfies, strict=True):
        columns = {"state": "queued", "credits": 10, **given}
        state, price = columns.pop("state"), columns.pop("credits")
        made.append(_generation(state, price, selfie, staff, owner.id, columns))
    session.add_all(made)
    session.flush()
    return made


def _generation(
    state: str,
    credits: int,  # noqa: A002 - the column's name
    selfie: StoredSelfie,
    staff: Staff,
    customer_id: int,
    columns: dict[str, Any],
) -> Generation:
    ended = state in ("succeeded", "failed", "canceled")
    values: dict[str, Any] = {
        "request_key": uuid.uuid4().hex,
        "purpose": "avatar" if credits else "preview",
        "customer_id": customer_id,
        "selfie_id": selfie.id,
        "requested_by": staff.id,
        "template": "A comic hero",
        "prompt": "A comic hero",
        "model": "openai/gpt-image-1",
        "parameters": {"quality": "low"},
        "credits": credits,
        "state": state,
        "deadline_at": datetime.now(UTC) + timedelta(hours=1),
        "max_attempts": 3,
        "finished_at": NOON if ended else None,
        "failure_class": "timeout" if state == "failed" else None,
        "failure_message": "It took too long." if state == "failed" else None,
    }
    return Generation(**values | columns)


def _selfie_of(session: Session, customer: Customer) -> StoredSelfie:
    found = session.scalars(select(StoredSelfie).where(StoredSelfie.customer_id == customer.id).limit(1))
    return found.first() or make_selfie(session, customer=customer)


def _anybody(session: Session) -> Staff:
    return session.scalars(select(Staff).order_by(Staff.id).limit(1)).first() or make_staff(session)
