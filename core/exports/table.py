"""An experiment as CSV: one line a cell, for a spreadsheet."""

import csv
import io
from typing import Any, BinaryIO

from core.exports.document import Cell, Document

# What a spreadsheet would run as a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
COLUMNS = (
    "experiment",
    "selfie",
    "selfie_sha256",
    "tags",
    "variant",
    "label",
    "model",
    "repeat",
    "state",
    "failure_class",
    "failure",
    "cost_usd",
    "seconds",
    "shared",
    "image_sha256",
    "width",
    "height",
    "size_bytes",
    "framing",
    "failed_checks",
    "raters",
    "would_ship",
    "faults",
    "votes_won",
    "votes_lost",
    "votes_both_good",
    "votes_both_bad",
)


def write_table(document: Document, out: BinaryIO) -> None:
    """Write the cells in the order of the document, in UTF-8; texts never begin as a formula."""
    text = io.TextIOWrapper(out, encoding="utf-8", newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for cell in document.cells:
        writer.writerow([_safe(value) for value in _line(document, cell)])
    text.flush()
    text.detach()


def _line(document: Document, cell: Cell) -> list[Any]:
    selfie, variant = document.selfies[cell.selfie - 1], document.variants[cell.variant - 1]
    image, checks = cell.image, cell.checks
    return [
        document.experiment.name,
        selfie.position,
        selfie.sha256,
        "; ".join(selfie.tags),
        variant.position,
        variant.label,
        variant.model,
        cell.repeat,
        cell.state,
        cell.failure_class,
        cell.failure_title,
        cell.cost_usd,
        cell.seconds,
        "yes" if cell.shared else "no",
        *((image.sha256, image.width, image.height, image.size_bytes) if image else [None] * 4),
        *((checks.framing, "; ".join(checks.failed)) if checks else [None] * 2),
        cell.ratings.raters,
        cell.ratings.would_ship,
        "; ".join(f"{fault}: {number}" for fault, number in cell.ratings.faults.items()),
        cell.votes.won,
        cell.votes.lost,
        cell.votes.both_good,
        cell.votes.both_bad,
    ]


def _safe(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.lstrip(" ").startswith(FORMULA) else value
