"""The page behind the figure: halftone dots, rays, floor, frame and the SANDBOX ribbon."""

import functools
import math

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops, ImageDraw, ImageFont

from core.sandbox.drawing.ink import INK, darker
from core.sandbox.drawing.look import Look

FRAME = 18
RIBBON = "SANDBOX"


def backdrop(look: Look, size: tuple[int, int], *, floor: float) -> Image.Image:
    """Paper, dots and floor. `floor` is the height of the floor's horizon in pixels."""
    width, height = size
    page = Image.new("RGB", size, look.paper)
    page.paste(look.dots, (0, 0), halftone(look.backdrop, size))
    draw = ImageDraw.Draw(page)
    draw.rectangle((0, floor, width, height), fill=darker(look.dots, 0.86))
    for step in range(9):
        y = floor + (height - floor) * (step / 9) ** 1.6
        draw.line((0, y, width, y), fill=darker(look.dots, 0.78), width=1 + step // 3)
    draw.line((0, floor, width, floor), fill=INK, width=5)
    return page


@functools.lru_cache(maxsize=12)
def halftone(kind: str, size: tuple[int, int]) -> Image.Image:
    """A mask of dots on a grid turned by 45 degrees; they grow where the pattern is strong."""
    width, height = size
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    pitch = np.float32(math.pi / 15)
    dots = (np.cos((columns + rows) * pitch) * np.cos((columns - rows) * pitch) + 1) / 2
    mask = np.clip((dots - (1 - _strength(kind, columns / width, rows / height))) * 9 + 0.5, 0, 1)
    return Image.fromarray((mask * 255).astype(np.uint8))


def _strength(kind: str, x: npt.NDArray[np.float32], y: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    radius = np.hypot(x - 0.5, y - 0.45)
    if kind == "rising":
        strength = 0.75 - y
    elif kind == "slanted":
        strength = 1.05 - (x + y) * 0.62
    elif kind == "burst":
        rays = np.sin(np.arctan2(y - 0.45, x - 0.5) * 18)
        strength = np.where(rays > 0, 1.2, 0.0) * np.clip(radius * 4 - 0.4, 0, 1)
    else:
        strength = radius * 1.35 - 0.12
    clipped: npt.NDArray[np.float32] = np.clip(strength, 0, 1.2).astype(np.float32)
    return clipped


def ground_shadow(page: Image.Image, *, centre: tuple[float, float], reach: float) -> None:
    """A dotted shadow under the feet, `reach` pixels to either side."""
    x, y = centre
    mask = Image.new("L", page.size, 0)
    ImageDraw.Draw(mask).ellipse((x - reach, y - reach * 0.16, x + reach, y + reach * 0.16), fill=255)
    box = (int(x - reach), int(y - reach * 0.2), int(x + reach) + 1, int(y + reach * 0.2) + 1)
    # A hatch of fine lines looks printed where a blurred shadow would look like a photograph.
    hatch = Image.new("L", page.size, 110)
    lines = ImageDraw.Draw(hatch)
    for offset in range(box[0] - 200, box[2] + 200, 7):
        lines.line((offset, box[1], offset + 120, box[1] + 120), fill=235, width=3)
    page.paste(INK, box, ImageChops.darker(mask, hatch).crop(box))


def frame(page: Image.Image) -> None:
    """A white margin and an ink line around the panel, like a page of a comic book."""
    draw = ImageDraw.Draw(page)
    width, height = page.size
    draw.rectangle((0, 0, width - 1, height - 1), outline=(252, 250, 244), width=FRAME)
    draw.rectangle((FRAME, FRAME, width - 1 - FRAME, height - 1 - FRAME), outline=INK, width=5)


@functools.lru_cache(maxsize=2)
def ribbon() -> Image.Image:
    """The corner ribbon that tells a sandbox drawing from a paid one."""
    band = Image.new("RGBA", (460, 62), (210, 38, 48, 255))
    draw = ImageDraw.Draw(band)
    draw.rectangle((-4, 3, 464, 58), outline=(255, 246, 220, 255), width=3)
    draw.text((230, 31), RIBBON, font=ImageFont.load_default(40), fill=(255, 250, 236, 255), anchor="mm")
    return band.rotate(-45, expand=True, resample=Image.Resampling.BICUBIC)


def mark(page: Image.Image) -> None:
    """Lay the ribbon over the upper right corner."""
    band = ribbon()
    centre_x, centre_y = page.width - 118, 118
    page.paste(band, (centre_x - band.width // 2, centre_y - band.height // 2), band)
