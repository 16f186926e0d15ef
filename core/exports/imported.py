"""Imported experiments as they are shown: the list, and one with the pictures of it that are here."""

import dataclasses
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from core.exports.document import Document, hash_of
from core.exports.gather import Picture, Shared
from core.foundation.database import LARGEST_ID
from core.foundation.errors import NotFound
from core.tables.access import Staff
from core.tables.customers import Customer
from core.tables.imports import ExperimentImport, ImportedImage, ImportedSelfie

MOST_LISTED = 50


@dataclasses.dataclass(frozen=True)
class ImportRow:
    """One import in a list: from where, when and by whom."""

    id: int
    name: str
    grid_hash: str
    source_desk: str | None
    source_experiment: int
    exported_at: datetime
    imported_by: str
    imported_at: datetime
    variants: int
    selfies: int
    cells: int


@dataclasses.dataclass(frozen=True)
class ImportView:
    """One import with what is here of it; `grid_hash` is made anew of what is kept."""

    row: ImportRow
    shared: Shared
    grid_hash: str


def list_imports(session: Session, *, limit: int = MOST_LISTED) -> list[ImportRow]:
    """The latest imports, the newest first."""
    query = _rows().order_by(ExperimentImport.id.desc()).limit(limit)
    return [ImportRow(*row) for row in session.execute(query)]


def imported(session: Session, import_id: int) -> ImportView:
    """One import. Raises NotFound."""
    found = (
        session.execute(_rows().where(ExperimentImport.id == import_id)).one_or_none()
        if 0 < import_id <= LARGEST_ID
        else None
    )
    if found is None:
        raise NotFound(f"There is no imported experiment {import_id}.")
    kept = session.scalars(select(ExperimentImport.document).where(ExperimentImport.id == import_id)).one()
    # A database's numbers and times are read as leniently as it writes them.
    document = Document.model_validate(kept, strict=False)
    return ImportView(ImportRow(*found), _pictures(session, import_id, document), hash_of(document))


def _rows() -> Select[*tuple[Any, ...]]:
    length = func.jsonb_array_length
    document = ExperimentImport.document
    return select(
        ExperimentImport.id,
        ExperimentImport.name,
        ExperimentImport.grid_hash,
        ExperimentImport.source_desk,
        ExperimentImport.source_experiment,
        ExperimentImport.exported_at,
        Staff.name,
        ExperimentImport.imported_at,
        length(document["variants"]),
        length(document["selfies"]),
        length(document["cells"]),
    ).join(Staff, Staff.id == ExperimentImport.imported_by)


def _pictures(session: Session, import_id: int, document: Document) -> Shared:
    rows = session.execute(
        select(ImportedSelfie, Customer.erased_at)
        .outerjoin(Customer, Customer.id == ImportedSelfie.customer_id)
        .where(ImportedSelfie.import_id == import_id)
        .order_by(ImportedSelfie.position)
    ).all()
    living = {row.id: row for row, erased in rows if row.customer_id is not None and erased is None}
    images = session.scalars(select(ImportedImage).where(ImportedImage.selfie_id.in_(living)))
    return Shared(
        document,
        {
            row.position: Picture(row.object_key, row.thumbnail_key)
            for row in living.values()
            if row.object_key and row.thumbnail_key
        },
        {
            (living[each.selfie_id].position, each.sha256): Picture(each.object_key, each.thumbnail_key)
            for each in images
        },
        frozenset(row.position for row, _ in rows if row.id not in living),
    )
