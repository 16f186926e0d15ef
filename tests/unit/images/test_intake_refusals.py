"""What is no selfie is refused with one sentence, whatever it is."""

import io
import re
import struct
import sys
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from core.foundation.errors import SelfieRejected
from core.images import heic
from core.images.intake import take_in
from core.images.limits import MAX_UPLOAD_BYTES
from tests.support.pictures import astronaut, claims, encode, photo

KINDS = ("JPEG", "PNG", "WEBP", "HEIF")


def refusal(content: bytes, filename: str = "") -> str:
    with pytest.raises(SelfieRejected) as caught:
        take_in(content, filename)
    sentence = str(caught.value)
    assert re.fullmatch(r"The .*[:,] .*\.", sentence), sentence
    return sentence


def test_an_empty_file_is_refused() -> None:
    assert "is empty" in refusal(b"")


def test_a_text_file_named_jpg_is_called_a_text_file() -> None:
    sentence = refusal("Grüße, this is no photo.\n".encode() * 200, "me.jpg")
    assert sentence == (
        "The file is named like a JPG but is a text file: upload the photo as JPEG, PNG, WEBP or HEIC."
    )


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (encode(photo("coffee", (300, 300)), "GIF"), "a GIF picture"),
        (encode(photo("coffee", (300, 300)), "BMP"), "a BMP picture"),
        (encode(photo("coffee", (300, 300)), "TIFF"), "a TIFF or raw camera picture"),
        (encode(photo("coffee", (300, 300)), "JPEG2000"), "a JPEG 2000 picture"),
        (encode(photo("coffee", (300, 300)), "AVIF"), "an AVIF picture"),
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "a web page"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "a PDF document"),
        (b"PK\x03\x04\x14\x00", "a ZIP archive or office document"),
        (b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00isomiso2", "a film"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "a sound or film"),
        (bytes(range(256)) * 8, "no picture that can be recognised"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_other_files_are_called_by_their_name(content: bytes, name: str) -> None:
    assert f"is {name}: upload the photo as JPEG, PNG, WEBP or HEIC" in refusal(content)


def test_more_than_20_mb_are_refused() -> None:
    assert "has 25.0 MB and at most 20 MB" in refusal(b"\xff\xd8\xff" + bytes(25 * 1024 * 1024 - 3))
    assert MAX_UPLOAD_BYTES == 20 * 1024 * 1024


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused(kind: str, share: float) -> None:
    content = encode(astronaut(), kind)
    sentence = refusal(content[: int(len(content) * share)])
    assert "ends in the middle of the picture" in sentence


def test_a_truncated_progressive_jpeg_is_refused() -> None:
    content = encode(astronaut(), "JPEG", progressive=True)
    assert "ends in the middle" in refusal(content[: len(content) // 2])
    # With its end mark put back, only the decoder notices.
    assert "damaged" in refusal(cut_scan(encode(astronaut(), "PNG")))


def cut_scan(png: bytes) -> bytes:
    """The PNG with half of its pixel data missing but its last chunk in place."""
    at = png.index(b"IDAT")
    half = png[at : at + 4 + 5000]
    chunk = struct.pack(">I", 5000) + half + struct.pack(">I", zlib.crc32(half))
    return png[: at - 4] + chunk + png[-12:]


def test_a_decompression_bomb_is_refused_from_its_header() -> None:
    bomb = claims(encode(Image.new("1", (300, 300)), "PNG"), 20_000, 20_000)
    assert "20000x20000 pixels (400.0 megapixels) and at most 40 megapixels" in refusal(bomb)


def test_a_real_20000_by_20000_png_is_refused_quickly() -> None:
    row = zlib.compress(bytes(1 + 20_000 // 8) * 20_000, 1)
    header = b"IHDR" + struct.pack(">IIBBBBB", 20_000, 20_000, 1, 0, 0, 0, 0)
    chunks = [header, b"IDAT" + row, b"IEND"]
    content = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in chunks
    )
    assert "400.0 megapixels" in refusal(content)


def test_bombs_of_the_other_formats_are_refused_from_their_headers() -> None:
    jpeg = encode(Image.new("L", (300, 300)), "JPEG")
    at = jpeg.index(b"\xff\xc0")
    assert "megapixels" in refusal(jpeg[: at + 5] + struct.pack(">HH", 60_000, 60_000) + jpeg[at + 9 :])
    webp = encode(Image.new("RGB", (300, 300)), "WEBP", lossless=True)
    size = (16_382 | 16_382 << 14).to_bytes(4, "little")
    assert "megapixels" in refusal(webp[:21] + size + webp[25:])
    heif = encode(Image.new("RGB", (300, 300)), "HEIF")
    at = heif.index(b"ispe") + 8
    assert "megapixels" in refusal(heif[:at] + struct.pack(">II", 60_000, 60_000) + heif[at + 8 :])


def test_a_header_that_claims_less_than_the_picture_is_refused() -> None:
    heif = encode(astronaut(1200), "HEIF")
    at = heif.index(b"ispe") + 8
    assert "damaged" in refusal(heif[:at] + struct.pack(">II", 300, 300) + heif[at + 8 :])
    jpeg = encode(astronaut(), "JPEG")
    frame = jpeg.index(b"\xff\xc0")
    small = jpeg[frame : frame + 5] + struct.pack(">HH", 300, 300) + jpeg[frame + 9 : frame + 19]
    assert "damaged" in refusal(jpeg[:frame] + jpeg[frame : frame + 19] + small + jpeg[frame + 19 :])
    exif = Image.Exif()
    exif[0x010E] = "makes the file an extended one"
    webp = encode(astronaut(), "WEBP", exif=exif)
    canvas = (299).to_bytes(3, "little") * 2
    assert "damaged" in refusal(webp[:24] + canvas + webp[30:])


def test_a_jpeg_of_endless_scans_is_refused_before_it_is_decoded() -> None:
    content = encode(astronaut(), "JPEG", progressive=True)
    last = content[content.rindex(b"\xff\xda") : -2]
    assert "too much time" in refusal(content[:-2] + last * 40 + b"\xff\xd9")
    # Ordinary progressive files have ten.
    assert take_in(content).original_size == (512, 512)


def test_padding_and_empty_chunks_do_not_keep_the_decoder_busy() -> None:
    jpeg = encode(astronaut(), "JPEG")
    assert "damaged" in refusal(jpeg[:2] + b"\xff\xe0\x00\x02" + bytes(5_000_000) + jpeg[2:])
    png = encode(astronaut(), "PNG")
    empty = struct.pack(">I", 0) + b"tEXt" + struct.pack(">I", zlib.crc32(b"tEXt"))
    assert "damaged" in refusal(png[:33] + empty * 100_000 + png[33:])


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_animations_are_refused(kind: str) -> None:
    frames = [photo("coffee", (300, 300)), photo("chelsea", (300, 300))]
    content = encode(frames[0], kind, save_all=True, append_images=frames[1:])
    assert refusal(content) == f"The {kind} file is an animation: upload a single photo."


def test_a_jpeg_with_a_second_picture_inside_is_taken_as_its_first() -> None:
    content = encode(astronaut(), "MPO", save_all=True, append_images=[photo("coffee", (300, 300))])
    assert take_in(content).original_size == (512, 512)


@pytest.mark.parametrize("kind", KINDS)
def test_less_than_256_pixels_are_refused(kind: str) -> None:
    sentence = refusal(encode(photo("coffee", (400, 255)), kind))
    assert "only 400x255 pixels and 256x256 are the least" in sentence
    assert take_in(encode(photo("coffee", (256, 256)), kind)).width == 256


@pytest.mark.parametrize("kind", KINDS)
def test_strips_are_refused(kind: str) -> None:
    assert "strip of 1000x300 pixels" in refusal(encode(photo("coffee", (1000, 300)), kind))


def test_a_heic_that_takes_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heic, "HEIC_SECONDS", 0.01)
    assert "too much time or memory" in refusal(encode(astronaut(), "HEIF"))


def test_a_crashed_heic_decoder_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert "damaged" in refusal(encode(astronaut(), "HEIF"))


def test_the_heic_decoder_sees_no_secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    spy = tmp_path / "python"
    spy.write_text(f"#!/bin/sh\nenv > {tmp_path}/seen\n")
    spy.chmod(0o755)
    monkeypatch.setenv("REPLICATE_API_TOKEN", "r8_secret")
    monkeypatch.setattr(sys, "executable", str(spy))

    refusal(encode(astronaut(), "HEIF"))

    assert "PATH=" in (tmp_path / "seen").read_text()
    assert "r8_secret" not in (tmp_path / "seen").read_text()


SMALL = photo("chelsea", (264, 260))
FILES = {
    "jpeg": encode(SMALL, "JPEG", quality=70, icc_profile=b"x" * 200),
    "progressive": encode(SMALL, "JPEG", quality=70, progressive=True),
    "png": encode(SMALL.quantize(16), "PNG"),
    "rgba": encode(SMALL.convert("RGBA"), "PNG", compress_level=9),
    "webp": encode(SMALL, "WEBP", quality=60, exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0"),
    "lossless": encode(SMALL.quantize(16).convert("RGB"), "WEBP", lossless=True),
}
HEADS = (
    b"",
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"RIFF\x10\x00\x00\x00WEBPVP8 ",
    b"RIFF\xff\x00\x00\x00WEBPVP8X",
)


def only_refusals(content: bytes) -> None:
    """Taking it in gives a proper selfie or a refusal, and no other exception."""
    try:
        selfie = take_in(content)
    except SelfieRejected:
        return
    with Image.open(io.BytesIO(selfie.content)) as image:
        assert image.size == (selfie.width, selfie.height)


@settings(max_examples=150, deadline=None, database=None)
@given(head=st.sampled_from(HEADS), body=st.binary(max_size=400))
def test_random_bytes_only_ever_cause_a_refusal(head: bytes, body: bytes) -> None:
    only_refusals(head + body)


@pytest.mark.filterwarnings("ignore::UserWarning")
@settings(
    max_examples=120,
    deadline=None,
    database=None,
)
@given(data=st.data(), name=st.sampled_from(sorted(FILES)))
def test_mutated_files_only_ever_cause_a_refusal(data: st.DataObject, name: str) -> None:
    only_refusals(mutated(data, FILES[name]))


@settings(max_examples=15, deadline=None, database=None)
@given(data=st.data())
def test_mutated_heic_files_only_ever_cause_a_refusal(data: st.DataObject) -> None:
    changed = bytearray(HEIC_FILE)
    # The boxes keep their lengths, so that most of these reach the decoder.
    for at, value in data.draw(
        st.lists(st.tuples(places(HEIC_FILE), st.integers(0, 255)), min_size=1, max_size=4)
    ):
        changed[at] = value
    only_refusals(bytes(changed))


HEIC_FILE = encode(SMALL, "HEIF", quality=60)


def mutated(data: st.DataObject, content: bytes) -> bytes:
    """The file with some bytes changed, cut out, doubled or cut off."""
    changed = bytearray(content)
    place = places(content)
    for at, value in data.draw(st.lists(st.tuples(place, st.integers(0, 255)), max_size=8)):
        changed[at] = value
    start, length = data.draw(place), data.draw(st.integers(0, 300))
    match data.draw(st.sampled_from(["keep", "cut out", "double", "cut off"])):
        case "cut out":
            del changed[start : start + length]
        case "double":
            changed[start:start] = changed[start : start + length]
        case "cut off":
            del changed[start:]
    return bytes(changed)


def places(content: bytes) -> st.SearchStrategy[int]:
    """Offsets into the file, half of them near its beginning."""
    return st.one_of(st.integers(0, min(len(content), 700) - 1), st.integers(0, len(content) - 1))
