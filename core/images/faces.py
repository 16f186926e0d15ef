"""Finds faces and the square around one, by the frontal-face cascade that ships in OpenCV's wheel."""

import functools
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    import cv2

# Detection takes about 40 ms at this size and still finds faces of a twelfth of the picture.
_DETECTION_SIDE = 640
_SMALLEST_SHARE = 12
# Of OpenCV's three frontal cascades and several settings, this did best on scikit-image's pictures: it found
# 293 of 300 (100 LFW faces at three sizes) and 8 in 240 without a person (20 photos, stretched), most of them
# on coins. Equalising the brightness first costs 9 faces; the cascade normalises each window itself.
_CASCADE = "haarcascade_frontalface_alt2.xml"
_AGREEING = 8

# The cascade's box spans eyebrows to chin and ear to ear. Some three of them hold hair and shoulders; the
# middle lies a little under the face's, because shoulders need more room than hair.
_MARGIN = 3.4
_DOWNWARD = 0.25

_detecting = threading.Lock()


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels; `right` and `bottom` are exclusive."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    def scaled(self, factor: float, width: int, height: int) -> "Box":
        """Return the box in a picture `factor` times as large, held inside its width and height."""
        left, top, right, bottom = (
            round(edge * factor) for edge in (self.left, self.top, self.right, self.bottom)
        )
        return Box(max(left, 0), max(top, 0), min(right, width), min(bottom, height))


def find_faces(image: Image.Image) -> list[Box]:
    """Return the upright frontal faces, the largest first. `image` has mode L, RGB or CMYK."""
    scale = max(1.0, max(image.size) / _DETECTION_SIDE)
    small = image.resize((round(image.width / scale), round(image.height / scale)), Image.Resampling.BOX)
    grey = np.asarray(small.convert("L"))
    smallest = max(24, min(grey.shape) // _SMALLEST_SHARE)
    # One cascade for all threads: it takes 40 ms to read, and must not be used by two threads at once.
    with _detecting:
        found = _cascade().detectMultiScale(grey, 1.1, _AGREEING, minSize=(smallest, smallest))
    boxes = [Box(int(x), int(y), int(x + w), int(y + h)) for x, y, w, h in found]
    boxes.sort(key=lambda box: (-box.width, box.left, box.top))
    return [box.scaled(scale, *image.size) for box in boxes]


def square_around(face: Box, width: int, height: int, *, at_least: int) -> Box | None:
    """Return the square with hair and shoulders inside a picture, or None where that is the whole picture.

    It is at least `at_least` pixels wide, or as wide as the picture's shortest side.
    """
    side = min(max(round(face.width * _MARGIN), at_least), width, height)
    middle_x = (face.left + face.right) / 2
    middle_y = (face.top + face.bottom) / 2 + face.height * _DOWNWARD
    left = min(max(round(middle_x - side / 2), 0), width - side)
    # A face that nearly fills the square keeps its forehead.
    top = min(max(round(middle_y - side / 2), 0), height - side, face.top)
    return None if (side, side) == (width, height) else Box(left, top, left + side, top + side)


@functools.cache
def _cascade() -> "cv2.CascadeClassifier":
    import cv2
    import cv2.data

    return cv2.CascadeClassifier(str(Path(cv2.data.haarcascades) / _CASCADE))
