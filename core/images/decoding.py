"""Decodes a JPEG, PNG, WEBP or HEIC from outside into a small upright picture, within bounded memory.

Pillow's format classes are used directly: `Image.open` would try further formats, and its limit on pixels is
one setting for the whole process. Callers check `formats.read_header` against their limits first.
"""

import io
import threading
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFile, JpegImagePlugin, PngImagePlugin

from core.images.formats import Header, Kind, webp_chunks
from core.images.heic import decode_heic
from core.images.limits import LARGE_PIXELS
from core.images.orientation import exif_orientation, is_sideways, turn_upright
from core.images.raw import Damaged, Raw
from core.images.shrink import shrink, shrink_factor, shrink_rows

_one_large_picture = threading.BoundedSemaphore()


@dataclass(frozen=True)
class Decoded:
    """An upright picture in mode L, RGB or CMYK, at most 4096 pixels long, and the profile of its colours.

    `original_size` is the width and height of the upright picture before it was shrunk.
    """

    image: Image.Image
    icc: bytes | None
    original_size: tuple[int, int]


def decode(kind: Kind, content: bytes, header: Header | None) -> Decoded:
    """Decode the picture; `header` is None for HEIC only. Raises what `core.images.raw` defines."""
    large = header is None or header.width * header.height > LARGE_PIXELS
    with _one_large_picture if large else nullcontext():
        raw = decode_heic(content) if header is None else _decode_here(kind, content, header)
    width, height = raw.original_size
    upright = (height, width) if is_sideways(raw.orientation) else (width, height)
    return Decoded(turn_upright(raw.image, raw.orientation), raw.icc, upright)


def _decode_here(kind: Kind, content: bytes, header: Header) -> Raw:
    readers = {Kind.JPEG: _read_jpeg, Kind.PNG: _read_png, Kind.WEBP: _read_webp}
    try:
        return readers[kind](content, header)
    except Exception as exc:
        # Decoders raise a dozen kinds of errors on damaged files.
        raise Damaged(str(exc)) from exc


def _read_jpeg(content: bytes, header: Header) -> Raw:
    image = JpegImagePlugin.JpegImageFile(io.BytesIO(content))
    _check_size(image.size, header)
    factor = shrink_factor(*image.size)
    if factor > 1:
        # The decoder itself can leave out half, three quarters or seven eighths of the pixels.
        image.draft(None, (image.width // factor, image.height // factor))
    return _raw(image, header)


def _read_png(content: bytes, header: Header) -> Raw:
    image = PngImagePlugin.PngImageFile(io.BytesIO(content))
    _check_size(image.size, header)
    return _raw(image, header)


def _raw(image: ImageFile.ImageFile, header: Header) -> Raw:
    image.load()
    icc = image.info.get("icc_profile")
    return Raw(shrink(image), icc, (header.width, header.height), exif_orientation(image.info.get("exif")))


def _read_webp(content: bytes, header: Header) -> Raw:
    # By OpenCV, because Pillow decodes WEBP as an animation and holds four copies: 640 MB at 40 megapixels.
    import cv2

    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise Damaged("not decodable")
    height, width, channels = pixels.shape
    _check_size((width, height), header)
    order = [2, 1, 0, 3][:channels]
    image = shrink_rows(
        width, height, lambda top, bottom: Image.fromarray(np.ascontiguousarray(pixels[top:bottom, :, order]))
    )
    chunks = dict(webp_chunks(content))
    return Raw(image, chunks.get(b"ICCP"), (width, height), exif_orientation(chunks.get(b"EXIF")))


def _check_size(size: tuple[int, int], header: Header) -> None:
    # The limits were checked on the header, so the decoder must not believe in another size.
    if size != (header.width, header.height):
        raise Damaged("two different sizes")
