"""What a decoder hands over, and the ways in which it can fail."""

from dataclasses import dataclass

from PIL import Image


@dataclass(frozen=True)
class Raw:
    """A shrunk picture as stored: not turned yet, `original_size` (width, height) before shrinking.

    `orientation` is EXIF's number: 1 is upright, 2 to 8 are turned or mirrored.
    """

    image: Image.Image
    icc: bytes | None
    original_size: tuple[int, int]
    orientation: int = 1


class Damaged(Exception):
    """The file cannot be decoded."""


class TooManyPixels(Exception):
    """The file claims more pixels than are decoded; `width` and `height` in pixels."""

    def __init__(self, width: int, height: int) -> None:
        super().__init__(f"{width}x{height}")
        self.width, self.height = width, height


class TooHeavy(Exception):
    """Decoding took more time or memory than it may."""
