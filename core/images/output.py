"""Checks what a model drew before it is stored as an avatar.

The bytes are kept as they came, with their metadata: it says that a machine drew the picture (C2PA). Only
a conversion, where the catalog allows it, writes new bytes.
"""

import enum
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFile, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from core.images.colours import to_srgb
from core.images.foreign import name_foreign
from core.images.formats import BrokenHeader, Header, Kind, identify, read_header
from core.images.limits import MAX_AVATAR_BYTES, MAX_AVATAR_PIXELS, MEGABYTE
from core.images.orientation import exif_orientation, turn_upright
from core.images.shrink import flatten

AVATAR_SIZE = (1024, 1024)

_EXTENSIONS = {Kind.PNG: "png", Kind.WEBP: "webp", Kind.JPEG: "jpg"}
_READERS: dict[Kind, type[ImageFile.ImageFile]] = {
    Kind.PNG: PngImagePlugin.PngImageFile,
    Kind.WEBP: WebPImagePlugin.WebPImageFile,
    Kind.JPEG: JpegImagePlugin.JpegImageFile,
}
# A drawing spreads over a hundred brightness steps and more; compression alone makes three or four.
_BLANK_SPREAD = 10
_BLANK_SIDE = 128


class AvatarProblem(enum.StrEnum):
    """Why an output is no avatar."""

    NOT_AN_IMAGE = "not_an_image"  # another kind of file, or damaged
    TRUNCATED = "truncated"  # it ends early
    WRONG_SIZE = "wrong_size"  # not the asked width and height
    WRONG_FORMAT = "wrong_format"  # an image, but not in an allowed format
    BLANK = "blank"  # one colour, or transparent
    TOO_LARGE = "too_large"  # more bytes than allowed
    BOMB = "bomb"  # more pixels than are ever decoded


class AvatarRejected(Exception):
    """The output cannot be stored as an avatar; the message is one sentence."""

    def __init__(self, reason: AvatarProblem, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.sentence = sentence


@dataclass(frozen=True)
class Avatar:
    """A checked avatar; `sha256` is of `content`, width and height are in pixels."""

    content: bytes
    content_type: str
    width: int
    height: int
    sha256: str
    extension: str


def check_avatar(
    content: bytes,
    *,
    formats: Sequence[str] = ("PNG", "WEBP", "JPEG"),
    size: tuple[int, int] = AVATAR_SIZE,
    max_bytes: int = MAX_AVATAR_BYTES,
    convert: bool = False,
) -> Avatar:
    """Decode an output fully and return it as an avatar. Raises AvatarRejected.

    With `convert`, another size is scaled and padded, and another format rewritten, instead of refused.
    """
    avatar, _ = check_and_decode(content, formats=formats, size=size, max_bytes=max_bytes, convert=convert)
    return avatar


def check_and_decode(
    content: bytes,
    *,
    formats: Sequence[str] = ("PNG", "WEBP", "JPEG"),
    size: tuple[int, int] = AVATAR_SIZE,
    max_bytes: int = MAX_AVATAR_BYTES,
    convert: bool = False,
) -> tuple[Avatar, Image.Image]:
    """As `check_avatar`, with the picture as `decode_picture` gives it, so that it is decoded but once."""
    if len(content) > max_bytes:
        raise _rejected("too_large", f"The output has more than {max_bytes / MEGABYTE:.0f} MB.")
    kind = _kind(content)
    header = _header(kind, content)
    fits, allowed = (header.width, header.height) == size, kind.value in formats
    if not convert and not allowed:
        raise _rejected("wrong_format", f"The output is {kind.value} instead of {' or '.join(formats)}.")
    if not convert and not fits:
        found, asked = f"{header.width}x{header.height}", f"{size[0]}x{size[1]}"
        raise _rejected("wrong_size", f"The output has {found} pixels instead of {asked}.")
    image = _upright_srgb(_decode(kind, content))
    if is_blank(image):
        raise _rejected("blank", "The output is blank: one colour all over, or nothing but transparency.")
    if fits and allowed:
        return _avatar(content, kind, size), image
    target, padded = kind if allowed else Kind(formats[0]), _padded(image, size)
    return _avatar(_written(padded, target), target, size), padded


def decode_picture(content: bytes) -> Image.Image:
    """Return a JPEG, PNG or WEBP upright, as RGB or RGBA in sRGB, without metadata. Raises AvatarRejected."""
    kind = _kind(content)
    _header(kind, content)
    return _upright_srgb(_decode(kind, content))


def is_blank(image: Image.Image) -> bool:
    """Tell whether a picture shows nothing: no channel spreads over more than ten of 255 steps.

    The highest and lowest hundredth of the pixels are left out, so that specks do not count. Colours weigh by
    their opacity, and opacity counts as a channel: a white figure on a transparent ground is not blank.
    """
    small = image.convert("RGBA").convert("RGBa").resize((_BLANK_SIDE, _BLANK_SIDE), Image.Resampling.BOX)
    low, high = np.percentile(np.asarray(small).reshape(-1, 4), (1, 99), axis=0)
    return bool((high - low).max() <= _BLANK_SPREAD)


def _kind(content: bytes) -> Kind:
    kind = identify(content)
    if kind is not None and kind in _READERS:
        return kind
    name = "a HEIC picture" if kind else name_foreign(content) or "nothing that can be recognised"
    if name.endswith("picture"):
        raise _rejected("wrong_format", f"The output is {name}, which is not stored as an avatar.")
    raise _rejected("not_an_image", f"The output is no picture but {name if content else 'empty'}.")


def _header(kind: Kind, content: bytes) -> Header:
    try:
        header = read_header(kind, content)
    except BrokenHeader as exc:
        raise _rejected("not_an_image", "The output is damaged and cannot be decoded.") from exc
    if header.width * header.height > MAX_AVATAR_PIXELS:
        raise _rejected("bomb", f"The output claims {header.width}x{header.height} pixels.")
    if not header.complete:
        raise _rejected("truncated", "The output ends in the middle of the picture.")
    if header.animated:
        raise _rejected("wrong_format", "The output is an animation.")
    return header


def _decode(kind: Kind, content: bytes) -> Image.Image:
    try:
        image = _READERS[kind](io.BytesIO(content))
        if image.width * image.height > MAX_AVATAR_PIXELS:
            raise ValueError("two different sizes")
        image.load()
    except Exception as exc:
        # Decoders raise a dozen kinds of errors on damaged files. Where this one says "truncated", the file
        # has its end but data is missing in between.
        reason = "truncated" if "runcated" in str(exc) else "not_an_image"
        raise _rejected(reason, "The output is damaged and cannot be decoded.") from exc
    return image


def _upright_srgb(image: Image.Image) -> Image.Image:
    icc = image.info.get("icc_profile")
    if image.has_transparency_data:
        alpha = image.convert("RGBA")
        colours = to_srgb(alpha.convert("RGB"), icc)
        colours.putalpha(alpha.getchannel("A"))
    else:
        colours = to_srgb(flatten(image), icc)
    upright = turn_upright(colours, exif_orientation(image.info.get("exif")))
    upright.info = {}
    return upright


def _padded(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Return the whole picture in the middle of a ground in the colour of its border."""
    scale = min(size[0] / image.width, size[1] / image.height)
    fitted = image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))
    ground = Image.new(image.mode, size, _border_colour(fitted))
    ground.paste(fitted, ((size[0] - fitted.width) // 2, (size[1] - fitted.height) // 2))
    return ground


def _border_colour(image: Image.Image) -> tuple[int, ...]:
    pixels = np.asarray(image)
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    return tuple(int(channel) for channel in np.median(border, axis=0))


def _written(image: Image.Image, kind: Kind) -> bytes:
    buffer = io.BytesIO()
    if kind is Kind.JPEG:
        image.convert("RGB").save(buffer, "JPEG", quality=95)
    else:
        image.save(buffer, kind.value, lossless=True)
    return buffer.getvalue()


def _avatar(content: bytes, kind: Kind, size: tuple[int, int]) -> Avatar:
    digest = hashlib.sha256(content).hexdigest()
    return Avatar(content, kind.content_type, size[0], size[1], digest, _EXTENSIONS[kind])


def _rejected(reason: str, sentence: str) -> AvatarRejected:
    return AvatarRejected(AvatarProblem(reason), sentence)
