"""Memory and time of taking in the worst legal selfie of each format, each in a process of its own.

    python -m bench.bench_intake

Prints the peak resident memory of the process (and of the child that decodes HEIC) by `getrusage`, the
processor time of both, and the time on the clock. The bounds are 500 MB and 5 s.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

SIZE = (7740, 5160)  # 39.9 megapixels
BEGIN = """
import sys, cv2, numpy as np, pillow_heif
from PIL import Image
from core.images.samples import samples
pillow_heif.register_heif_opener()
from io import BytesIO
portrait = Image.open(BytesIO(samples()[0][1]())).convert("RGB")
# Doubled pixels keep lossless files under 20 MB.
pixels = np.asarray(portrait.resize((SIZE[0] // 4, SIZE[1] // 4))).repeat(4, 0).repeat(4, 1)
image = Image.fromarray(pixels)
file = sys.argv[1]
"""
HEVC = 'enc_params={"preset": "ultrafast"}'
FORMS = {
    "JPEG, baseline": 'image.save(file, "JPEG", quality=90, subsampling=0)',
    "JPEG, CMYK, progressive": 'image.convert("CMYK").save(file, "JPEG", quality=90, progressive=True)',
    "JPEG, 32 scans": (
        'image.save(file, "JPEG", quality=90, subsampling=0, progressive=True)\n'
        'content = open(file, "rb").read()\n'
        'scan = content[content.rindex(b"\\xff\\xda"):-2][:400_000]\n'
        'open(file, "wb").write(content[:-2] + scan * 22 + b"\\xff\\xd9")'
    ),
    "PNG": 'image.save(file, "PNG")',
    "PNG, 16 bits, alpha": (
        "deep = np.dstack([pixels & 0xF0, np.full_like(pixels[..., 0], 200)]).astype(np.uint16) * 256\n"
        'open(file, "wb").write(cv2.imencode(".png", deep)[1].tobytes())'
    ),
    "PNG, palette": 'image.quantize(256).save(file, "PNG")',
    "WEBP, lossy": 'image.save(file, "WEBP", quality=90, method=0)',
    "WEBP, lossless, alpha": (
        'image.putalpha(image.getchannel("R"))\nimage.save(file, "WEBP", lossless=True, quality=0, method=0)'
    ),
    "HEIC, tiles": f'image.save(file, "HEIF", quality=85, tile_size=512, {HEVC})',
    "HEIC, one tile, 35.6 MP": f'image.crop((0, 0, 7000, 5080)).save(file, "HEIF", quality=85, {HEVC})',
    "HEIC, 10 bits, 4:4:4 (refused)": (
        "deep = np.ascontiguousarray(pixels[:5080, :7000]).astype(np.uint16) * 257\n"
        f'pillow_heif.from_bytes("RGB;16", (7000, 5080), deep.tobytes())'
        f'.save(file, quality=80, chroma="444", {HEVC})'
    ),
}
MEASURE = """
import json, resource, sys, time
from core.foundation.errors import SelfieRejected
from core.images.intake import take_in
content = open(sys.argv[1], "rb").read()
begun = time.perf_counter()
try:
    told = "x".join(map(str, take_in(content).original_size))
except SelfieRejected as refused:
    told = str(refused)
clock = time.perf_counter() - begun
own, child = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
cpu = own.ru_utime + own.ru_stime + child.ru_utime + child.ru_stime
print(json.dumps([len(content) / 2**20, own.ru_maxrss / 1024, child.ru_maxrss / 1024, cpu, clock, told]))
"""


def main() -> None:
    print(f"{'form':32} {'file MB':>8} {'peak MB':>8} {'child MB':>8} {'cpu s':>6} {'clock s':>8}  result")
    with tempfile.TemporaryDirectory() as folder:
        for name, make in FORMS.items():
            file = str(Path(folder) / "picture")
            run(BEGIN.replace("SIZE", repr(SIZE)) + make, file)
            size, own, child, cpu, clock, told = json.loads(run(MEASURE, file))
            print(
                f"{name:32} {size:8.1f} {own:8.0f} {child:8.0f} {cpu:6.2f} {clock:8.2f}  {told}", flush=True
            )


def run(code: str, file: str) -> str:
    done = subprocess.run([sys.executable, "-c", code, file], check=True, capture_output=True, text=True)
    return done.stdout


if __name__ == "__main__":
    main()
