"""Real photos in every format and state, built in memory."""

import functools
import io
import struct
from importlib.resources import files
from typing import Any

import numpy as np
import pillow_heif
from PIL import Image, ImageCms

from core.images.samples import samples

pillow_heif.register_heif_opener()

# A tag that no picture contains by accident.
SECRET = "GPS-51.5007N-SECRET"


_QUICK: dict[str, dict[str, Any]] = {
    "PNG": {"compress_level": 1},
    "WEBP": {"method": 0},
    "HEIF": {"enc_params": {"preset": "ultrafast"}},
}


@functools.cache
def astronaut(side: int = 512) -> Image.Image:
    """A portrait: one face of about 92 pixels at a side of 512, a little left of and above the middle."""
    image = Image.open(io.BytesIO(samples()[0][1]())).convert("RGB")
    return image.resize((side, side), Image.Resampling.LANCZOS)


@functools.cache
def photo(name: str, size: tuple[int, int]) -> Image.Image:
    """A photo of scikit-image without a face: coffee, chelsea (a cat), rocket."""
    name = f"{name}.jpg" if name == "rocket" else f"{name}.png"
    content = (files("skimage") / "data" / name).read_bytes()
    return Image.open(io.BytesIO(content)).convert("RGB").resize(size)


def encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The picture as a file of this format, written the quick way where nothing else is asked."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **(_QUICK.get(kind, {}) | options))
    return buffer.getvalue()


def with_metadata(image: Image.Image, kind: str) -> bytes:
    """A file with EXIF, XMP, a colour profile and, where the format has them, comments; all hold SECRET."""
    exif = Image.Exif()
    exif[0x010E] = SECRET  # description
    exif.get_ifd(0x8825)[29] = SECRET  # GPS date
    options: dict[str, Any] = {
        "exif": exif,
        "icc_profile": srgb_profile(),
        "xmp": f"<x>{SECRET}</x>".encode(),
    }
    if kind == "JPEG":
        options["comment"] = SECRET
    if kind == "PNG":
        from PIL.PngImagePlugin import PngInfo

        text = PngInfo()
        text.add_text("Comment", SECRET)
        text.add_itxt("XML:com.adobe.xmp", f"<x>{SECRET}</x>")
        options["pnginfo"] = text
        del options["xmp"]
    return encode(image, kind, **options)


def srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def swapped_profile() -> bytes:
    """A profile whose red and green primaries are exchanged, so that its effect cannot be overlooked."""
    profile = bytearray(srgb_profile())
    at = {tag: _tag_offset(profile, tag) for tag in (b"rXYZ", b"gXYZ")}
    red, green = at[b"rXYZ"], at[b"gXYZ"]
    profile[red : red + 20], profile[green : green + 20] = (
        profile[green : green + 20],
        profile[red : red + 20],
    )
    return bytes(profile)


def _tag_offset(profile: bytes | bytearray, tag: bytes) -> int:
    count = struct.unpack_from(">I", profile, 128)[0]
    for entry in range(count):
        name, offset, _ = struct.unpack_from(">4sII", profile, 132 + 12 * entry)
        if name == tag:
            return int(offset)
    raise LookupError(tag)


def claims(content: bytes, width: int, height: int) -> bytes:
    """The PNG with another size in its header and a right checksum."""
    import zlib

    header = b"IHDR" + struct.pack(">II", width, height) + content[24:29]
    return content[:12] + header + struct.pack(">I", zlib.crc32(header)) + content[33:]


def png16(image: Image.Image) -> bytes:
    """The picture as a PNG with 16 bits a channel."""
    import cv2

    deep = np.asarray(image).astype(np.uint16) * 257
    done, buffer = cv2.imencode(".png", deep[..., ::-1] if deep.ndim == 3 else deep)
    assert done
    return buffer.tobytes()
