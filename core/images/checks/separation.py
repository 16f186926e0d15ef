"""Tells a drawn figure from its background without a model: by colours that reach both edges of the picture.

A figure that is cut off touches one side or the lower edge; a background shows on the left and on the right.
So the colours that both side strips share are taken as background, with smooth passages between them
(gradients, soft shadows), as far as they hang together with the border. What remains is figure.
"""

import dataclasses

import cv2
import numpy as np
import numpy.typing as npt

SIDE = 512  # pixels of the longest side that is worked on
BIN = 12  # steps of Lab colour that count as one
STRIP = 0.012  # width of the side strips, as a share of the width
SMOOTH = 7  # brightness or colour steps within 3x3 pixels that make no edge
# A colour must make up so much of each strip; the line of a floor and cut-off fingers do not.
RARE = 0.012
PANEL_INSET = 0.012
# Lines of a panel's inside are filled so far, and there are so many of them, as shares of the stage.
PANEL_LINES = 0.8
MOST_PANELS = 3
# Drawn lines across the whole picture, such as a floor's edge, are at most so thick.
LINE = 0.02
# Pieces above each other belong together when they overlap so far sideways and gape no wider up and down.
OVERLAP, GAP = 0.6, 0.06
Mask = npt.NDArray[np.bool_]
Pixels = npt.NDArray[np.uint8]
Box = tuple[int, int, int, int]  # left, top, right, bottom


@dataclasses.dataclass(frozen=True)
class Blob:
    """One piece that is no background; the box is in pixels, `area` counts them."""

    box: Box
    area: int
    mask: Mask

    @property
    def width(self) -> int:
        return self.box[2] - self.box[0]

    @property
    def height(self) -> int:
        return self.box[3] - self.box[1]


@dataclasses.dataclass(frozen=True)
class Separated:
    """What is background within the stage. `side_shares` is how much of the left and right
    strip is shared colour, the smaller first."""

    stage: Box
    blobs: tuple[Blob, ...]  # largest first, boxes within the whole working picture
    background_share: float
    side_shares: tuple[float, float]


def working_size(pixels: Pixels) -> Pixels:
    """The picture with its longest side reduced to SIDE."""
    height, width = pixels.shape[:2]
    scale = min(1.0, SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def separate(rgb: Pixels, alpha: Pixels | None) -> Separated:
    """Separate a picture of working size; frames of comic panels around it are peeled off first."""
    height, width = rgb.shape[:2]
    stage: Box = (0, 0, width, height)
    if alpha is not None and float((alpha < 32).mean()) > 0.1:
        return _separated(stage, alpha > 127, side_shares=(1.0, 1.0))
    for _ in range(MOST_PANELS):
        left, top, right, bottom = stage
        figure, side_shares = _figure(np.ascontiguousarray(rgb[top:bottom, left:right]))
        found = _separated(stage, figure, side_shares=side_shares)
        inner = _panel(found)
        if inner is None:
            break
        stage = inner
    return found


def _figure(rgb: Pixels) -> tuple[Mask, tuple[float, float]]:
    lab = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB), dtype=np.uint8)
    bins = (lab // BIN).astype(np.int64)
    count = 255 // BIN + 1
    codes = (bins[..., 0] * count + bins[..., 1]) * count + bins[..., 2]
    strip = max(3, round(codes.shape[1] * STRIP))
    left, right = codes[:, :strip], codes[:, -strip:]
    cube = _known(left, count) & _known(right, count)
    like: Mask = cube.ravel()[codes]
    few, many = sorted((float(like[:, :strip].mean()), float(like[:, -strip:].mean())))
    passable = like | _smooth(lab)
    background = _reached(passable, like)
    return _without_lines(~background, strip), (few, many)


def _known(codes: npt.NDArray[np.int64], count: int) -> Mask:
    """The colours of a strip and their nearest neighbours, as a cube of flags."""
    often = np.bincount(codes.ravel(), minlength=count**3) >= max(3.0, codes.size * RARE)
    cube = often.reshape(count, count, count)
    grown = cube.copy()
    for axis in range(3):
        for step in (-1, 1):
            moved = np.roll(cube, step, axis)
            edge = [slice(None)] * 3
            edge[axis] = slice(0, 1) if step == 1 else slice(-1, None)
            moved[tuple(edge)] = False
            grown |= moved
    return grown


def _smooth(lab: Pixels) -> Mask:
    kernel = np.ones((3, 3), np.uint8)
    steps = cv2.morphologyEx(lab, cv2.MORPH_GRADIENT, kernel)
    smooth: Mask = steps.max(axis=2) < SMOOTH
    return smooth


def _reached(passable: Mask, like: Mask) -> Mask:
    """What hangs together with background colour on the left, right or upper edge."""
    _, labels = cv2.connectedComponents(passable.astype(np.uint8), connectivity=4)
    edges = [(labels[:, 0], like[:, 0]), (labels[:, -1], like[:, -1]), (labels[0], like[0])]
    seeds = np.concatenate([line[known] for line, known in edges])
    often = np.bincount(seeds, minlength=int(labels.max()) + 1) >= 3
    often[0] = False
    reached: Mask = often[labels]
    return reached


def _without_lines(figure: Mask, strip: int) -> Mask:
    """The figure without thin lines from the left edge to the right one, where nothing crosses them."""
    across = figure[:, :strip].all(axis=1) & figure[:, -strip:].all(axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], across.astype(np.int8), [0]])))
    cleared = figure.copy()
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        if end - start > LINE * figure.shape[0]:
            continue
        first, last = max(0, start - 2), min(figure.shape[0], end + 2)
        crossed = figure[max(0, first - 1)] & figure[min(figure.shape[0] - 1, last)]
        cleared[first:last, ~crossed] = False
    return cleared


def _separated(stage: Box, figure: Mask, *, side_shares: tuple[float, float]) -> Separated:
    opened = cv2.morphologyEx(figure.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(opened, connectivity=8)
    blobs = []
    for index in range(1, count):
        left, top, width, height, area = (int(value) for value in stats[index])
        if area < opened.size * 0.0006:
            continue
        part = labels[top : top + height, left : left + width] == index
        x, y = left + stage[0], top + stage[1]
        blobs.append(Blob((x, y, x + width, y + height), area, part))
    blobs.sort(key=lambda blob: -blob.area)
    return Separated(stage, _joined(blobs), 1 - float(opened.mean()), side_shares)


def _joined(blobs: list[Blob]) -> tuple[Blob, ...]:
    """The pieces, with those joined to the largest that only a gap of background colour parts from it."""
    if not blobs:
        return ()
    figure, others = blobs[0], blobs[1:]
    for blob in sorted(others, key=lambda one: abs(one.box[1] - figure.box[1])):
        overlap = min(figure.box[2], blob.box[2]) - max(figure.box[0], blob.box[0])
        gap = max(figure.box[1], blob.box[1]) - min(figure.box[3], blob.box[3])
        if overlap >= OVERLAP * min(blob.width, figure.width) and gap <= GAP * SIDE:
            figure = _union(figure, blob)
            others.remove(blob)
    return (figure, *others)


def _union(one: Blob, other: Blob) -> Blob:
    left, top = min(one.box[0], other.box[0]), min(one.box[1], other.box[1])
    right, bottom = max(one.box[2], other.box[2]), max(one.box[3], other.box[3])
    mask = np.zeros((bottom - top, right - left), dtype=np.bool_)
    for blob in (one, other):
        x, y = blob.box[0] - left, blob.box[1] - top
        mask[y : y + blob.height, x : x + blob.width] |= blob.mask
    return Blob((left, top, right, bottom), one.area + other.area, mask)


def _panel(found: Separated) -> Box | None:
    """The inside of a drawn frame: a piece that nearly fills the stage as a rectangle does.

    A ribbon may reach over the frame.
    """
    if not found.blobs:
        return None
    largest = found.blobs[0]
    left, top, right, bottom = found.stage
    rows = np.flatnonzero(largest.mask.sum(axis=1) >= PANEL_LINES * (right - left))
    columns = np.flatnonzero(largest.mask.sum(axis=0) >= PANEL_LINES * (bottom - top))
    if rows.size < PANEL_LINES * (bottom - top) or columns.size < PANEL_LINES * (right - left):
        return None
    inset = max(3, round(SIDE * PANEL_INSET))
    x, y = largest.box[:2]
    return (
        x + int(columns[0]) + inset,
        y + int(rows[0]) + inset,
        x + int(columns[-1]) - inset,
        y + int(rows[-1]) - inset,
    )
