"""What imports hold of a person: how many images, and which objects go when the person is deleted."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from core.images.addresses import Picture, Shown
from core.tables.images import StoredSelfie
from core.tables.imports import ImportedImage, ImportedSelfie


def imported_images(session: Session, customer_ids: Sequence[int]) -> dict[int, int]:
    """How many images came with imports, by customer; also those that are deleted by now."""
    rows = session.execute(
        select(ImportedSelfie.customer_id, func.count(ImportedImage.id))
        .join(ImportedImage, ImportedImage.selfie_id == ImportedSelfie.id)
        .where(ImportedSelfie.customer_id.in_(customer_ids), ImportedImage.owned)
        .group_by(ImportedSelfie.customer_id)
    )
    return {customer_id: number for customer_id, number in rows if customer_id is not None}


def imported_faces(session: Session, customer_ids: Sequence[int]) -> dict[int, list[Shown]]:
    """The selfies that came with imports, by customer."""
    rows = session.execute(
        select(ImportedSelfie.customer_id, ImportedSelfie.id)
        .where(ImportedSelfie.customer_id.in_(customer_ids), ImportedSelfie.owned)
        .order_by(ImportedSelfie.id)
    )
    found: dict[int, list[Shown]] = {}
    for customer_id, number in rows:
        if customer_id is not None:
            found.setdefault(customer_id, []).append(Shown(Picture.IMPORTED_SELFIE, number))
    return found


def imported_objects(session: Session, customer_id: int) -> list[str]:
    """The objects that imports have stored of this person, also where they came as somebody unknown."""
    found: list[str] = []
    for query in (
        select(ImportedSelfie.object_key, ImportedSelfie.thumbnail_key).where(
            ImportedSelfie.owned, _theirs(customer_id)
        ),
        select(ImportedImage.object_key, ImportedImage.thumbnail_key)
        .join(ImportedSelfie, ImportedSelfie.id == ImportedImage.selfie_id)
        .where(ImportedImage.owned, _theirs(customer_id)),
    ):
        for pair in session.execute(query):
            found += filter(None, pair)
    return found


def _theirs(customer_id: int) -> ColumnElement[bool]:
    """Whether an ImportedSelfie is this person's: by who it belongs to, or by the very same picture."""
    stored = select(StoredSelfie.sha256).where(StoredSelfie.customer_id == customer_id)
    came = select(ImportedSelfie.sha256).where(ImportedSelfie.customer_id == customer_id)
    return or_(
        ImportedSelfie.customer_id == customer_id,
        ImportedSelfie.sha256.in_(stored.union(came)),
    )
