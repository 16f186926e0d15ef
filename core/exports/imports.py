"""Importing an export: checked whole, its pictures stored, then written in one transaction.

An import is no experiment of this desk: it cannot be started, and buys nothing. Its pictures are stored
before the rows that name them; what an import that failed or was killed has stored is removed again.
"""

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from typing import BinaryIO

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.access.permissions import Actor, Permission, require
from core.access.staff import record
from core.exports.bundle import EXTENSIONS
from core.exports.document import Document, Image, Selfie
from core.exports.gather import Picture
from core.exports.incoming import Incoming, opened
from core.exports.known import Known, known
from core.foundation.database import Database
from core.foundation.errors import Conflict, OperatorError, StillKept
from core.images.selfies import THUMBNAIL_TYPE
from core.images.thumbnails import thumbnail
from core.storage import keys
from core.storage.objects import ObjectStore
from core.tables.customers import Customer
from core.tables.imports import ExperimentImport, ImportedImage, ImportedSelfie, ImportIntent
from core.tables.testsets import TestPerson

# No import takes so long; what one of this age has left is nobody's.
LEFT_AFTER = timedelta(hours=1)


def import_experiment(
    database: Database, objects: ObjectStore, *, actor: Actor, file: BinaryIO, token: str
) -> int:
    """Import a ZIP or JSON export; the number of the import. The same `token` again is the same import.

    Images that the file does not hold are taken from this desk where it has them, else they stay missing.
    Raises NotAllowed, InvalidInput (what is wrong with the file), Conflict, ServiceUnavailable; nothing of it
    stays then.
    """
    require(actor, Permission.RUN_EXPERIMENTS)
    with opened(file) as incoming:
        with database.transaction() as session:
            if (done := _by_token(session, token)) is not None:
                return done
            _begin(session, actor, token)
            here = known(session, incoming.document)
        with _cleared_on_failure(database, objects, token):
            kept = _Keeper(objects, incoming, here, token)
            with database.transaction() as session:
                return _write(session, actor, incoming.document, here, kept, token)


def clear_left(database: Database, objects: ObjectStore) -> int:
    """Remove what imports have stored that were killed long ago; says how many there were.

    Raises ServiceUnavailable; and StillKept at the end, where the store does not let go of something.
    """
    with database.transaction() as session:
        old = ImportIntent.begun_at < func.clock_timestamp() - LEFT_AFTER
        tokens = session.scalars(select(ImportIntent.token).where(old)).all()
    kept: StillKept | None = None
    for token in tokens:
        try:
            _clear(database, objects, token)
        except StillKept as exc:
            kept = exc
    if kept is not None:
        raise kept
    return len(tokens)


def _begin(session: Session, actor: Actor, token: str) -> None:
    made = insert(ImportIntent).values(token=token, staff_id=actor.id).on_conflict_do_nothing()
    if session.scalar(made.returning(ImportIntent.token)) is None:
        raise Conflict("This file is being imported already. Reload in a moment to see it.")


def _by_token(session: Session, token: str) -> int | None:
    return session.scalar(select(ExperimentImport.id).where(ExperimentImport.token == token))


@contextlib.contextmanager
def _cleared_on_failure(database: Database, objects: ObjectStore, token: str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        # Where not even this works, the worker does it later.
        with contextlib.suppress(OperatorError):
            _clear(database, objects, token)
        raise


def _clear(database: Database, objects: ObjectStore, token: str) -> None:
    objects.delete(keys.imported_by(token))
    with database.transaction() as session:
        session.execute(delete(ImportIntent).where(ImportIntent.token == token))


class _Keeper:
    """Checks every picture of the file, and keeps those that are not here.

    `selfies` by position, `images` by the selfie's position and their sha256; `owned` are the keys of objects
    that the import stored itself.
    """

    def __init__(self, objects: ObjectStore, incoming: Incoming, here: Known, token: str) -> None:
        self._objects, self._incoming, self._here, self._token = objects, incoming, here, token
        self.selfies: dict[int, Picture] = {}
        self.images: dict[tuple[int, str], Picture] = {}
        self.owned: set[str] = set()
        document = incoming.document
        for selfie in document.selfies:
            if (found := self._selfie(selfie)) is not None:
                self.selfies[selfie.position] = found
        wanted = {(cell.selfie, cell.image.sha256): cell.image for cell in document.cells if cell.image}
        for place, image in wanted.items():
            if (found := self._image(image, document.selfies[place[0] - 1].sha256)) is not None:
                self.images[place] = found

    def _selfie(self, selfie: Selfie) -> Picture | None:
        content = self._incoming.selfie(selfie.sha256)
        if selfie.sha256 in self._here.deleted:
            return None
        person = self._here.people.get(selfie.sha256)
        if person is not None and person.picture is not None:
            return person.picture
        return None if content is None else self._put(f"selfie-{selfie.position}", content, "image/jpeg")

    def _image(self, image: Image, selfie_sha256: str) -> Picture | None:
        # Checked even where the same image is here: a file is right as a whole, or it is refused.
        content = self._incoming.image(image)
        if selfie_sha256 in self._here.deleted:
            return None
        place = (selfie_sha256, image.sha256)
        if (found := self._here.images.get(place)) is not None:
            return found
        if content is None and (copy := self._here.copies.get(place)) is not None:
            content = self._objects.get(copy.object_key)
        name = f"image-{selfie_sha256[:16]}-{image.sha256}"
        return None if content is None else self._put(name, content, image.content_type)

    def _put(self, name: str, content: bytes, kind: str) -> Picture:
        stem = keys.imported(self._token, name)
        made = Picture(f"{stem}.{EXTENSIONS[kind]}", f"{stem}.thumb.webp")
        self._objects.put(made.object_key, content, kind)
        self._objects.put(made.thumbnail_key, thumbnail(content), THUMBNAIL_TYPE)
        self.owned.add(made.object_key)
        return made


def _write(session: Session, actor: Actor, document: Document, here: Known, kept: _Keeper, token: str) -> int:
    """All rows of the import. The intent is taken back with them: without it the pictures are gone."""
    taken = delete(ImportIntent).where(ImportIntent.token == token).returning(ImportIntent.token)
    if session.scalar(taken) is None:
        raise Conflict("The import took too long and was given up. Try it again.")
    _refuse_deleted(session, here)
    made = ExperimentImport(
        token=token,
        name=document.experiment.name.strip() or f"Experiment {document.source.experiment}",
        grid_hash=document.hash,
        source_desk=document.source.desk,
        source_experiment=document.source.experiment,
        exported_at=document.source.exported_at,
        document=document.model_dump(mode="json"),
        imported_by=actor.id,
    )
    session.add(made)
    session.flush()
    _write_pictures(session, document, kept, made, _people(session, actor, document, here, made))
    record(
        session,
        actor=actor,
        action="experiment.import",
        subject=f"experiment_import:{made.id}",
        after={"hash": document.hash, "selfies": len(kept.selfies), "images": len(kept.images)},
    )
    session.flush()
    return made.id


def _refuse_deleted(session: Session, here: Known) -> None:
    """Whoever is deleted while their pictures are stored must not come back with them."""
    wanted = [person.customer_id for person in here.people.values()]
    query = select(Customer.erased_at).where(Customer.id.in_(wanted)).order_by(Customer.id)
    if any(session.scalars(query.with_for_update(read=True))):
        raise Conflict("Somebody in it was deleted meanwhile. Import the file again, without their pictures.")


def _write_pictures(
    session: Session, document: Document, kept: _Keeper, made: ExperimentImport, people: dict[int, int]
) -> None:
    rows = {}
    for selfie in document.selfies:
        picture = kept.selfies.get(selfie.position)
        rows[selfie.position] = ImportedSelfie(
            import_id=made.id,
            position=selfie.position,
            sha256=selfie.sha256,
            customer_id=people.get(selfie.position),
            object_key=picture.object_key if picture else None,
            thumbnail_key=picture.thumbnail_key if picture else None,
            owned=picture is not None and picture.object_key in kept.owned,
        )
    session.add_all(rows.values())
    session.flush()
    session.add_all(
        ImportedImage(
            selfie_id=rows[position].id,
            sha256=sha256,
            object_key=picture.object_key,
            thumbnail_key=picture.thumbnail_key,
            owned=picture.object_key in kept.owned,
        )
        for (position, sha256), picture in kept.images.items()
    )


def _people(
    session: Session, actor: Actor, document: Document, here: Known, made: ExperimentImport
) -> dict[int, int]:
    """The customer of every selfie: somebody of the tests here, or a new person without a name.

    Nobody agreed to anything here, so nothing can be drawn of them. Who was deleted here is left out.
    """
    strangers: dict[int, int] = {}
    found: dict[int, int] = {}
    for selfie in document.selfies:
        if selfie.sha256 in here.deleted:
            continue
        if (person := here.people.get(selfie.sha256)) is not None:
            found[selfie.position] = person.customer_id
            continue
        if selfie.person not in strangers:
            strangers[selfie.person] = _stranger(session, actor, made, selfie.person)
        found[selfie.position] = strangers[selfie.person]
    return found


def _stranger(session: Session, actor: Actor, made: ExperimentImport, number: int) -> int:
    customer = Customer(reference=f"import-{made.id}-{number}", name=f"Person {number} of import {made.id}")
    session.add(customer)
    session.flush()
    note = f"Came with the imported experiment '{made.name[:80]}'; nothing can be drawn of them here."
    session.add(TestPerson(customer_id=customer.id, source="import", consent_note=note, created_by=actor.id))
    return customer.id
