"""Turns a selfie into a comic face: few tones, strong colour, ink along the edges."""

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from core.sandbox.drawing.look import Colour

TONES = 5
# Portraits leave room around the head; the cut-out has none to spare.
ZOOM = 0.84
Pixels = npt.NDArray[np.float32]


def square(picture: Image.Image, side: int) -> Image.Image:
    """The middle square of the picture, `side` pixels wide, in RGB."""
    edge = round(min(picture.size) * ZOOM)
    left, top = (picture.width - edge) // 2, (picture.height - edge) // 2
    box = (left, top, left + edge, top + edge)
    return picture.convert("RGB").resize((side, side), Image.Resampling.BICUBIC, box=box, reducing_gap=2.0)


def comic_face(selfie: Image.Image | None, side: int) -> Image.Image:
    """The face `side` pixels wide; without a selfie, a drawn one."""
    if selfie is None:
        return _drawn_face(side)
    working = min(side, 360)
    photo = square(selfie, working)
    face = Image.fromarray(_inked(_posterised(photo), photo))
    return face if working == side else face.resize((side, side), Image.Resampling.BICUBIC)


def skin_tone(face: Image.Image) -> Colour:
    """The middle colour of the cheeks and nose, never darker or lighter than hands can show."""
    side = face.width
    centre = np.asarray(face.crop((int(side * 0.36), int(side * 0.42), int(side * 0.64), int(side * 0.66))))
    red, green, blue = np.clip(np.median(centre.reshape(-1, 3), axis=0), 60, 240).astype(int).tolist()
    return red, green, blue


def _posterised(photo: Image.Image) -> Pixels:
    pixels = np.asarray(photo.filter(ImageFilter.GaussianBlur(photo.width / 180)), dtype=np.float32)
    light = pixels @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    low, high = np.percentile(light, (3, 97))
    stretched = np.clip((light - low) / max(float(high - low), 16.0), 0, 1)
    tones = (np.floor(stretched * (TONES - 0.01)) + 0.5) / TONES
    target = 40 + tones * 205
    coloured = light[..., None] + (pixels - light[..., None]) * 1.35
    toned: Pixels = np.clip(coloured * (target / np.maximum(light, 12.0))[..., None], 0, 255).astype(
        np.float32
    )
    return toned


def _inked(tones: Pixels, photo: Image.Image) -> npt.NDArray[np.uint8]:
    grey = photo.convert("L")
    fine = np.asarray(grey.filter(ImageFilter.GaussianBlur(photo.width / 260)), dtype=np.float32)
    wide = np.asarray(grey.filter(ImageFilter.GaussianBlur(photo.width / 90)), dtype=np.float32)
    # A pixel clearly darker than its surroundings is a line.
    ink = np.clip((wide - fine - 5.0) / 9.0, 0, 1)[..., None]
    inked: npt.NDArray[np.uint8] = (
        tones * (1 - ink) + np.array([24, 20, 34], dtype=np.float32) * ink
    ).astype(np.uint8)
    return inked


def _drawn_face(side: int) -> Image.Image:
    face = Image.new("RGB", (side, side), (244, 200, 164))
    draw = ImageDraw.Draw(face)
    line = max(2, side // 45)
    draw.pieslice((-side * 0.1, -side * 0.25, side * 1.1, side * 0.62), 180, 360, fill=(96, 62, 48))
    for x in (0.36, 0.64):
        draw.ellipse((side * (x - 0.05), side * 0.44, side * (x + 0.05), side * 0.56), fill=(24, 20, 34))
        draw.ellipse((side * (x - 0.01), side * 0.46, side * (x + 0.03), side * 0.50), fill=(255, 255, 255))
        draw.line(
            (side * (x - 0.07), side * 0.39, side * (x + 0.07), side * 0.39),
            fill=(96, 62, 48),
            width=line * 2,
        )
    draw.arc((side * 0.34, side * 0.50, side * 0.66, side * 0.78), 25, 155, fill=(24, 20, 34), width=line)
    draw.line(
        (side * 0.5, side * 0.54, side * 0.53, side * 0.62, side * 0.49, side * 0.62),
        fill=(160, 110, 84),
        width=line,
    )
    return face
