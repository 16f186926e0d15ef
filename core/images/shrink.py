"""Brings a decoded picture of any mode down to a small one in L, RGB or CMYK, a strip at a time.

A strip at a time, because a 40 megapixel picture would otherwise lie in memory twice or three times.
"""

from collections.abc import Callable

from PIL import Image

from core.images.limits import WORKING_SIDE

_STRIP_ROWS = 256
_WITH_ALPHA = {"LA", "La", "PA", "RGBA", "RGBa"}


def shrink_factor(width: int, height: int) -> int:
    """Return the whole number by which a picture is divided so that its longest side is at most 4096."""
    return -(-max(width, height) // WORKING_SIDE)


def shrink(image: Image.Image) -> Image.Image:
    """Return a loaded picture at most 4096 pixels long, on white, as L, RGB or CMYK, without metadata."""
    width, height = image.size
    return shrink_rows(width, height, lambda top, bottom: image.crop((0, top, width, bottom)))


def shrink_rows(width: int, height: int, rows: Callable[[int, int], Image.Image]) -> Image.Image:
    """As `shrink`, for a picture whose rows from `top` to `bottom` (exclusive) are asked for in strips."""
    factor = shrink_factor(width, height)
    strips = (
        (top // factor, flatten(rows(top, min(top + _STRIP_ROWS * factor, height))).reduce(factor))
        for top in range(0, height, _STRIP_ROWS * factor)
    )
    first_top, first = next(strips)
    small = Image.new(first.mode, (first.width, -(-height // factor)))
    small.paste(first, (0, first_top))
    for top, strip in strips:
        small.paste(strip, (0, top))
    return small


def flatten(image: Image.Image) -> Image.Image:
    """Return the picture in mode L, RGB or CMYK with 8 bits a channel; what is transparent becomes white."""
    if image.mode.startswith("I;16"):
        import numpy as np

        # Pillow's own conversion clips at 255 instead of scaling.
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in _WITH_ALPHA or "transparency" in image.info:
        return _on_white(image)
    if image.mode in ("L", "RGB", "CMYK"):
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def _on_white(image: Image.Image) -> Image.Image:
    mode = "L" if image.mode == "LA" else "RGB"
    alpha = image.convert("RGBA")
    ground = Image.new(mode, image.size, "white")
    ground.paste(alpha.convert(mode), mask=alpha.getchannel("A"))
    return ground
