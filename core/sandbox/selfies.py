"""Reads `input_images` as the model behind does, and words its complaints."""

import base64
import binascii
import io
import re

from PIL import Image, UnidentifiedImageError

from core.sandbox.state import SandboxState

FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}
# OpenAI's limit for one input image.
LARGEST = 50 * 1024 * 1024
MOST_PIXELS = 100_000_000


class ModelFailure(Exception):
    """The prediction fails; the message is its `error`."""


def open_selfies(state: SandboxState, addresses: list[str]) -> list[Image.Image]:
    """The decoded images. Raises ModelFailure. Nothing outside the sandbox is ever fetched."""
    selfies = []
    for index, address in enumerate(addresses):
        content, media_type = _read(state, address, index)
        if media_type not in FORMATS:
            field = "image" if len(addresses) == 1 else f"image[{index}]"
            raise ModelFailure(
                f"Invalid file '{field}': unsupported mimetype ('{media_type}'). Supported file formats are "
                "'image/jpeg', 'image/png', and 'image/webp'."
            )
        selfies.append(_decode(content, index))
    return selfies


def _read(state: SandboxState, address: str, index: int) -> tuple[bytes, str]:
    if address.startswith("data:"):
        head, _, text = address.partition(",")
        media_type = head[len("data:") :].split(";")[0] or "text/plain"
        try:
            return base64.b64decode(text, validate=True), media_type
        except binascii.Error:
            return b"", media_type
    match = re.fullmatch(re.escape(state.url) + r"/v1/files/([0-9a-z]+)", address)
    file = state.files.get(match[1]) if match else None
    if file is None:
        # The wording is the sandbox's own: what Replicate says here is not documented.
        raise ModelFailure(f"Could not download input_images[{index}]: 404 Not Found")
    return file.content, file.content_type


def _decode(content: bytes, index: int) -> Image.Image:
    complaint = f"Invalid image file or mode for image {index + 1}, please check your image file."
    if len(content) > LARGEST:
        raise ModelFailure(complaint)
    try:
        picture = Image.open(io.BytesIO(content), formats=list(FORMATS.values()))
        if picture.width * picture.height > MOST_PIXELS:
            raise ModelFailure(complaint)
        # A large photo is decoded at a fraction of its size; the face needs a few hundred pixels.
        picture.draft("RGB", (720, 720))
        picture.load()
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as exc:
        raise ModelFailure(complaint) from exc
    return picture
