"""Large legal pictures stay within half a gigabyte and five seconds of processor time.

`bench/bench_intake.py` measures the worst file of every format; here are two that are quickly made.
"""

import concurrent.futures
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.images import decoding
from core.images.formats import Header, Kind
from core.images.intake import take_in
from core.images.raw import Raw
from tests.support.pictures import encode, photo

pytestmark = pytest.mark.slow

FORTY_MEGAPIXELS = {
    # A progressive JPEG is held as coefficients of all four channels.
    "JPEG": ("CMYK", {"quality": 60, "progressive": True}),
    # WEBP has no decoder that leaves pixels out.
    "WEBP": ("RGBA", {"lossless": True, "quality": 0, "method": 1}),
}
MAKE = """
import sys
from PIL import Image
kind, mode, file = sys.argv[1:]
coarse = Image.linear_gradient("L").resize((129, 86)).convert("RGB").convert(mode)
coarse.resize((7740, 5160), Image.Resampling.NEAREST).save(file, kind, **OPTIONS)
"""
MEASURE = """
import json, resource, sys
from core.images.intake import take_in
selfie = take_in(open(sys.argv[1], "rb").read())
used = resource.getrusage(resource.RUSAGE_SELF)
# Not ru_maxrss, which also remembers how large the process was that started this one.
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps([selfie.original_size, int(peak.split()[1]) / 1024, used.ru_utime + used.ru_stime]))
"""
SCARCE = """
from core.images import heic_child
heic_child.HEIC_MEMORY_BYTES = 40 * 1024 * 1024
heic_child.main()
"""

linux = pytest.mark.skipif(sys.platform != "linux", reason="memory is counted and limited in another way")


def run(repository: Path, code: str, *arguments: str, given: bytes = b"") -> bytes:
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, cwd=repository, input=given, check=True, capture_output=True).stdout


@linux
@pytest.mark.parametrize("kind", FORTY_MEGAPIXELS)
def test_forty_megapixels_stay_within_bounds(kind: str, tmp_path: Path, repository: Path) -> None:
    mode, options = FORTY_MEGAPIXELS[kind]
    file = str(tmp_path / "picture")
    run(repository, MAKE.replace("OPTIONS", repr(options)), kind, mode, file)

    size, megabytes, seconds = json.loads(run(repository, MEASURE, file))

    assert size == [7740, 5160]
    assert megabytes < 500
    assert seconds < 5


@linux
def test_a_heic_that_needs_more_memory_than_the_child_may_take_is_told_so(repository: Path) -> None:
    content = encode(photo("coffee", (3000, 2000)), "HEIF", quality=30)

    answer = run(repository, SCARCE, given=content)

    assert json.loads(answer.splitlines()[0]) == {"outcome": "too_heavy"}


@pytest.mark.parametrize(("large", "together"), [(1, 1), (10_000_000, 4)])
def test_only_one_large_picture_is_decoded_at_a_time(
    large: int, together: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, most = [], []
    decode_here = decoding._decode_here

    def watched(kind: Kind, content: bytes, header: Header) -> Raw:
        running.append(1)
        deadline = time.monotonic() + (0.02 if together == 1 else 10)
        while len(running) < together + (together == 1) and time.monotonic() < deadline:
            time.sleep(0.001)
        most.append(len(running))
        running.pop()
        return decode_here(kind, content, header)

    monkeypatch.setattr(decoding, "LARGE_PIXELS", large)
    monkeypatch.setattr(decoding, "_decode_here", watched)
    content = encode(photo("coffee", (300, 300)), "JPEG")
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(take_in, [content] * 4))

    assert max(most) == together
