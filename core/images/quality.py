"""Judges whether a selfie is good enough for a likeness; nothing here refuses a picture."""

import enum
from dataclasses import dataclass

import numpy as np
from PIL import Image

from core.images.faces import Box
from core.images.limits import UPSTREAM_SHORT_SIDE

# Pixels of the original; below it the eyes are about 30 pixels apart and a likeness becomes luck.
_SMALL_FACE = 80
# Where the brightest tenth of the face begins (0 to 255): dark skin in good light must not be called dark.
_DARK = 60
# Variance of the Laplacian at 512 pixels on the shortest side. Sharp photos have 60 to 1500, the same photos
# under a Gaussian blur of 2 pixels 2 to 20.
_BLURRED = 25.0


class WarningCode(enum.StrEnum):
    """What speaks against a good likeness."""

    NO_FACE = "no_face"
    SEVERAL_FACES = "several_faces"
    FACE_SMALL = "face_small"
    TOO_SMALL = "too_small"
    TOO_DARK = "too_dark"
    BLURRED = "blurred"


@dataclass(frozen=True)
class SelfieWarning:
    """One doubt about a selfie: a code to count by and a sentence to show."""

    code: WarningCode
    sentence: str


_SENTENCES = {
    WarningCode.NO_FACE: "No face was found, so nothing was cropped; a face seen from the front works best.",
    WarningCode.SEVERAL_FACES: "{faces} faces were found and the largest taken; use a photo of one person.",
    WarningCode.FACE_SMALL: "The face is only {face} pixels wide; from nearer the likeness gets better.",
    WarningCode.TOO_SMALL: "The selfie is only {width}x{height} pixels; 512x512 or more is better.",
    WarningCode.TOO_DARK: "The picture is very dark; a photo in daylight gives a better likeness.",
    WarningCode.BLURRED: "The picture looks blurred; a sharp photo gives a better likeness.",
}


def judge(
    image: Image.Image, faces: int, face: Box | None, face_pixels: int, original: tuple[int, int]
) -> tuple[SelfieWarning, ...]:
    """Return all doubts about a normalised selfie.

    `face` is the largest face in `image`, `face_pixels` its width in the original,
    whose width and height are `original`; `faces` is the number of all.
    """
    grey = image.convert("L")
    dark = _is_dark(grey, face)
    doubts = {
        WarningCode.NO_FACE: faces == 0,
        WarningCode.SEVERAL_FACES: faces > 1,
        WarningCode.FACE_SMALL: faces > 0 and face_pixels < _SMALL_FACE,
        WarningCode.TOO_SMALL: min(original) < UPSTREAM_SHORT_SIDE,
        WarningCode.TOO_DARK: dark,
        # Darkness hides edges, so it would be called blurred as well.
        WarningCode.BLURRED: not dark and _sharpness(grey, face) < _BLURRED,
    }
    facts = {"faces": faces, "face": face_pixels, "width": original[0], "height": original[1]}
    return tuple(SelfieWarning(c, _SENTENCES[c].format(**facts)) for c, applies in doubts.items() if applies)


def _is_dark(grey: Image.Image, face: Box | None) -> bool:
    return bool(np.percentile(_part(grey, face), 90) < _DARK)


def _sharpness(grey: Image.Image, face: Box | None) -> float:
    import cv2

    scale = min(1.0, UPSTREAM_SHORT_SIDE / min(grey.size))
    size = round(grey.width * scale), round(grey.height * scale)
    small = grey.resize(size, Image.Resampling.LANCZOS)
    part = _part(small, face.scaled(scale, *size) if face else None)
    return float(cv2.Laplacian(part, cv2.CV_64F).var())


def _part(grey: Image.Image, face: Box | None) -> np.ndarray:
    area = (face.left, face.top, face.right, face.bottom) if face else (0, 0, *grey.size)
    return np.asarray(grey.crop(area))
