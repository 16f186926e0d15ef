"""Keeping selfies: the picture in the object store, its facts in the database, the same picture once."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.access.permissions import Actor, Permission, require
from core.access.staff import record
from core.customers.directory import get_customer
from core.foundation.errors import NotFound
from core.images.intake import Selfie
from core.images.thumbnails import thumbnail
from core.storage import keys
from core.storage.objects import ObjectStore
from core.tables.customers import Customer
from core.tables.images import StoredSelfie

THUMBNAIL_TYPE = "image/webp"


def keep_selfie(
    session: Session, objects: ObjectStore, *, actor: Actor, customer_id: int, selfie: Selfie
) -> StoredSelfie:
    """Keep a selfie of a customer; the same picture again is the row that is there.

    To be called first in a transaction: the object store is written before the database is asked.
    Raises NotAllowed, NotFound (customer, also an erased one), ServiceUnavailable (object store).
    """
    require(actor, Permission.EDIT_CUSTOMERS)
    # Objects first, so that no row points at nothing; no transaction is open yet while the store is called.
    object_key = keys.selfie(customer_id, selfie.sha256, "jpg")
    thumbnail_key = keys.selfie_thumbnail(customer_id, selfie.sha256)
    objects.put(object_key, selfie.content, selfie.content_type)
    objects.put(thumbnail_key, thumbnail(selfie.content), THUMBNAIL_TYPE)
    # Locked, so that nobody is erased between this look and the row that an erasure finds.
    customer = get_customer(session, customer_id, lock=True)
    if customer.erased_at is not None:
        objects.delete(object_key, thumbnail_key)
        raise NotFound("This customer's data was deleted. Nothing of them is kept any more.")
    stored = session.scalars(
        insert(StoredSelfie)
        .values(
            customer_id=customer_id,
            sha256=selfie.sha256,
            object_key=object_key,
            thumbnail_key=thumbnail_key,
            content_type=selfie.content_type,
            width=selfie.width,
            height=selfie.height,
            size_bytes=len(selfie.content),
            cropped=selfie.crop is not None,
            warnings=[{"code": doubt.code, "sentence": doubt.sentence} for doubt in selfie.warnings],
        )
        .on_conflict_do_nothing(index_elements=["customer_id", "sha256"])
        .returning(StoredSelfie)
    ).one_or_none()
    if stored is None:
        same = (StoredSelfie.customer_id == customer_id, StoredSelfie.sha256 == selfie.sha256)
        return session.scalars(select(StoredSelfie).where(*same)).one()
    record(session, actor=actor, action="selfie.keep", subject=f"selfie:{stored.id}")
    return stored


def earlier_selfies(session: Session, *, customer_id: int, limit: int = 12) -> Sequence[StoredSelfie]:
    """The selfies that were kept of a customer, the newest first; none of one who was erased."""
    of_customer = (
        select(StoredSelfie)
        .join(Customer, Customer.id == StoredSelfie.customer_id)
        .where(StoredSelfie.customer_id == customer_id, Customer.erased_at.is_(None))
    )
    return session.scalars(of_customer.order_by(StoredSelfie.id.desc()).limit(limit)).all()
