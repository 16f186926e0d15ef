"""A comparison as the browser gets it: plain values, ready words, and signed addresses of pictures."""

from collections.abc import Mapping, Sequence
from typing import Any

from core.experiments.compare import Column, Comparison, Gate, Sample
from core.experiments.grids import CellView, RowView
from core.foundation.wording import dollars
from core.images.addresses import Size
from core.images.checks.verdicts import FRAMING, Check, Verdict
from core.settings import Settings
from pages.shared.parameters import LABELS
from pages.shared.prompt_diff import summary

# Framing in a word that fits under a small picture; the rest of the checks the same.
SHORT = {
    Check.ONE_FIGURE: "figures",
    Check.HEAD: "head",
    Check.FEET: "feet",
    Check.SIDES: "side",
    Check.MARGINS: "margins",
    Check.HEIGHT: "size of figure",
    Check.DECODES: "unreadable",
    Check.SIZE: "wrong size",
    Check.NOT_BLANK: "blank",
    Check.OWN: "somebody else's",
    Check.SHARP: "blurred",
}
CROPS = (Check.HEAD, Check.FEET, Check.SIDES)


def payload(settings: Settings, found: Comparison, *, rate: bool) -> dict[str, Any]:
    """What the grid shows; `rate` says whether this viewer may rate images."""
    return {
        "baseline": found.baseline,
        "rate": rate,
        "variants": [_column(each) for each in found.columns],
        "selfies": [_row(settings, each) for each in found.rows],
        "cells": {
            f"{variant_id}:{selfie_id}": {
                "samples": [_sample(settings, each) for each in many],
                "worst": [each.cell.repeat for each in found.worst[variant_id, selfie_id]],
            }
            for (variant_id, selfie_id), many in found.cells.items()
        },
        "columnOrders": found.column_orders,
        "rowOrders": found.row_orders,
    }


def _column(each: Column) -> dict[str, Any]:
    variant, sums, way = each.variant, each.sums, each.difference
    counts = [f"{sums.done} done", f"{sums.failed} failed" if sums.failed else ""]
    counts += [f"{sums.coming} to come" if sums.coming else ""]
    more = [f"{sums.refused} refused" if sums.refused else "", f"{sums.bad} with faults" if sums.bad else ""]
    return {
        "id": variant.id,
        "label": variant.label,
        "production": each.production,
        "price": f"{dollars(variant.price_usd)} an image",
        "counts": " · ".join(filter(None, counts)),
        "more": " · ".join(filter(None, more)),
        "mean": "" if sums.mean_cost is None else f"mean {dollars(sums.mean_cost)}",
        "prompt": variant.prompt,
        "parameters": _named({"model": variant.model, **variant.parameters}),
        "summary": summary(way.pieces, way.changes),
        "pieces": [[each.side, each.text] for each in way.pieces],
        "changes": [
            [name, change.before or "none", change.after or "none"]
            for change in way.changes
            for name in [LABELS.get(change.name, change.name.capitalize())]
        ],
    }


def _named(parameters: Mapping[str, str]) -> list[list[str]]:
    return [[LABELS.get(name, name.capitalize()), value] for name, value in parameters.items()]


def _row(settings: Settings, selfie: RowView) -> dict[str, Any]:
    return {
        "id": selfie.id,
        "name": selfie.name,
        "tags": ", ".join(selfie.tags),
        "small": selfie.picture and selfie.picture.address(settings, Size.SMALL),
        "whole": selfie.picture and selfie.picture.address(settings, Size.WHOLE),
    }


def _sample(settings: Settings, sample: Sample) -> dict[str, Any]:
    cell = sample.cell
    shown: dict[str, Any] = {
        "repeat": cell.repeat,
        "state": cell.state,
        "gate": sample.gate,
        "generation": cell.generation_id,
        "facts": _facts(sample),
        "check": check_words(sample),
    }
    if cell.picture is not None:
        shown |= {
            "small": cell.picture.address(settings, Size.SMALL),
            "whole": cell.picture.address(settings, Size.WHOLE),
            "width": cell.width,
            "height": cell.height,
            "measured": _measured(cell.checks or {}),
        }
    else:
        shown |= {"title": cell.failure_title or _title(cell), "sentence": cell.failure_sentence or ""}
    return shown


def _title(cell: CellView) -> str:
    """Why there is no picture, where nothing went wrong."""
    if cell.state == "running":
        return f"Under way: {(cell.stage or 'under way').replace('_', ' ')}"
    return {"missing": "Missing", "failed": "Failed"}.get(cell.state, "The image is not here")


def _facts(sample: Sample) -> str:
    """`$0.042 · 21 s · shared · 2 of 3 ship`."""
    cell = sample.cell
    parts = [
        dollars(cell.cost_usd) if cell.cost_usd is not None else "",
        f"{cell.seconds:.0f} s" if cell.seconds is not None else "",
        "shared" if cell.shared else "",
        f"{sample.ships} of {sample.raters} ship" if sample.raters else "",
    ]
    return " · ".join(filter(None, parts))


def check_words(sample: Sample) -> str:
    """`1024 ok`, `crop: feet, head`, `cannot tell`: a word beside the colour; nothing without an image."""
    cell = sample.cell
    if sample.gate is Gate.GOOD:
        return f"{cell.width if cell.width == cell.height else f'{cell.width}x{cell.height}'} ok"
    if sample.gate is Gate.DOUBT:
        return "cannot tell" if cell.checks else "not checked yet"
    return _faults(sample.failed)


def _faults(failed: Sequence[Check]) -> str:
    crops = [SHORT[check] for check in CROPS if check in failed]
    others = [SHORT[check] for check in failed if check not in CROPS]
    # What is not framing is worse, and named first.
    others.sort(key=lambda word: word in {SHORT[check] for check in FRAMING})
    return "; ".join([*([f"crop: {', '.join(crops)}"] if crops else []), *others])


def _measured(checks: Mapping[str, Any]) -> dict[str, Any] | None:
    """Where the figure stands, in shares of the picture; None where nothing was measured."""
    facts, verdicts = checks.get("facts") or {}, checks.get("verdicts") or {}
    if not facts.get("figure"):
        return None
    return {
        "figure": facts["figure"],
        "others": facts.get("others") or [],
        "cut": facts.get("cut") or [],
        "stage": facts.get("stage"),
        "head": verdicts.get(Check.HEAD, Verdict.UNKNOWN),
        "feet": verdicts.get(Check.FEET, Verdict.UNKNOWN),
    }
