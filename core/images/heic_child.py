"""The child process of `core.images.heic`: a HEIC in, one line of JSON, colour profile and pixels out.

Alone: `python -m core.images.heic_child < photo.heic`.
"""

import json
import sys

from PIL import Image

from core.images.limits import HEIC_MEMORY_BYTES, HEIC_SECONDS, MAX_UPLOAD_PIXELS
from core.images.shrink import shrink_rows


def main() -> None:
    """Answer for the file on standard input; whatever goes wrong is an outcome."""
    content = sys.stdin.buffer.read()
    _limit_resources()
    try:
        answer, body = _decode(content)
    except MemoryError:
        answer, body = {"outcome": "too_heavy"}, b""
    except Exception as exc:  # noqa: BLE001  The decoder raises half a dozen kinds of errors on damaged files.
        answer, body = {"outcome": _outcome(str(exc))}, b""
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
    sys.stdout.buffer.write(body)


def _outcome(error: str) -> str:
    # libheif tells of memory only in words, also where a picture is larger than its own header says.
    heavy = error.startswith("Memory allocation error") and "Security limit" not in error
    return "too_heavy" if heavy else "damaged"


def _limit_resources() -> None:
    try:
        import resource
    except ImportError:  # Only POSIX systems have it; elsewhere the parent's time limit remains.
        return
    seconds = int(HEIC_SECONDS) * 2  # of all threads together
    for kind, limit in (
        (resource.RLIMIT_DATA, HEIC_MEMORY_BYTES),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        allowed = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (allowed, allowed))


def _decode(content: bytes) -> tuple[dict[str, object], bytes]:
    import pillow_heif

    pillow_heif.options.DECODE_THREADS = 2
    heif = pillow_heif.open_heif(content, convert_hdr_to_8bit=True, remove_stride=False)
    picture = heif[heif.primary_index]
    width, height = picture.size
    if width * height > MAX_UPLOAD_PIXELS:
        return {"outcome": "too_many_pixels", "size": [width, height]}, b""
    mode, stride = picture.mode, picture.stride
    pixels = memoryview(picture.data)

    def rows(top: int, bottom: int) -> Image.Image:
        part = pixels[top * stride : bottom * stride]
        return Image.frombytes(mode, (width, bottom - top), part, "raw", mode, stride)

    small = shrink_rows(width, height, rows)
    profile = picture.info.get("icc_profile")
    icc = profile if isinstance(profile, bytes) else b""
    told = {"size": [width, height], "shrunk": small.size, "mode": small.mode, "icc": len(icc)}
    return {"outcome": "decoded", **told}, icc + small.tobytes()


if __name__ == "__main__":
    main()
