"""Rows for tests, with keyword defaults; every one is written and flushed, none committed."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access.models import Staff
from core.customers.models import Customer
from core.generation.models import Generation
from core.images.models import StoredSelfie

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
# A search for a name or a number finds no reference made by chance: hexadecimals do spell "Ada" and "100".
CONSONANTS = str.maketrans("0123456789abcdef", "bcdfghjklmnpqrst")


def make_customer(session: Session, *, name: str = "Ada", reference: str | None = None) -> Customer:
    """A customer without a wallet."""
    customer = Customer(name=name, reference=reference or f"x-{uuid.uuid4().hex.translate(CONSONANTS)}")
    session.add(customer)
    session.flush()
    return customer


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
    digest = uuid.uuid4().hex * 2
    values: dict[str, Any] = {
        "customer_id": (customer or make_customer(session)).id,
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
    selfie = StoredSelfie(**values | columns)
    session.add(selfie)
    session.flush()
    return selfie


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
    ended = state in ("succeeded", "failed", "canceled")
    values: dict[str, Any] = {
        "request_key": uuid.uuid4().hex,
        "purpose": "avatar" if credits else "preview",
        "customer_id": customer.id,
        "selfie_id": (selfie or _selfie_of(session, customer)).id,
        "requested_by": (staff or _anybody(session)).id,
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
    generation = Generation(**values | columns)
    session.add(generation)
    session.flush()
    return generation


def _selfie_of(session: Session, customer: Customer) -> StoredSelfie:
    found = session.scalars(select(StoredSelfie).where(StoredSelfie.customer_id == customer.id).limit(1))
    return found.first() or make_selfie(session, customer=customer)


def _anybody(session: Session) -> Staff:
    return session.scalars(select(Staff).order_by(Staff.id).limit(1)).first() or make_staff(session)
