"""What of an export is here already: people, their selfies, and images with the same bytes."""

import dataclasses
from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.exports.document import Document
from core.exports.gather import Picture
from core.tables.customers import Customer
from core.tables.generation import Avatar, Generation
from core.tables.images import StoredSelfie
from core.tables.imports import ImportedImage, ImportedSelfie
from core.tables.testsets import TestPerson


@dataclasses.dataclass(frozen=True)
class Person:
    """Somebody of the tests here whose selfie this is; without picture where an import had left it out."""

    customer_id: int
    picture: Picture | None


@dataclasses.dataclass(frozen=True)
class Known:
    """What is here. `people` by a selfie's sha256, `images` by the selfie's and the image's.

    `copies` are images of other imports, whose objects go with those; `deleted` are selfies whose person was
    deleted here, which nobody brings back.
    """

    people: Mapping[str, Person]
    deleted: frozenset[str]
    images: Mapping[tuple[str, str], Picture]
    copies: Mapping[tuple[str, str], Picture]


def known(session: Session, document: Document) -> Known:
    """What is here of this document."""
    selfies = [each.sha256 for each in document.selfies]
    images = [cell.image.sha256 for cell in document.cells if cell.image is not None]
    people, deleted = _people(session, selfies)
    return Known(
        people=people,
        deleted=frozenset(deleted - people.keys()),
        images=_avatars(session, selfies, images),
        copies=_copies(session, selfies, images),
    )


def _people(session: Session, selfies: Sequence[str]) -> tuple[dict[str, Person], set[str]]:
    stored = (
        select(
            StoredSelfie.sha256,
            Customer.id,
            Customer.erased_at,
            TestPerson.id,
            StoredSelfie.object_key,
            StoredSelfie.thumbnail_key,
        )
        .join(Customer, Customer.id == StoredSelfie.customer_id)
        .outerjoin(TestPerson, TestPerson.customer_id == Customer.id)
        .where(StoredSelfie.sha256.in_(selfies))
        .order_by(StoredSelfie.id)
    )
    imported = (
        select(ImportedSelfie.sha256, Customer.id, Customer.erased_at, TestPerson.id)
        .join(Customer, Customer.id == ImportedSelfie.customer_id)
        .join(TestPerson, TestPerson.customer_id == Customer.id)
        .where(ImportedSelfie.sha256.in_(selfies))
        .order_by(ImportedSelfie.id)
    )
    people: dict[str, Person] = {}
    deleted: set[str] = set()
    for sha256, customer_id, erased_at, person_id, key, small in session.execute(stored):
        if erased_at is not None:
            deleted.add(sha256)
        elif person_id is not None:
            # Only people of the tests can be deleted there; any other customer's selfie is a stranger's.
            people.setdefault(sha256, Person(customer_id, Picture(key, small)))
    for sha256, customer_id, erased_at, _ in session.execute(imported):
        if erased_at is not None:
            deleted.add(sha256)
        else:
            people.setdefault(sha256, Person(customer_id, None))
    return people, deleted


def _avatars(
    session: Session, selfies: Sequence[str], images: Sequence[str]
) -> dict[tuple[str, str], Picture]:
    query = (
        select(StoredSelfie.sha256, Avatar.sha256, Avatar.object_key, Avatar.thumbnail_key)
        .join(Generation, Generation.id == Avatar.generation_id)
        .join(StoredSelfie, StoredSelfie.id == Generation.selfie_id)
        .join(Customer, Customer.id == Generation.customer_id)
        .where(Customer.erased_at.is_(None), StoredSelfie.sha256.in_(selfies), Avatar.sha256.in_(images))
    )
    return {(row[0], row[1]): Picture(row[2], row[3]) for row in session.execute(query)}


def _copies(
    session: Session, selfies: Sequence[str], images: Sequence[str]
) -> dict[tuple[str, str], Picture]:
    query = (
        select(
            ImportedSelfie.sha256, ImportedImage.sha256, ImportedImage.object_key, ImportedImage.thumbnail_key
        )
        .join(ImportedSelfie, ImportedSelfie.id == ImportedImage.selfie_id)
        .join(Customer, Customer.id == ImportedSelfie.customer_id)
        .where(Customer.erased_at.is_(None), ImportedSelfie.sha256.in_(selfies))
        .where(ImportedImage.sha256.in_(images), ImportedImage.owned)
    )
    return {(row[0], row[1]): Picture(row[2], row[3]) for row in session.execute(query)}
