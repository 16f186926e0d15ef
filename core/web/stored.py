"""The pictures that a browser is shown by signed addresses: where they lie, and their bytes."""

from typing import Any

from sqlalchemy import Select, null, select
from sqlalchemy.orm import Session

from core.foundation.errors import NotFound
from core.images.addresses import Picture, Shown, Size
from core.images.kept import KeptPictures, erasure_number
from core.services import Services
from core.storage.objects import ObjectStore
from core.tables.customers import Customer
from core.tables.generation import Avatar, Generation
from core.tables.images import StoredSelfie
from core.tables.imports import ImportedImage, ImportedSelfie

# What came with an import says by its name what it is.
KINDS = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}


_kept: dict[Size, KeptPictures[tuple[ObjectStore, str], bytes]] = {
    Size.SMALL: KeptPictures(256),
    Size.WHOLE: KeptPictures(48),
}


def stored_picture(
    services: Services, shown: Shown, size: Size, *, known: bool = False
) -> tuple[bytes | None, str]:
    """Its bytes, None where they are `known` already, and its media type.

    Asks the row each time, so that an erased person's picture is gone at once. Raises NotFound and
    ServiceUnavailable.
    """
    with services.database.transaction() as session:
        erasures = erasure_number(session)
        key, kind = stored_object(session, shown.picture, shown.number, size)
    if known:
        return None, kind
    objects = services.objects
    return _kept[size].get((objects, key), lambda: objects.get(key), number=erasures), kind


def stored_object(session: Session, picture: Picture, number: int, size: Size) -> tuple[str, str]:
    """Key and media type of its object. Raises NotFound where there is none, or its person was erased."""
    row = session.execute(_wanted(picture, number).add_columns(Customer.erased_at)).one_or_none()
    if row is None or row[0] is None:
        raise NotFound("There is no such picture.")
    whole, small, kind, erased_at = row
    if erased_at is not None:
        raise NotFound("The picture was deleted with the customer's data.")
    return (small, "image/webp") if size is Size.SMALL else (whole, kind or KINDS[whole.rpartition(".")[2]])


def _wanted(picture: Picture, number: int) -> Select[*tuple[Any, ...]]:
    """Its keys and media type, joined with whom it shows."""
    match picture:
        case Picture.SELFIE:
            return (
                select(StoredSelfie.object_key, StoredSelfie.thumbnail_key, StoredSelfie.content_type)
                .join(Customer, Customer.id == StoredSelfie.customer_id)
                .where(StoredSelfie.id == number)
            )
        case Picture.AVATAR:
            return (
                select(Avatar.object_key, Avatar.thumbnail_key, Avatar.content_type)
                .join(Generation, Generation.id == Avatar.generation_id)
                .join(Customer, Customer.id == Generation.customer_id)
                .where(Avatar.generation_id == number)
            )
        case Picture.IMPORTED_SELFIE:
            return (
                select(ImportedSelfie.object_key, ImportedSelfie.thumbnail_key, null())
                .join(Customer, Customer.id == ImportedSelfie.customer_id)
                .where(ImportedSelfie.id == number)
            )
        case Picture.IMPORTED_IMAGE:
            return (
                select(ImportedImage.object_key, ImportedImage.thumbnail_key, null())
                .join(ImportedSelfie, ImportedSelfie.id == ImportedImage.selfie_id)
                .join(Customer, Customer.id == ImportedSelfie.customer_id)
                .where(ImportedImage.id == number)
            )
