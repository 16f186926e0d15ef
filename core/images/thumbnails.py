"""Small pictures for lists."""

import base64
import io

from PIL import Image

from core.images.output import decode_picture

THUMBNAIL_SIDE = 384


def thumbnail(content: bytes, side: int = THUMBNAIL_SIDE) -> bytes:
    """Return the whole picture as WEBP, at most `side` pixels long, without metadata; never enlarged.

    `content` is a selfie or an avatar: JPEG, PNG or WEBP. Raises AvatarRejected when it is none.
    The same picture gives the same bytes.
    """
    return thumbnail_of(decode_picture(content), side)


def thumbnail_of(picture: Image.Image, side: int = THUMBNAIL_SIDE) -> bytes:
    """As `thumbnail`, of a picture that `decode_picture` gave."""
    scale = min(1.0, side / max(picture.size))
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    small = picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    buffer = io.BytesIO()
    small.save(buffer, "WEBP", quality=82, method=4)
    return buffer.getvalue()


def webp_uri(webp: bytes) -> str:
    """A WEBP as an address that holds the picture itself."""
    return f"data:image/webp;base64,{base64.b64encode(webp).decode()}"
