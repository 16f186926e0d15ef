"""Reads HEIC in a child process, so that time, memory and crashes of the HEVC decoder stay bounded.

HEIC is the one format whose files can order almost any amount of work (grids, overlays, deep colours: 750 MB
were measured for 35 megapixels), and a crash of its C++ decoder on a crafted file must not end the app.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from PIL import Image

from core.images.limits import HEIC_SECONDS
from core.images.raw import Damaged, Raw, TooHeavy, TooManyPixels

_ROOT = Path(__file__).parents[2]
# The decoder of foreign files sees what Python needs to start and nothing else, above all no secrets.
_ENVIRONMENT = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR", "LANG")


def decode_heic(content: bytes) -> Raw:
    """Decode the primary picture, already upright. Raises Damaged, TooManyPixels or TooHeavy."""
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    try:
        child = subprocess.run(
            [sys.executable, "-m", "core.images.heic_child"],
            input=content,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=_ROOT,
            env=environment,
            timeout=HEIC_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as exc:
        raise TooHeavy("time") from exc
    return _read_answer(child.stdout)


def _read_answer(answer: bytes) -> Raw:
    line, _, body = answer.partition(b"\n")
    if not line:
        raise Damaged("the decoder crashed")
    told: dict[str, Any] = json.loads(line)
    match told["outcome"]:
        case "decoded":
            icc, pixels = body[: told["icc"]], body[told["icc"] :]
            image = Image.frombuffer(told["mode"], tuple(told["shrunk"]), pixels)
            return Raw(image.copy(), icc or None, tuple(told["size"]))
        case "too_many_pixels":
            raise TooManyPixels(*told["size"])
        case "too_heavy":
            raise TooHeavy("memory")
        case _:
            raise Damaged("not decodable")
