"""Turns an uploaded file into a selfie that may be kept and sent to the provider.

A selfie is an upright JPEG in sRGB without metadata. The same file gives the same bytes.
"""

import hashlib
import io
from dataclasses import dataclass

from PIL import Image

from core.foundation.errors import SelfieRejected
from core.images.colours import to_srgb
from core.images.decoding import Decoded, decode
from core.images.faces import Box, find_faces, square_around
from core.images.foreign import name_foreign
from core.images.formats import BrokenHeader, Header, Kind, heic_complete, identify, read_header
from core.images.limits import (
    MAX_ASPECT,
    MAX_JPEG_SCANS,
    MAX_UPLOAD_BYTES,
    MAX_UPLOAD_PIXELS,
    MEGABYTE,
    MIN_UPLOAD_SIDE,
    SELFIE_LONG_SIDE,
    SELFIE_SHORT_SIDE,
    SELFIE_TARGET_BYTES,
)
from core.images.quality import SelfieWarning, judge
from core.images.raw import Damaged, TooHeavy, TooManyPixels

_FORMATS = "JPEG, PNG, WEBP or HEIC"
_DAMAGED = "The picture is damaged and cannot be read: export it again as JPEG and upload that."
_CUT_OFF = "The file ends in the middle of the picture, so the upload or a copy was cut off: upload it again."
_TOO_HEAVY = "The picture takes too much time or memory to read: save it as an ordinary JPEG and upload that."

# The first quality that fits into a data URI is taken; below the last one faces begin to show blocks.
_QUALITIES = (92, 88, 84, 80)


@dataclass(frozen=True)
class Selfie:
    """A normalised selfie. Sizes are in pixels, `sha256` is of `content`.

    `crop` is what was cut out of the upright original, None where all of it was kept.
    """

    content: bytes
    content_type: str
    width: int
    height: int
    sha256: str
    crop: Box | None
    original_size: tuple[int, int]
    warnings: tuple[SelfieWarning, ...]


def take_in(content: bytes, filename: str = "", *, crop_to_face: bool = True) -> Selfie:
    """Normalise an upload. Raises SelfieRejected with a sentence that says what is wrong and what to do.

    The type is told by the content; `filename` only helps the sentence.
    """
    decoded = _decode(content, filename)
    _check_shape(*decoded.original_size)
    faces = find_faces(decoded.image)
    scale = decoded.original_size[0] / decoded.image.width
    crop = _choose_crop(decoded.image, faces, scale) if crop_to_face and faces else None
    image = to_srgb(_cut_out(decoded.image, crop), decoded.icc)
    face = _within(faces[0], crop, image, decoded.image) if faces else None
    face_pixels = round(faces[0].width * scale) if faces else 0
    normalised = _encode(image)
    return Selfie(
        content=normalised,
        content_type=Kind.JPEG.content_type,
        width=image.width,
        height=image.height,
        sha256=hashlib.sha256(normalised).hexdigest(),
        crop=crop.scaled(scale, *decoded.original_size) if crop else None,
        original_size=decoded.original_size,
        warnings=judge(image, len(faces), face, face_pixels, decoded.original_size),
    )


def _decode(content: bytes, filename: str) -> Decoded:
    if not content:
        raise SelfieRejected("The file is empty: upload the photo again.")
    if len(content) > MAX_UPLOAD_BYTES:
        raise SelfieRejected(
            f"The file has {len(content) / MEGABYTE:.1f} MB and at most {MAX_UPLOAD_BYTES // MEGABYTE} MB "
            "are read: save the photo smaller and upload that."
        )
    kind = identify(content)
    if kind is None:
        raise SelfieRejected(_foreign(content, filename))
    try:
        return decode(kind, content, _checked_header(kind, content))
    except (Damaged, BrokenHeader) as exc:
        raise SelfieRejected(_DAMAGED) from exc
    except TooHeavy as exc:
        raise SelfieRejected(_TOO_HEAVY) from exc
    except TooManyPixels as exc:
        raise SelfieRejected(_too_many_pixels(exc.width, exc.height)) from exc


def _foreign(content: bytes, filename: str) -> str:
    name = name_foreign(content) or "no picture that can be recognised"
    subject = "The file"
    if filename.lower().endswith((".jpg", ".jpeg", ".png", ".webp", ".heic", ".heif")):
        subject = f"The file is named like a {filename.rsplit('.', 1)[1].upper()} but"
    return f"{subject} is {name}: upload the photo as {_FORMATS}."


def _checked_header(kind: Kind, content: bytes) -> Header | None:
    """Refuse from the header alone what must not be decoded. A HEIC's is checked in its own process."""
    if kind is Kind.HEIC:
        if not heic_complete(content):
            raise SelfieRejected(_CUT_OFF)
        return None
    header = read_header(kind, content)
    if header.animated:
        raise SelfieRejected(f"The {kind.value} file is an animation: upload a single photo.")
    if header.width * header.height > MAX_UPLOAD_PIXELS:
        raise SelfieRejected(_too_many_pixels(header.width, header.height))
    if header.scans > MAX_JPEG_SCANS:
        raise SelfieRejected(_TOO_HEAVY)
    if not header.complete:
        raise SelfieRejected(_CUT_OFF)
    _check_shape(header.width, header.height)
    return header


def _too_many_pixels(width: int, height: int) -> str:
    return (
        f"The picture has {width}x{height} pixels ({width * height / 1e6:.1f} megapixels) and at most "
        f"{MAX_UPLOAD_PIXELS // 1_000_000} megapixels are read: save it smaller and upload that."
    )


def _check_shape(width: int, height: int) -> None:
    if min(width, height) < MIN_UPLOAD_SIDE:
        raise SelfieRejected(
            f"The picture has only {width}x{height} pixels and {MIN_UPLOAD_SIDE}x{MIN_UPLOAD_SIDE} are the "
            "least: upload a larger photo."
        )
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise SelfieRejected(
            f"The picture is a strip of {width}x{height} pixels: cut it so that no side is more than "
            f"{MAX_ASPECT} times the other."
        )


def _choose_crop(image: Image.Image, faces: list[Box], scale: float) -> Box | None:
    # What is cut away would only draw attention from the face; below this not much of it would be left.
    return square_around(faces[0], *image.size, at_least=round(MIN_UPLOAD_SIDE / scale))


def _cut_out(image: Image.Image, crop: Box | None) -> Image.Image:
    """Return the crop, or all, scaled down so that the sides are at most 1024 (shorter) and 1536 (longer)."""
    area = crop or Box(0, 0, *image.size)
    shorter, longer = sorted((area.width, area.height))
    scale = min(1.0, SELFIE_SHORT_SIDE / shorter, SELFIE_LONG_SIDE / longer)
    size = round(area.width * scale), round(area.height * scale)
    box = (area.left, area.top, area.right, area.bottom)
    return image.resize(size, Image.Resampling.LANCZOS, box=box, reducing_gap=3.0)


def _within(face: Box, crop: Box | None, image: Image.Image, original: Image.Image) -> Box:
    area = crop or Box(0, 0, *original.size)
    moved = Box(face.left - area.left, face.top - area.top, face.right - area.left, face.bottom - area.top)
    return moved.scaled(image.width / area.width, *image.size)


def _encode(image: Image.Image) -> bytes:
    # A fresh picture, because Pillow writes the comment that an old one remembers.
    clean = Image.new("RGB", image.size)
    clean.paste(image)
    best = _jpeg(clean, _QUALITIES[0])
    if len(best) <= SELFIE_TARGET_BYTES:
        return best
    for quality in _QUALITIES[1:]:
        smaller = _jpeg(clean, quality)
        if len(smaller) <= SELFIE_TARGET_BYTES:
            return smaller
    # It will be uploaded as a file anyway, so nothing is gained by a lower quality.
    return best


def _jpeg(image: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    # Not `optimize`: Pillow gives it room for one byte a pixel, and a picture of pure noise needs more.
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
