"""An experiment as a file: what it holds, in a fixed order, and the hash by which two desks compare grids.

No person is named in it: selfies are told by their sha256, people by numbers that mean nothing elsewhere.
"""

import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from core.foundation.database import LARGEST_ID
from core.images.checks.verdicts import Check, Verdict

FORMAT = "inkdesk-experiment"
VERSION = 1
MOST_VARIANTS, MOST_SELFIES, MOST_REPEATS = 8, 50, 10


def _storable(words: str) -> str:
    """PostgreSQL holds every text but these."""
    if "\x00" in words or any("\ud800" <= sign <= "\udfff" for sign in words):
        raise ValueError("it holds signs that no text may hold")
    return words


Text = Annotated[str, StringConstraints(max_length=20_000), AfterValidator(_storable)]
Line = Annotated[str, StringConstraints(max_length=300), AfterValidator(_storable)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Dollars = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,6}\.[0-9]{4}$")]
Count = Annotated[int, Field(ge=0, le=LARGEST_ID)]
Position = Annotated[int, Field(ge=1, le=1000)]
Share = Annotated[float, Field(ge=-10, le=10)]
ImageType = Literal["image/png", "image/webp", "image/jpeg"]
CellState = Literal["missing", "not_asked", "running", "done", "failed", "canceled"]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class Source(_Part):
    """Where and when the file was written."""

    desk: Line | None
    experiment: Count
    exported_at: AwareDatetime


class About(_Part):
    """The experiment in a few words."""

    name: Line
    test_set: Line
    set_version: Count
    repeats: Annotated[int, Field(ge=1, le=MOST_REPEATS)]
    state: Line
    created_at: AwareDatetime
    started_at: AwareDatetime | None
    ended_at: AwareDatetime | None


class Variant(_Part):
    """One column: what was sent, and from what it was made."""

    position: Position
    label: Line
    template: Text
    template_hash: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
    filled_in: dict[Line, Text]
    prompt: Annotated[Text, StringConstraints(min_length=1)]
    model: Line
    parameters: dict[Line, Line]
    price_usd: Dollars
    price_published: bool


class Selfie(_Part):
    """One row. Selfies of the same `person` bear the same number."""

    position: Position
    sha256: Sha256
    person: Position
    tags: Annotated[list[Line], Field(max_length=40)]


class Image(_Part):
    """The picture of a cell; the bytes lie beside the document, or nowhere."""

    sha256: Sha256
    content_type: ImageType
    width: Annotated[int, Field(ge=1, le=4096)]
    height: Annotated[int, Field(ge=1, le=4096)]
    size_bytes: Annotated[int, Field(ge=1, le=25 * 1024 * 1024)]


class Frame(_Part):
    """A rectangle in shares of the picture."""

    left: Share
    top: Share
    right: Share
    bottom: Share


class Facts(_Part):
    """What was measured; as in `core.images.checks.verdicts`, but for numbers that mean nothing elsewhere."""

    width: Count
    height: Count
    sharpness: float | None
    reason: Line | None
    stage: Frame | None
    figure: Frame | None
    others: Annotated[list[Frame], Field(max_length=1000)]
    cut: Annotated[list[Line], Field(max_length=4)]


class Checks(_Part):
    """What the checks said of an image. `version` is that of the rules."""

    version: Count
    framing: Literal["passed", "failed", "cannot_tell"]
    verdicts: dict[Line, Literal["passed", "failed", "cannot_tell"]]
    facts: Facts

    @property
    def failed(self) -> list[str]:
        """The checks that failed, in the order in which they are shown."""
        return [check for check in Check if self.verdicts.get(check) == str(Verdict.FAILED)]


class Ratings(_Part):
    """How many people rated an image, how many would ship it, and which faults they saw."""

    raters: Count = 0
    would_ship: Count = 0
    faults: dict[Line, Count] = {}


class Votes(_Part):
    """What blind votes said of an image."""

    won: Count = 0
    lost: Count = 0
    both_good: Count = 0
    both_bad: Count = 0


class Cell(_Part):
    """One image of the grid; `variant` and `selfie` are positions. `cost_usd` is whoever paid it."""

    variant: Position
    selfie: Position
    repeat: Position
    key: Sha256
    state: CellState
    failure_class: Line | None
    failure_title: Line | None
    image: Image | None
    cost_usd: Dollars | None
    seconds: Annotated[float, Field(ge=0)] | None
    shared: bool
    checks: Checks | None
    ratings: Ratings
    votes: Votes

    @property
    def place(self) -> tuple[int, int, int]:
        return self.repeat, self.selfie, self.variant


class Document(_Part):
    """The whole file. Cells stand by repeat, then selfie, then variant."""

    format: Literal["inkdesk-experiment"] = "inkdesk-experiment"
    version: Literal[1] = 1
    hash: Sha256
    source: Source
    experiment: About
    verdict: Text | None
    variants: Annotated[list[Variant], Field(min_length=1, max_length=MOST_VARIANTS)]
    selfies: Annotated[list[Selfie], Field(min_length=1, max_length=MOST_SELFIES)]
    cells: Annotated[list[Cell], Field(max_length=MOST_VARIANTS * MOST_SELFIES * MOST_REPEATS)]

    def as_json(self) -> bytes:
        """As it is written to a file: readable, the same each time."""
        return json.dumps(self.model_dump(mode="json"), indent=1, ensure_ascii=False).encode()


def grid_hash(content: Mapping[str, Any]) -> str:
    """SHA-256 of the grid in a document's plain values: columns, rows and images with their facts.

    What people said of the images is not in it, nor where and when the file was written: two desks that show
    the same images have the same hash.
    """
    said = ("ratings", "votes")
    grid = {
        "repeats": content["experiment"]["repeats"],
        "variants": content["variants"],
        "selfies": content["selfies"],
        "cells": [{k: v for k, v in cell.items() if k not in said} for cell in content["cells"]],
    }
    canonical = json.dumps(grid, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def hash_of(document: Document) -> str:
    """The hash that the content of this document makes, whatever it says itself."""
    return grid_hash(document.model_dump(mode="json"))


def money(amount: Decimal | None) -> str | None:
    """Dollars as the file writes them."""
    return None if amount is None else f"{amount:.4f}"
