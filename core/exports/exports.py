"""Exports: who may, what is written into the audit trail, and the file that waits for its download."""

import dataclasses
import enum
import re
from typing import BinaryIO

from sqlalchemy import text

from core.access.permissions import Actor, Permission, require
from core.access.staff import actor_by_id, record
from core.exports.bundle import write_bundle
from core.exports.gather import Shared, gather
from core.exports.imported import imported
from core.exports.sheet import write_sheet
from core.exports.shelf import Prepared, shelf
from core.exports.table import write_table
from core.images.kept import erasure_number
from core.images.thumbnails import THUMBNAIL_SIDE
from core.services import Services


class Kind(enum.StrEnum):
    """The files that an experiment can be."""

    SHEET = "html"
    BUNDLE = "zip"
    DOCUMENT = "json"
    TABLE = "csv"


MEDIA_TYPES = {
    Kind.SHEET: "text/html; charset=utf-8",
    Kind.BUNDLE: "application/zip",
    Kind.DOCUMENT: "application/json",
    Kind.TABLE: "text/csv; charset=utf-8",
}
WITH_PICTURES = (Kind.SHEET, Kind.BUNDLE)


@dataclasses.dataclass(frozen=True)
class Wish:
    """The file that is asked for, of an experiment or, with `of_import`, of an imported one.

    `selfies` puts the faces in, where the file holds pictures; `verdict` and `side` are of the sheet.
    """

    number: int
    kind: Kind
    of_import: bool = False
    selfies: bool = False
    verdict: bool = True
    side: int = THUMBNAIL_SIDE

    @property
    def with_selfies(self) -> bool:
        return self.selfies and self.kind in WITH_PICTURES


def prepare(services: Services, *, actor: Actor, wish: Wish) -> Prepared:
    """Write the file and keep it for its download; that it was written is audited.

    Raises NotAllowed, NotFound, Conflict (a blind vote of this actor is not over), ServiceUnavailable.
    """
    with services.database.transaction() as session:
        # One look for everything: a grid that is being drawn must not change between two questions.
        session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        erasures = erasure_number(session)
        actor = actor_by_id(session, actor.id)
        require(actor, Permission.RUN_EXPERIMENTS)
        if wish.with_selfies:
            require(actor, Permission.EDIT_TEST_SETS)
        if wish.of_import:
            shared = imported(session, wish.number).shared
        else:
            desk = services.settings.desk_url
            shared = gather(session, actor=actor, experiment_id=wish.number, desk=desk)
        record(
            session,
            actor=actor,
            action="experiment.export",
            subject=f"experiment{'_import' if wish.of_import else ''}:{wish.number}",
            after={"kind": wish.kind, "selfies": wish.with_selfies, "hash": shared.document.hash},
        )
    return shelf.put(
        lambda file: _write(services, shared, wish, file),
        name=f"{_slug(shared.document.experiment.name)}-{wish.number}.{wish.kind}",
        media_type=MEDIA_TYPES[wish.kind],
        staff_id=actor.id,
        erasures=erasures if wish.kind in WITH_PICTURES else None,
    )


def _write(services: Services, shared: Shared, wish: Wish, file: BinaryIO) -> None:
    if wish.kind is Kind.SHEET:
        write_sheet(
            shared,
            services.objects,
            file,
            selfies=wish.selfies,
            verdict=wish.verdict,
            side=wish.side,
        )
    elif wish.kind is Kind.BUNDLE:
        write_bundle(shared, services.objects, file, selfies=wish.selfies)
    elif wish.kind is Kind.TABLE:
        write_table(shared.document, file)
    else:
        file.write(shared.document.as_json())


def _slug(name: str) -> str:
    """A name that every file system takes."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "experiment"
