"""An imported experiment as a comparison, as if it had been drawn here: the same grid as at its home."""

from collections.abc import Mapping
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.experiments.compare import Comparison, Said, comparison, judged
from core.experiments.grids import GONE, CellView, RowView, VariantView
from core.exports.document import Cell, Selfie, Variant
from core.exports.imported import ImportView
from core.images.addresses import Picture, Shown
from core.tables.imports import ImportedImage, ImportedSelfie

# How the grid of this desk says what a file says of a cell.
STATES = {"done": "done", "failed": "failed", "canceled": "failed", "not_asked": "failed"}
TITLES = {
    "missing": "Not drawn",
    "running": "Not drawn yet when the file was written",
    "canceled": "Canceled",
    "not_asked": "Not asked for",
}
NOT_BROUGHT = "The file did not hold it, and this desk does not know it. Import the ZIP to have it."


def compare_import(session: Session, found: ImportView, *, baseline: int | None = None) -> Comparison:
    """Its images, compared with the variant at this position, else with the first."""
    document = found.shared.document
    rows = session.scalars(select(ImportedSelfie).where(ImportedSelfie.import_id == found.row.id)).all()
    places = {row.position: row.id for row in rows}
    images = _images(session, [*places.values()])
    cells = [
        _cell(
            number, each, found, images.get((places[each.selfie], each.image.sha256) if each.image else None)
        )
        for number, each in enumerate(document.cells)
    ]
    said = {
        number: Said(each.ratings.would_ship, each.ratings.raters)
        for number, each in enumerate(document.cells)
    }
    return comparison(
        [_variant(each) for each in document.variants],
        [_row(each, places, found) for each in document.selfies],
        judged(cells, said),
        baseline=baseline,
    )


def _images(session: Session, selfies: list[int]) -> Mapping[tuple[int, str] | None, int]:
    rows = session.scalars(select(ImportedImage).where(ImportedImage.selfie_id.in_(selfies)))
    return {(row.selfie_id, row.sha256): row.id for row in rows}


def _variant(each: Variant) -> VariantView:
    return VariantView(
        id=each.position,
        position=each.position,
        version_id=None,
        label=each.label,
        template=each.template,
        prompt=each.prompt,
        model=each.model,
        parameters=each.parameters,
        price_usd=Decimal(each.price_usd),
        price_published=each.price_published,
    )


def _row(each: Selfie, places: Mapping[int, int], found: ImportView) -> RowView:
    here = each.position in found.shared.selfies
    picture = Shown(Picture.IMPORTED_SELFIE, places[each.position]) if here else None
    return RowView(each.position, f"Selfie {each.position}", tuple(each.tags), picture)


def _cell(number: int, each: Cell, found: ImportView, image: int | None) -> CellView:
    here = found.shared.image_of(each) is not None and image is not None
    title, sentence = _absence(each, found)
    return CellView(
        id=number,
        variant_id=each.variant,
        selfie_id=each.selfie,
        repeat=each.repeat,
        state=STATES.get(each.state, "missing"),
        stage=None,
        generation_id=None,
        object_key=None,
        thumbnail_key=None,
        width=each.image.width if each.image else None,
        height=each.image.height if each.image else None,
        cost_usd=None if each.cost_usd is None else Decimal(each.cost_usd),
        seconds=each.seconds,
        shared=each.shared,
        failure_class=each.failure_class,
        failure_title=None if here else title,
        failure_sentence=None if here else sentence,
        checks=each.checks.model_dump(mode="json") if each.checks else None,
        picture=Shown(Picture.IMPORTED_IMAGE, image) if here and image is not None else None,
    )


def _absence(each: Cell, found: ImportView) -> tuple[str | None, str | None]:
    """Why there is no picture: in a word, and in a sentence."""
    if each.state == "done":
        return None, GONE if each.selfie in found.shared.gone else NOT_BROUGHT
    return each.failure_title or TITLES.get(each.state), None
