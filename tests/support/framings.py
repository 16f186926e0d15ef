"""Figures with a known framing, whole and cut off, in several manners on several backgrounds."""

import dataclasses
import random

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from core.sandbox.drawing.backdrop import backdrop, ground_shadow
from core.sandbox.drawing.figure import draw_figure
from core.sandbox.drawing.ink import Sheet
from core.sandbox.drawing.look import look_for

SIDE = 1024
GROUNDS = ("white", "colour", "gradient", "radial", "floor", "grain", "halftone", "shadow", "panel")
MANNERS = ("inked", "noir", "soft", "mannequin", "manga")
CUTS = ("head", "feet", "side", "half")


@dataclasses.dataclass(frozen=True)
class Planted:
    """One picture, how it was made, and which part was cut off ("" for a whole figure)."""

    name: str
    image: Image.Image
    cut: str


def whole(number: int) -> Planted:
    """A figure of 74 to 92 % of the height with at least 3 % above and below."""
    dice = _dice(f"whole {number}")
    height = dice.uniform(0.74, 0.90)
    top = dice.uniform(0.035, 1 - height - 0.035)
    return _planted(number, "", dice, height, top, dice.uniform(-0.05, 0.05))


def cut_off(number: int) -> Planted:
    """A figure that loses its head, its feet, one side, or everything below the waist at an edge."""
    dice = _dice(f"cut {number}")
    cut = CUTS[number % len(CUTS)]
    shift = dice.uniform(-0.03, 0.03)
    height, top = dice.uniform(0.78, 0.92), dice.uniform(0.035, 0.06)
    if cut == "head":
        top = -dice.uniform(0.05, 0.25) * height
    elif cut == "feet":
        top = 1 - dice.uniform(0.80, 0.96) * height
    elif cut == "side":
        shift = dice.choice((-1, 1)) * dice.uniform(0.36, 0.46)
    else:
        height = dice.uniform(1.5, 1.9)
    return _planted(number // len(CUTS), cut, dice, height, top, shift)


def busy(number: int) -> Image.Image:
    """A figure before a scene of patches and lines, from which no simple rule can tell it."""
    dice = _dice(f"busy {number}")
    page = Image.new("RGB", (SIDE, SIDE))
    draw = ImageDraw.Draw(page)
    for _ in range(260):
        x, y = dice.uniform(-80, SIDE), dice.uniform(-80, SIDE)
        box = (x, y, x + dice.uniform(30, 260), y + dice.uniform(30, 260))
        draw.rectangle(box, fill=_colour(dice), outline=(20, 20, 30), width=4)
    figure = _figure(number, "inked", 0.8)
    page.paste(figure, ((SIDE - figure.width) // 2, 80), figure)
    return page


def pair(number: int) -> Image.Image:
    """Two figures side by side on a plain ground."""
    page = _ground("colour", _dice(f"pair {number}"), number, 900)
    for index, centre in enumerate((0.27, 0.75)):
        figure = _figure(number * 2 + index, "inked", 0.72)
        page.paste(figure, (round(centre * SIDE - figure.width / 2), 120), figure)
    return page


def _dice(seed: str) -> random.Random:
    return random.Random(seed)  # noqa: S311 - pictures, not secrets


def _planted(number: int, cut: str, dice: random.Random, height: float, top: float, shift: float) -> Planted:
    ground, manner = GROUNDS[number % len(GROUNDS)], MANNERS[number % len(MANNERS)]
    feet = (top + height) * SIDE
    page = _ground(ground, dice, number, feet)
    figure = _figure(number + 31 * len(cut), manner, height)
    where = (round(SIDE * (0.5 + shift) - figure.width / 2), round(top * SIDE))
    page.paste(figure, where, figure)
    if ground == "panel":
        draw = ImageDraw.Draw(page)
        draw.rectangle((0, 0, SIDE - 1, SIDE - 1), outline=(252, 250, 244), width=14)
        draw.rectangle((14, 14, SIDE - 15, SIDE - 15), outline=(20, 18, 30), width=5)
    return Planted(f"{cut or 'whole'} {number} {manner} on {ground}", page, cut)


def _figure(number: int, manner: str, height: float) -> Image.Image:
    """A figure cropped to its own outline, `height` times SIDE tall."""
    figure = _mannequin(number) if manner == "mannequin" else _sandbox_figure(number)
    figure = figure.crop(figure.getchannel("A").point(lambda value: 255 * (value > 127)).getbbox())
    tall = round(height * SIDE)
    figure = figure.resize((round(figure.width * tall / figure.height), tall), Image.Resampling.LANCZOS)
    alpha = figure.getchannel("A")
    colours = figure.convert("RGB")
    if manner == "noir":
        colours = ImageOps.posterize(ImageOps.autocontrast(colours.convert("L")).convert("RGB"), 2)
    elif manner == "soft":
        colours = colours.filter(ImageFilter.GaussianBlur(1.6))
    elif manner == "manga":
        colours = colours.convert("L").convert("RGB")
    colours.putalpha(alpha)
    return colours


def _sandbox_figure(number: int) -> Image.Image:
    sheet = Sheet(660, 1060, unit=1.0, origin=(330, 26))
    draw_figure(sheet, look_for(f"figure {number}", number % 5), None)
    return sheet.finish()


def _mannequin(number: int) -> Image.Image:
    """Eight heads tall, thin outline, arms close to the body."""
    dice = _dice(f"mannequin {number}")
    page = Image.new("RGBA", (500, 1040), (0, 0, 0, 0))
    draw = ImageDraw.Draw(page)
    ink, skin = (30, 26, 40), (224, 178, 144)
    shirt, trousers, shoes = _colour(dice), (50, 60, 90), (120, 70, 50)
    reach = dice.uniform(60, 140)
    for side in (-1, 1):
        arm = [(250 + side * 62, 190), (250 + side * reach, 330), (250 + side * (reach + 10), 480)]
        leg = [(250 + side * 32, 500), (250 + side * 44, 740), (250 + side * 48, 980)]
        for path, width, fill in ((arm, 40, shirt), (leg, 56, trousers)):
            draw.line(path, fill=ink, width=width + 8, joint="curve")
            draw.line(path, fill=fill, width=width, joint="curve")
        hand = (250 + side * (reach + 10), 490)
        draw.ellipse(
            (hand[0] - 24, hand[1] - 24, hand[0] + 24, hand[1] + 24), fill=skin, outline=ink, width=4
        )
        draw.ellipse(
            (250 + side * 60 - 46, 970, 250 + side * 60 + 46, 1016), fill=shoes, outline=ink, width=4
        )
    draw.rounded_rectangle((176, 158, 324, 520), 40, fill=shirt, outline=ink, width=5)
    draw.ellipse((192, 20, 308, 164), fill=skin, outline=ink, width=5)
    draw.pieslice((188, 12, 312, 150), 180, 360, fill=_colour(dice), outline=ink, width=5)
    return page


def _ground(name: str, dice: random.Random, number: int, feet: float) -> Image.Image:
    colour = np.array([dice.randint(150, 250) for _ in range(3)], dtype=np.float32)
    rows, columns = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32) / SIDE
    flat: npt.NDArray[np.floating] = np.broadcast_to(colour, (SIDE, SIDE, 3))
    if name == "halftone":
        return backdrop(look_for(f"ground {number}", 0), (SIDE, SIDE), floor=min(feet - 110, SIDE - 40))
    pixels: npt.NDArray[np.floating]
    if name == "white":
        pixels = np.full((SIDE, SIDE, 3), 254, dtype=np.float32)
    elif name == "gradient":
        pixels = flat * (0.72 + 0.28 * rows[..., None])
    elif name == "radial":
        pixels = flat * (1 - 0.35 * np.hypot(rows - 0.5, columns - 0.5)[..., None])
    elif name == "floor":
        pixels = np.where((rows > min(feet / SIDE - 0.06, 0.93))[..., None], flat * 0.78, flat)
    elif name == "grain":
        pixels = flat + np.random.default_rng(number).normal(0, 4, (SIDE, SIDE, 1))
    else:
        pixels = flat
    page = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    if name == "shadow" and feet < SIDE:
        shade = Image.new("L", page.size, 0)
        ImageDraw.Draw(shade).ellipse((300, feet - 40, 724, feet + 24), fill=80)
        page.paste((40, 36, 50), (0, 0), shade.filter(ImageFilter.GaussianBlur(14)))
    elif name == "floor" and number % 2 and feet < SIDE * 0.95:
        ground_shadow(page, centre=(SIDE / 2, feet - 14), reach=200)
    return page


def _colour(dice: random.Random) -> tuple[int, int, int]:
    return dice.randint(30, 240), dice.randint(30, 240), dice.randint(30, 240)
