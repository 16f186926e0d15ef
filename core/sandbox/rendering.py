"""What the model does: reads the selfies, draws, and writes its log."""

import dataclasses
import io
import random
import struct
import warnings
import zlib
from typing import Any

from PIL import Image

from core.sandbox.drawing.scene import draw, encode, size_of
from core.sandbox.selfies import ModelFailure, open_selfies
from core.sandbox.state import SandboxState

# Output tokens of one square image (OpenAI's price list); `auto` counts as `high` in Replicate's sample log.
# What xhigh and max count is not published: as many more as they cost more.
OUTPUT_TOKENS = {"low": 272, "medium": 1056, "high": 4160, "auto": 4160, "xhigh": 8125, "max": 16250}
INPUT_IMAGE_TOKENS = 323  # half of the 646 that Replicate's sample log counts for two images
FIDELITY_TOKENS = 4096  # added for a square image at input_fidelity "high" (OpenAI community, 1317649)
PNG_END = 12  # bytes of the chunk IEND
FAULTY_SIZES = {"output_tiny": (2, 2), "output_wrong_size": (640, 480)}


@dataclasses.dataclass(frozen=True)
class Rendering:
    """Files and log of one run, or the `error` that ended it."""

    files: tuple[bytes, ...] = ()
    media_type: str = ""
    extension: str = ""
    logs: str = ""
    error: str = ""


def render(state: SandboxState, values: dict[str, Any], repeat: int, fault: str) -> Rendering:
    """Draw for these inputs. Runs in a worker thread; takes about 0.1 s an image."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            selfies = open_selfies(state, values.get("input_images") or [])
    except ModelFailure as failure:
        return Rendering(error=str(failure))
    wanted = "jpeg" if fault == "output_wrong_format" else values.get("output_format", "webp")
    size = size_of(values.get("aspect_ratio", "1:1"))
    files = []
    for index in range(values.get("number_of_images", 1)):
        picture = _picture(str(values["prompt"]), repeat + index, selfies, size, fault)
        content = encode(picture, wanted, quality=values.get("output_compression", 90))
        files.append(_filled_up(content, state.options.least_output_bytes) if wanted == "png" else content)
    return Rendering(
        files=tuple(files),
        media_type=f"image/{wanted}",
        extension="jpg" if wanted == "jpeg" else wanted,
        logs=_logs(values, files, len(selfies)),
    )


def _filled_up(content: bytes, least: int) -> bytes:
    """A PNG of at least so many bytes: a private chunk, which readers skip, goes before the last one."""
    missing = least - len(content)
    if missing <= 0:
        return content
    chunk = b"inKd" + random.randbytes(missing)
    whole = struct.pack(">I", missing) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return content[:-PNG_END] + whole + content[-PNG_END:]


def _picture(
    prompt: str, repeat: int, selfies: list[Image.Image], size: tuple[int, int], fault: str
) -> Image.Image:
    if fault == "output_blank":
        return Image.new("RGB", size, (255, 255, 255))
    picture = draw(prompt, repeat, selfies[0] if selfies else None, size)
    return picture.resize(FAULTY_SIZES[fault]) if fault in FAULTY_SIZES else picture


def _logs(values: dict[str, Any], files: list[bytes], selfies: int) -> str:
    """The lines of Replicate's sample log for openai/gpt-image-1."""
    image_tokens = INPUT_IMAGE_TOKENS * selfies
    if selfies and values.get("input_fidelity") == "high":
        image_tokens += FIDELITY_TOKENS
    text = io.StringIO()
    text.write("Generating image...\n")
    for content in files:
        text.write(f"Image size: {len(content) / 1024:.1f}KB\n")
    text.write(f"Generated {len(files)} images\n")
    # About four characters make a token.
    text.write(f"Input text token count: {max(1, len(str(values['prompt'])) // 4)}\n")
    text.write(f"Input image token count: {image_tokens}\n")
    text.write(f"Output token count: {OUTPUT_TOKENS[values.get('quality', 'auto')] * len(files)}")
    return text.getvalue()
