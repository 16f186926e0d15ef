"""People whose selfies prompts are tested on: added with their consent, asked of customers, deleted whole."""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.access.permissions import Actor, Permission, require
from core.access.staff import record
from core.customers.directory import create_customer, get_customer
from core.foundation.database import Database
from core.foundation.errors import Conflict, InvalidInput, NotFound, StillKept
from core.foundation.wording import count
from core.images.addresses import Picture, Shown
from core.images.intake import Selfie
from core.images.selfies import keep_selfie
from core.storage import keys
from core.storage.objects import ObjectStore
from core.tables.customers import Customer
from core.tables.generation import OPEN, Avatar, Generation, KeptOutput
from core.tables.images import StoredSelfie
from core.tables.testsets import TestPerson
from core.testsets.imported_people import imported_faces, imported_images, imported_objects


@dataclasses.dataclass(frozen=True)
class PersonView:
    """Somebody in the tests. `images` were made from their selfies, also those that are deleted by now.

    `selfie_ids` may be tested on; none after the consent was taken back or the person deleted. What came with
    imports is only among `faces`.
    """

    id: int
    customer_id: int
    name: str
    source: str
    consent_note: str
    selfie_ids: tuple[int, ...]
    faces: tuple[Shown, ...]
    images: int
    agreed: bool
    erasing: bool
    deleted_at: datetime | None


def add_person(
    database: Database,
    objects: ObjectStore,
    *,
    actor: Actor,
    name: str,
    consent_note: str,
    selfies: Sequence[Selfie],
    key: str,
) -> int:
    """Add somebody for tests only, with their selfies; their number. `key` is made once per form.

    Raises NotAllowed, InvalidInput (name, consent, no selfie), ServiceUnavailable (trying again goes on).
    """
    require(actor, Permission.EDIT_TEST_SETS)
    if not selfies:
        raise InvalidInput("Add at least one selfie of this person.")
    with database.transaction() as session:
        customer_id, person_id = _enter(session, actor=actor, name=name, note=_told(consent_note), key=key)
    for selfie in selfies:
        with database.transaction() as session:
            keep_selfie(session, objects, actor=actor, customer_id=customer_id, selfie=selfie)
    return person_id


def note_consent(session: Session, *, actor: Actor, customer_id: int, note: str) -> None:
    """Note that a customer agreed to tests with their selfies. Raises NotAllowed, InvalidInput, NotFound."""
    require(actor, Permission.EDIT_TEST_SETS)
    customer = get_customer(session, customer_id)
    if customer.erased_at is not None:
        raise NotFound("This customer's data was deleted.")
    words = _told(note)
    customer.test_consent_at, customer.test_consent_by = func.clock_timestamp(), actor.id
    session.execute(
        insert(TestPerson)
        .values(customer_id=customer_id, source="customer", consent_note=words, created_by=actor.id)
        .on_conflict_do_update(index_elements=["customer_id"], set_={"consent_note": words})
    )
    record(
        session, actor=actor, action="test_person.consent", subject=f"customer:{customer_id}", reason=words
    )
    session.flush()


def take_back_consent(session: Session, *, actor: Actor, customer_id: int, reason: str) -> None:
    """Nothing more is drawn of this customer for tests. Raises NotAllowed, InvalidInput, NotFound."""
    require(actor, Permission.EDIT_TEST_SETS)
    customer = get_customer(session, customer_id)
    customer.test_consent_at = customer.test_consent_by = None
    record(
        session,
        actor=actor,
        action="test_person.no_consent",
        subject=f"customer:{customer_id}",
        reason=_told(reason),
    )
    session.flush()


def delete_person(
    database: Database, objects: ObjectStore, *, actor: Actor, person_id: int, reason: str
) -> int:
    """Delete a person's selfies and every image made from them, imported ones too; how many objects went.

    Counts stay. From the first step on nothing more is drawn of them, and no process shows them. Where the
    object store fails or does not let go of something, the deletion stays open, and a worker tries again.
    Raises NotAllowed, InvalidInput (reason), NotFound, Conflict (images under way), ServiceUnavailable, and
    StillKept.
    """
    require(actor, Permission.EDIT_TEST_SETS)
    with database.transaction() as session:
        _erase(session, actor=actor, person_id=person_id, reason=_told(reason))
    try:
        return _finish(database, objects, person_id)
    except StillKept as exc:
        raise StillKept(
            f"{exc} Nobody is shown it; the deletion stays open, and a worker tries again."
        ) from exc


def finish_deletions(database: Database, objects: ObjectStore) -> int:
    """Finish what deletions have left open; says how many are finished now.

    Raises ServiceUnavailable; and StillKept at the end, where the store does not let go of something.
    """
    with database.transaction() as session:
        waiting = session.scalars(
            select(TestPerson.id)
            .join(Customer, Customer.id == TestPerson.customer_id)
            .where(Customer.erased_at.is_not(None), TestPerson.deleted_at.is_(None))
            .order_by(TestPerson.id)
        ).all()
    kept: list[StillKept] = []
    for person_id in waiting:
        try:
            _finish(database, objects, person_id)
        except StillKept as exc:
            kept.append(exc)
    if kept:
        raise StillKept(f"{count(len(kept), 'deletion')} cannot be finished yet. {kept[0]}")
    return len(waiting)


def _finish(database: Database, objects: ObjectStore, person_id: int) -> int:
    """Delete the objects of a person who is erased; how many there were."""
    with database.transaction() as session:
        places = _places(session, session.get_one(TestPerson, person_id).customer_id)
    gone = objects.delete(*places)
    with database.transaction() as session:
        person = session.get_one(TestPerson, person_id, with_for_update=True)
        # This raises the number of erasures again: what was still read of the objects meanwhile is forgotten.
        person.deleted_at = person.deleted_at or session.scalar(select(func.clock_timestamp()))
    return gone


def people(session: Session) -> list[PersonView]:
    """Everybody in the tests, by name; the deleted ones last."""
    rows = session.execute(
        select(TestPerson, Customer)
        .join(Customer, Customer.id == TestPerson.customer_id)
        .order_by(TestPerson.deleted_at.is_not(None), func.lower(Customer.name), TestPerson.id)
    ).all()
    numbers = [person.customer_id for person, _ in rows]
    selfies: dict[int, list[StoredSelfie]] = {}
    for selfie in session.scalars(
        select(StoredSelfie).where(StoredSelfie.customer_id.in_(numbers)).order_by(StoredSelfie.id)
    ):
        selfies.setdefault(selfie.customer_id, []).append(selfie)
    counted = session.execute(
        select(Generation.customer_id, func.count(Avatar.generation_id))
        .join(Avatar, Avatar.generation_id == Generation.id)
        .where(Generation.customer_id.in_(numbers))
        .group_by(Generation.customer_id)
    )
    made = Counter({customer: int(images) for customer, images in counted})
    made.update(imported_images(session, numbers))
    faces = imported_faces(session, numbers)
    return [
        _view(person, customer, selfies.get(customer.id, []), made, faces.get(customer.id, []))
        for person, customer in rows
    ]


def _view(
    person: TestPerson,
    customer: Customer,
    selfies: Sequence[StoredSelfie],
    made: Counter[int],
    faces: Sequence[Shown],
) -> PersonView:
    gone = customer.erased_at is not None
    agreed = not gone and (person.source == "upload" or customer.test_consent_at is not None)
    usable = selfies if agreed else []
    return PersonView(
        id=person.id,
        customer_id=customer.id,
        name=customer.name,
        source=person.source,
        consent_note=person.consent_note,
        selfie_ids=tuple(selfie.id for selfie in usable),
        faces=(*(Shown(Picture.SELFIE, selfie.id) for selfie in usable), *(() if gone else faces)),
        images=made[customer.id],
        agreed=agreed,
        erasing=gone and person.deleted_at is None,
        deleted_at=person.deleted_at,
    )


def _enter(session: Session, *, actor: Actor, name: str, note: str, key: str) -> tuple[int, int]:
    """The rows of a new person; the same form again finds those that it wrote before."""
    reference = f"test-person-{key}"
    customer = session.scalars(select(Customer).where(Customer.reference == reference)).one_or_none()
    customer = customer or create_customer(session, actor=actor, reference=reference, name=name)
    session.execute(
        insert(TestPerson)
        .values(customer_id=customer.id, source="upload", consent_note=note, created_by=actor.id)
        .on_conflict_do_nothing(index_elements=["customer_id"])
    )
    person = session.scalars(select(TestPerson).where(TestPerson.customer_id == customer.id)).one()
    record(session, actor=actor, action="test_person.add", subject=f"test_person:{person.id}", reason=note)
    session.flush()
    return customer.id, person.id


def _erase(session: Session, *, actor: Actor, person_id: int, reason: str) -> None:
    """Close the person to everything new, and take their name and what is kept of them in the database."""
    person = session.get(TestPerson, person_id, with_for_update=True, populate_existing=True)
    if person is None:
        raise NotFound(f"There is no person {person_id} in the tests.")
    customer = session.get_one(Customer, person.customer_id, with_for_update=True, populate_existing=True)
    of_them = Generation.customer_id == customer.id
    running = session.scalar(
        select(func.count()).select_from(Generation).where(of_them, Generation.state.in_(OPEN))
    )
    if running:
        raise Conflict(f"{running} images of this person are being drawn. Stop them or wait, then delete.")
    if customer.erased_at is None:
        customer.erased_at = session.scalar(select(func.clock_timestamp()))
        customer.name, customer.reference = "Deleted person", f"deleted-{customer.id}"
        customer.test_consent_at = customer.test_consent_by = None
        action = "test_person.delete"
        record(session, actor=actor, action=action, subject=f"test_person:{person_id}", reason=reason)
    mine = select(Generation.id).where(of_them)
    session.execute(delete(KeptOutput).where(KeptOutput.generation_id.in_(mine)))
    session.flush()


def _places(session: Session, customer_id: int) -> list[str]:
    """Where everything of a customer lies: their folders, with what has no row, and what lies elsewhere."""
    generations = session.scalars(select(Generation.id).where(Generation.customer_id == customer_id)).all()
    folders = [keys.selfies_of(customer_id), *(keys.avatars_of(each) for each in generations)]
    named = imported_objects(session, customer_id)
    for table, chosen in (
        (StoredSelfie, StoredSelfie.customer_id == customer_id),
        (Avatar, Avatar.generation_id.in_(generations)),
    ):
        for pair in session.execute(select(table.object_key, table.thumbnail_key).where(chosen)):
            named += pair
    inside = tuple(folders)
    return [*folders, *dict.fromkeys(key for key in named if not key.startswith(inside))]


def _told(note: str) -> str:
    if not note.strip():
        raise InvalidInput("Say how and when this person agreed, or why it is taken back.")
    return note.strip()
