"""A sheet on which inked, cel-shaded shapes are drawn: dark outline, flat fill, one shadow."""

import math
from collections.abc import Callable, Sequence

from PIL import Image, ImageChops, ImageDraw

from core.sandbox.drawing.look import Colour, Point

INK: Colour = (24, 20, 34)
OUTLINE = 8.0
SUPERSAMPLE = 2
Trace = Callable[[ImageDraw.ImageDraw, Point, float], None]  # draws relative to a corner, grown outwards


def darker(colour: Colour, factor: float = 0.74) -> Colour:
    """The shadow tone of a colour, slightly cooler."""
    red, green, blue = colour
    return int(red * factor), int(green * factor), min(255, int(blue * (factor + 0.06)))


def smooth(points: Sequence[Point], *, steps: int = 8) -> list[Point]:
    """A closed Catmull-Rom curve through the points."""
    curve: list[Point] = []
    count = len(points)
    for index in range(count):
        p0, p1, p2, p3 = (points[(index + shift) % count] for shift in (-1, 0, 1, 2))
        for step in range(steps):
            t = step / steps
            curve.append((_spline(p0[0], p1[0], p2[0], p3[0], t), _spline(p0[1], p1[1], p2[1], p3[1], t)))
    return curve


def _spline(a: float, b: float, c: float, d: float, t: float) -> float:
    return 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)


def _moved(points: list[Point], corner: Point) -> list[Point]:
    return [(x - corner[0], y - corner[1]) for x, y in points]


class Sheet:
    """A transparent picture in figure units: x from the middle, y from the top of the head.

    `unit` is output pixels per figure unit; drawing is done at twice that and reduced by `finish`.
    """

    def __init__(self, width: int, height: int, *, unit: float, origin: Point) -> None:
        self.image = Image.new("RGBA", (width * SUPERSAMPLE, height * SUPERSAMPLE), (*INK, 0))
        self.unit = unit * SUPERSAMPLE
        self.origin = (origin[0] * SUPERSAMPLE, origin[1] * SUPERSAMPLE)

    def finish(self) -> Image.Image:
        return self.image.reduce(SUPERSAMPLE)

    def place(self, point: Point) -> Point:
        """A point of the figure in pixels of the sheet."""
        return self.origin[0] + point[0] * self.unit, self.origin[1] + point[1] * self.unit

    def shape(self, points: Sequence[Point], fill: Colour, *, shade: float = 10, curved: bool = True) -> None:
        """A closed shape through the points (straight edges unless `curved`)."""
        outline = [self.place(point) for point in (smooth(points) if curved else points)]

        def trace(draw: ImageDraw.ImageDraw, corner: Point, grow: float) -> None:
            moved = _moved(outline, corner)
            draw.polygon(moved, fill=255)
            if grow:
                draw.line([*moved, *moved[:2]], fill=255, width=round(grow * 2), joint="curve")

        self._paint(outline, 0, trace, fill, shade)

    def limb(self, points: Sequence[Point], width: float, fill: Colour, *, shade: float = 10) -> None:
        """A thick line with round ends and joints."""
        path = [self.place(point) for point in points]
        half = width * self.unit / 2

        def trace(draw: ImageDraw.ImageDraw, corner: Point, grow: float) -> None:
            moved = _moved(path, corner)
            draw.line(moved, fill=255, width=round((half + grow) * 2), joint="curve")
            for x, y in moved:
                radius = half + grow - 0.5
                draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)

        self._paint(path, half, trace, fill, shade)

    def disc(self, centre: Point, radius: float, fill: Colour, *, shade: float = 8) -> None:
        self.limb([centre, centre], radius * 2, fill, shade=shade)

    def stroke(self, points: Sequence[Point], colour: Colour = INK, *, width: float = 5) -> None:
        """A plain line on top of what is there."""
        path = [self.place(point) for point in points]
        ImageDraw.Draw(self.image).line(
            path, fill=(*colour, 255), width=round(width * self.unit), joint="curve"
        )

    def paste(self, picture: Image.Image, mask: Image.Image, centre: Point) -> None:
        """Another picture, its middle at `centre`, through a mask of the same size."""
        x, y = self.place(centre)
        self.image.paste(picture, (round(x - picture.width / 2), round(y - picture.height / 2)), mask)

    def _paint(self, points: list[Point], margin: float, trace: Trace, fill: Colour, shade: float) -> None:
        """Ink the grown shape, fill the shape, shade what its own copy, moved to the light, leaves bare."""
        ink = OUTLINE * self.unit
        reach = margin + ink + 2
        left = math.floor(min(x for x, _ in points) - reach)
        top = math.floor(min(y for _, y in points) - reach)
        right = math.ceil(max(x for x, _ in points) + reach)
        bottom = math.ceil(max(y for _, y in points) + reach)
        inner = Image.new("L", (right - left, bottom - top), 0)
        outer = inner.copy()
        trace(ImageDraw.Draw(inner), (left, top), 0)
        trace(ImageDraw.Draw(outer), (left, top), ink)
        self.image.paste((*INK, 255), (left, top), outer)
        self.image.paste((*fill, 255), (left, top), inner)
        if shade:
            step = round(shade * self.unit)
            light = Image.new("L", inner.size, 0)
            light.paste(inner, (-step, -step // 2))
            self.image.paste((*darker(fill), 255), (left, top), ImageChops.subtract(inner, light))
