"""Framing: is the whole figure inside, with room above and below, as tall as asked, and alone?"""

import dataclasses

import numpy as np

from core.images.checks.separation import Blob, Mask, Pixels, Separated, separate, working_size
from core.images.checks.verdicts import Check, Frame, Verdict

LEAST_MARGIN = 0.02
LEAST_HEIGHT, MOST_HEIGHT = 0.70, 0.96
# How the background must look to be told from a figure.
PLAIN_SIDE, OTHER_SIDE = 0.75, 0.15
LEAST_BACKGROUND = 0.12
LEAST_FIGURE = 0.03
# A second piece is a second figure from this share of the first one's area and height.
SECOND_AREA, SECOND_HEIGHT = 0.35, 0.5
# Pieces that together are larger than this share of the figure are no props any more.
MOST_CRUMBS = 0.6
# A lower edge as wide as this, compared with the widest place, may be a cut-off body or a long dress.
BROAD_FOOT = 0.72


@dataclasses.dataclass(frozen=True)
class Framing:
    """Verdicts of the framing checks with what they rest on; see `Facts` for the fields."""

    verdicts: dict[Check, Verdict]
    reason: str | None
    stage: Frame | None = None
    figure: Frame | None = None
    others: tuple[Frame, ...] = ()
    cut: tuple[str, ...] = ()


def check_framing(rgb: Pixels, alpha: Pixels | None) -> Framing:
    """Judge the framing of a picture (height x width x 3; opacity where it has any)."""
    small = working_size(rgb)
    found = separate(small, working_size(alpha) if alpha is not None else None)
    reason, blobs = _doubt(found), found.blobs
    if reason:
        return cannot_tell(reason)
    high, wide = small.shape[:2]
    figure = blobs[0]
    cut = _cut(found, figure)
    seconds = [blob for blob in blobs[1:] if _second(blob, figure)]
    stage, frame = _shares(found.stage, wide, high), _shares(figure.box, wide, high)
    verdicts = _verdicts(frame, cut, alone=not seconds)
    reason = None
    if "bottom" not in cut and _broad_foot(figure):
        verdicts[Check.FEET] = Verdict.UNKNOWN
        reason = "The figure ends in a broad edge: a long dress, or a body that was not drawn to the feet."
    others = tuple(_shares(blob.box, wide, high) for blob in seconds)
    return Framing(verdicts, reason, stage, frame, others, cut)


def cannot_tell(reason: str) -> Framing:
    """No verdict on the framing, and why."""
    checks = (Check.ONE_FIGURE, Check.HEAD, Check.FEET, Check.SIDES, Check.MARGINS, Check.HEIGHT)
    return Framing(dict.fromkeys(checks, Verdict.UNKNOWN), reason)


def _doubt(found: Separated) -> str | None:
    few, many = found.side_shares
    if many < PLAIN_SIDE or few < OTHER_SIDE or found.background_share < LEAST_BACKGROUND:
        return "The background is not plain enough to tell the figure from it."
    if not found.blobs or found.blobs[0].area < LEAST_FIGURE * _area(found):
        return "No figure stands out from the background."
    figure, rest = found.blobs[0], found.blobs[1:]
    crumbs = sum(blob.area for blob in rest if not _second(blob, figure) and not _corner(blob, found))
    if crumbs > MOST_CRUMBS * figure.area:
        return "Too many pieces stand out from the background to tell which is the figure."
    if figure.width > 1.15 * figure.height and not _cut(found, figure):
        return "What stands out is wider than tall: several people side by side, or no standing figure."
    if len(_cut(found, figure)) == 4:
        return "What stands out reaches all four edges."
    return None


def _verdicts(figure: Frame, cut: tuple[str, ...], *, alone: bool) -> dict[Check, Verdict]:
    above, below = figure.top, 1 - figure.bottom
    right = {
        Check.ONE_FIGURE: alone,
        Check.HEAD: "top" not in cut,
        Check.FEET: "bottom" not in cut,
        Check.SIDES: not {"left", "right"} & set(cut),
        Check.MARGINS: min(above, below) >= LEAST_MARGIN,
        Check.HEIGHT: LEAST_HEIGHT <= figure.height <= MOST_HEIGHT,
    }
    return {check: Verdict.PASSED if good else Verdict.FAILED for check, good in right.items()}


def _cut(found: Separated, blob: Blob) -> tuple[str, ...]:
    """The edges of the stage that the piece touches with more than a point."""
    left, top, right, bottom = found.stage
    x0, y0, x1, y1 = blob.box
    mask = blob.mask
    touching = {
        "top": y0 - top <= 1 and np.count_nonzero(mask[0]),
        "bottom": bottom - y1 <= 1 and np.count_nonzero(mask[-1]),
        "left": x0 - left <= 1 and np.count_nonzero(mask[:, 0]),
        "right": right - x1 <= 1 and np.count_nonzero(mask[:, -1]),
    }
    return tuple(side for side, length in touching.items() if int(length) >= 3)


def _second(blob: Blob, figure: Blob) -> bool:
    return blob.area >= SECOND_AREA * figure.area and blob.height >= SECOND_HEIGHT * figure.height


def _corner(blob: Blob, found: Separated) -> bool:
    """A ribbon or a logo in a corner."""
    sides = set(_cut(found, blob))
    return bool(sides & {"left", "right"}) and bool(sides & {"top", "bottom"})


def _broad_foot(figure: Blob) -> bool:
    """Whether the lowest lines are one broad piece; two shoes have a gap between them, or are narrow."""
    lowest = figure.mask[-max(2, round(figure.height * 0.02)) :]
    return bool(np.median([_longest_run(row) for row in lowest]) > BROAD_FOOT * figure.mask.sum(axis=1).max())


def _longest_run(row: Mask) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], row.astype(np.int8), [0]])))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def _area(found: Separated) -> int:
    left, top, right, bottom = found.stage
    return (right - left) * (bottom - top)


def _shares(box: tuple[int, int, int, int], wide: int, high: int) -> Frame:
    left, top, right, bottom = box
    return Frame(*(round(v, 4) for v in (left / wide, top / high, right / wide, bottom / high)))
