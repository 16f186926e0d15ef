"""One finished picture: page, floor, shadow, figure, frame and ribbon, encoded as asked."""

import io

from PIL import Image

from core.sandbox.drawing.backdrop import backdrop, frame, ground_shadow, mark
from core.sandbox.drawing.figure import draw_figure
from core.sandbox.drawing.ink import Sheet
from core.sandbox.drawing.look import look_for

# Width and height in pixels of a ratio (`aspect_ratio` of the input schemas; 1536x1152 and the like name them
# themselves). The wide ratios have the smallest size of theirs that the schemas name; with `auto` the model
# decides, and the sandbox draws a square.
SIZES: dict[str, tuple[int, int]] = {
    "1:1": (1024, 1024),
    "auto": (1024, 1024),
    "3:2": (1536, 1024),
    "2:3": (1024, 1536),
    "4:3": (1536, 1152),
    "3:4": (1152, 1536),
    "16:9": (2048, 1152),
    "9:16": (1152, 2048),
}
HEAD_ROOM = 0.10
FIGURE_SHARE = 0.80


def size_of(aspect_ratio: str) -> tuple[int, int]:
    """Width and height in pixels of a ratio (`3:2`) or a size (`1536x1024`)."""
    if aspect_ratio in SIZES:
        return SIZES[aspect_ratio]
    width, _, height = aspect_ratio.partition("x")
    return int(width), int(height)


def draw(prompt: str, repeat: int, selfie: Image.Image | None, size: tuple[int, int]) -> Image.Image:
    """The picture for a prompt. The whole figure stands inside the frame with room on every side."""
    width, height = size
    look = look_for(prompt, repeat)
    unit = min(height * FIGURE_SHARE / 1000, width * 0.80 / 640)
    top = height * HEAD_ROOM + (height * FIGURE_SHARE - 1000 * unit) / 2
    soles = top + 1000 * unit
    page = backdrop(look, size, floor=soles - 120 * unit)
    ground_shadow(page, centre=(width / 2 + 20 * unit, soles - 14 * unit), reach=270 * unit)
    box = round(660 * unit)
    sheet = Sheet(box, round(1060 * unit), unit=unit, origin=(box / 2, 26 * unit))
    draw_figure(sheet, look, selfie)
    drawn = sheet.finish()
    page.paste(drawn, (round(width / 2 - box / 2), round(top - 26 * unit)), drawn)
    frame(page)
    mark(page)
    return page


def encode(picture: Image.Image, output_format: str, *, quality: int) -> bytes:
    """The picture as a `png`, `jpeg` or `webp` file; `quality` (0..100) is ignored for PNG."""
    target = io.BytesIO()
    if output_format == "png":
        picture.save(target, "PNG", compress_level=3)
    elif output_format == "jpeg":
        picture.save(target, "JPEG", quality=max(quality, 1))
    else:
        picture.save(target, "WEBP", quality=quality, method=0)
    return target.getvalue()
