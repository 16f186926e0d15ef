"""Finding and adding customers."""

from collections.abc import Sequence

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.access.permissions import Actor, Permission, require
from core.access.staff import record
from core.foundation.errors import Conflict, InvalidInput, NotFound
from core.tables.customers import Customer

LONGEST = 200


def find_customers(session: Session, text: str = "", *, limit: int = 20) -> Sequence[Customer]:
    """Customers whose reference or name contains `text`; the newest first."""
    query = select(Customer).where(Customer.erased_at.is_(None)).order_by(Customer.id.desc()).limit(limit)
    if words := text.strip():
        pattern = f"%{_escaped(words)}%"
        query = query.where(or_(Customer.reference.ilike(pattern), Customer.name.ilike(pattern)))
    return session.scalars(query).all()


def get_customer(session: Session, customer_id: int, *, lock: bool = False) -> Customer:
    """A customer; with `lock` nobody erases them before the transaction ends. Raises NotFound."""
    given = {"read": True, "key_share": True} if lock else None
    customer = session.get(Customer, customer_id, with_for_update=given, populate_existing=lock)
    if customer is None:
        raise NotFound(f"There is no customer {customer_id}.")
    return customer


def create_customer(session: Session, *, actor: Actor, reference: str, name: str) -> Customer:
    """Add a customer. Raises InvalidInput for empty or endless texts, Conflict where the reference exists."""
    require(actor, Permission.EDIT_CUSTOMERS)
    reference, name = reference.strip().lower(), name.strip()
    for label, value in (("a reference (customer number or e-mail)", reference), ("a name", name)):
        if not value:
            raise InvalidInput(f"A customer needs {label}.")
        if len(value) > LONGEST or not value.isprintable():
            raise InvalidInput(f"Please give {label} of at most {LONGEST} ordinary characters.")
    customer = session.scalars(
        insert(Customer)
        .values(reference=reference, name=name)
        .on_conflict_do_nothing(index_elements=["reference"])
        .returning(Customer)
    ).one_or_none()
    if customer is None:
        raise Conflict(f"There is a customer with the reference {reference} already: choose them instead.")
    record(session, actor=actor, action="customer.create", subject=f"customer:{customer.id}")
    return customer


def _escaped(words: str) -> str:
    return words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
