"""Thumbnails show the whole picture, small and without metadata."""

import io

import numpy as np
import pytest
from PIL import Image

from core.images.output import AvatarRejected
from core.images.thumbnails import thumbnail
from tests.support.pictures import SECRET, astronaut, encode, photo, with_metadata


def opened(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1024, 1024), (384, 384)),
        ((1024, 1536), (256, 384)),
        ((1536, 512), (384, 128)),
        ((300, 200), (300, 200)),
    ],
)
def test_a_thumbnail_is_the_whole_picture_in_true_proportions(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    source = photo("chelsea", size)

    small = opened(thumbnail(encode(source, "PNG")))

    assert (small.format, small.size) == ("WEBP", expected)
    again = np.asarray(source.resize(expected, Image.Resampling.LANCZOS)).astype(int)
    assert np.abs(np.asarray(small.convert("RGB")).astype(int) - again).mean() < 4


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_no_metadata_survives_in_a_thumbnail(kind: str) -> None:
    content = thumbnail(with_metadata(astronaut(), kind))
    assert SECRET.encode() not in content
    assert not {"exif", "xmp", "icc_profile"} & set(opened(content).info)


def test_a_thumbnail_has_the_asked_side_and_always_the_same_bytes() -> None:
    content = encode(astronaut(), "JPEG")
    assert opened(thumbnail(content, 96)).size == (96, 96)
    assert thumbnail(content) == thumbnail(content)
    assert len(thumbnail(content)) < 40_000


def test_a_thumbnail_keeps_transparency_and_is_turned_upright() -> None:
    image = Image.new("RGBA", (800, 400))
    image.paste("navy", (400, 0, 800, 400))
    exif = Image.Exif()
    exif[0x0112] = 6

    small = opened(thumbnail(encode(image, "PNG", exif=exif)))

    assert small.size == (192, 384)
    pixels = np.asarray(small)
    assert pixels[50, 96, 3] == 0
    assert pixels[330, 96, 3] == 255


def test_what_is_no_picture_has_no_thumbnail() -> None:
    with pytest.raises(AvatarRejected):
        thumbnail(b"no picture")
