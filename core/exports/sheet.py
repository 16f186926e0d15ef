"""An experiment as one HTML file: a contact sheet that opens without network, with every image inside."""

import base64
import dataclasses
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from core.exports.document import Cell, Checks, Document, Variant
from core.exports.gather import Picture, Shared
from core.foundation.errors import NotFound
from core.foundation.wording import dollars
from core.images.output import AvatarRejected
from core.images.thumbnails import THUMBNAIL_SIDE, thumbnail
from core.prompts.diff import Change, Piece, Side, diff_parameters, diff_words
from core.storage.objects import ObjectStore

# 297 mm of paper at 96 pixels an inch, without its margins and the column of selfies.
PAPER_PIXELS = 900
SIDES = (THUMBNAIL_SIDE, 768, 1024)
STATES = {
    "missing": "Not drawn",
    "not_asked": "Not asked for",
    "running": "Under way",
    "canceled": "Canceled",
    "failed": "Failed",
    "done": "Image not here",
}
FRAMING = {"passed": "full figure", "failed": "not a full figure", "cannot_tell": "framing: cannot tell"}
_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
)


@dataclasses.dataclass(frozen=True)
class Column:
    """A variant with what it says differently from the first one; the first has nothing to say."""

    variant: Variant
    pieces: list[Piece]
    changes: list[Change]


def write_sheet(
    shared: Shared,
    objects: ObjectStore,
    out: BinaryIO,
    *,
    selfies: bool,
    verdict: bool,
    side: int = THUMBNAIL_SIDE,
) -> None:
    """Write the sheet piece by piece; images are at most `side` pixels long (one of SIDES).

    Raises ServiceUnavailable where the object store does not answer.
    """
    document = shared.document
    cells: dict[tuple[int, int], list[Cell]] = {}
    for cell in document.cells:
        cells.setdefault((cell.selfie, cell.variant), []).append(cell)
    read = _reader(objects, side)
    parts = _templates.get_template("sheet.html.j2").generate(
        document=document,
        columns=columns(document),
        cells=cells,
        side=side,
        print_width=_print_width(len(document.variants), document.experiment.repeats),
        selfies=selfies,
        verdict=document.verdict if verdict else None,
        gone=shared.gone,
        # Called where they stand: one picture is in memory at a time.
        selfie=lambda position: read(shared.selfies.get(position)),
        image=lambda cell: read(shared.image_of(cell)),
        facts=facts,
        checks=checks,
        state=lambda cell: cell.failure_title or STATES[cell.state],
        diff=Side,
    )
    out.writelines(part.encode() for part in parts)


def _print_width(variants: int, repeats: int) -> int:
    """Pixels of an image on paper, so that all columns fit across a landscape page of A4."""
    room = PAPER_PIXELS - variants * 16
    return max(24, min(150, room // (variants * repeats) - 4))


def columns(document: Document) -> list[Column]:
    """Every variant, compared with the first."""
    first, *others = document.variants
    return [
        Column(first, [], []),
        *(
            Column(
                each,
                diff_words(first.prompt, each.prompt),
                diff_parameters(
                    {"model": first.model, **first.parameters}, {"model": each.model, **each.parameters}
                ),
            )
            for each in others
        ),
    ]


def facts(cell: Cell) -> str:
    """`$0.042 · 21 s · 2 of 3 would ship · cropped feet`."""
    said = cell.ratings
    parts = [
        dollars(Decimal(cell.cost_usd)) if cell.cost_usd else "",
        f"{cell.seconds:.0f} s" if cell.seconds is not None else "",
        f"{said.would_ship} of {said.raters} would ship" if said.raters else "",
        ", ".join(said.faults),
        f"won {cell.votes.won}, lost {cell.votes.lost}" if cell.votes.won or cell.votes.lost else "",
    ]
    return " · ".join(filter(None, parts))


def checks(found: Checks | None) -> str:
    """The framing in a word, and which checks failed."""
    if found is None:
        return "not checked"
    return "; ".join(
        [FRAMING[found.framing], *(f"failed: {name.replace('_', ' ')}" for name in found.failed)]
    )


def _reader(objects: ObjectStore, side: int) -> Callable[[Picture | None], Markup | None]:
    """What makes a data URL of a picture; None where it is no longer there."""

    def read(picture: Picture | None) -> Markup | None:
        if picture is None:
            return None
        try:
            # Small ones are ready in the store.
            if side == THUMBNAIL_SIDE:
                content = objects.get(picture.thumbnail_key)
            else:
                content = thumbnail(objects.get(picture.object_key), side)
        except (NotFound, AvatarRejected):
            return None
        return Markup(f"data:image/webp;base64,{base64.b64encode(content).decode()}")  # noqa: S704

    return read
