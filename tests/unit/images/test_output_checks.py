"""Only a whole, full-size picture that shows something is stored as an avatar."""

import hashlib
import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from core.images.output import Avatar, AvatarRejected, check_avatar
from tests.support.pictures import (
    SECRET,
    astronaut,
    claims,
    encode,
    photo,
    png16,
    swapped_profile,
    with_metadata,
)

DRAWING = astronaut(1024)


def reason(content: bytes, **options: object) -> str:
    with pytest.raises(AvatarRejected) as caught:
        check_avatar(content, **options)  # type: ignore[arg-type]
    assert str(caught.value) == caught.value.sentence
    assert caught.value.sentence.endswith(".")
    return caught.value.reason.value


def shown(avatar: Avatar) -> Image.Image:
    image = Image.open(io.BytesIO(avatar.content))
    image.load()
    return image


@pytest.mark.parametrize(("kind", "extension"), [("PNG", "png"), ("WEBP", "webp"), ("JPEG", "jpg")])
def test_a_drawing_is_kept_byte_by_byte_with_its_metadata(kind: str, extension: str) -> None:
    content = with_metadata(DRAWING, kind)

    avatar = check_avatar(content)

    digest = hashlib.sha256(content).hexdigest()
    assert avatar == Avatar(content, f"image/{kind.lower()}", 1024, 1024, digest, extension)


@pytest.mark.parametrize(
    "content", [b"", b"<html>404</html>", b'{"detail": "not found"}', b"\x89PNG\r\n\x1a\nrubbish", bytes(300)]
)
def test_what_is_no_picture_is_refused(content: bytes) -> None:
    assert reason(content) == "not_an_image"
    assert reason(content, convert=True) == "not_an_image"


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "JPEG"])
@pytest.mark.parametrize("missing", [1, 5000, 0.5])
def test_a_truncated_picture_is_refused(kind: str, missing: float) -> None:
    content = encode(DRAWING, kind)
    keep = len(content) - missing if missing >= 1 else len(content) * missing
    assert reason(content[: int(keep)]) == "truncated"


def test_a_picture_with_damaged_data_is_refused() -> None:
    content = bytearray(encode(DRAWING, "PNG"))
    content[len(content) // 2 : len(content) // 2 + 5000] = bytes(5000)
    assert reason(bytes(content)) in ("not_an_image", "truncated")


@pytest.mark.parametrize("size", [(2, 2), (1023, 1024), (1024, 1536), (1536, 1536)])
def test_another_size_is_refused(size: tuple[int, int]) -> None:
    assert reason(encode(photo("coffee", size), "PNG")) == "wrong_size"
    assert check_avatar(encode(photo("coffee", size), "PNG"), size=size).width == size[0]


def test_another_format_is_refused() -> None:
    assert reason(encode(DRAWING, "WEBP"), formats=("PNG",)) == "wrong_format"
    assert reason(encode(DRAWING, "GIF")) == "wrong_format"
    assert reason(encode(DRAWING.resize((300, 300)), "HEIF")) == "wrong_format"
    animation = encode(
        DRAWING, "WEBP", save_all=True, append_images=[photo("coffee", (1024, 1024))], method=0
    )
    assert reason(animation) == "wrong_format"


def test_too_many_bytes_are_refused() -> None:
    content = encode(DRAWING, "JPEG")
    assert reason(content, max_bytes=len(content) - 1) == "too_large"
    assert check_avatar(content, max_bytes=len(content)).content == content
    assert reason(bytes(30 * 1024 * 1024)) == "too_large"


@pytest.mark.parametrize("convert", [False, True])
def test_a_bomb_is_refused_from_its_header(convert: bool) -> None:
    bomb = claims(encode(Image.new("1", (64, 64)), "PNG"), 30_000, 30_000)
    assert reason(bomb, convert=convert) == "bomb"


def uniform(colour: str | tuple[int, ...], mode: str = "RGB") -> Image.Image:
    return Image.new(mode, (1024, 1024), colour)


def grainy() -> Image.Image:
    grain = np.random.default_rng(7).normal(128, 2, (1024, 1024, 3))
    return Image.fromarray(grain.astype(np.uint8))


def specked() -> Image.Image:
    image = uniform("white")
    ImageDraw.Draw(image).rectangle((10, 10, 30, 30), "black")
    return image


def hidden() -> Image.Image:
    image = DRAWING.convert("RGBA")
    image.putalpha(0)
    return image


@pytest.mark.parametrize(
    "image",
    [uniform("black"), uniform("white"), uniform((7, 90, 160)), grainy(), specked(), hidden()],
    ids=["black", "white", "blue", "grainy", "specked", "transparent"],
)
@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_a_blank_picture_is_refused(image: Image.Image, kind: str) -> None:
    assert reason(encode(image, kind)) == "blank"
    assert reason(encode(image, kind), convert=True) == "blank"


def test_a_sparse_drawing_is_not_blank() -> None:
    pale = uniform((250, 250, 250))
    ImageDraw.Draw(pale).rectangle((450, 200, 570, 900), (200, 210, 220))
    assert check_avatar(encode(pale, "JPEG")).width == 1024


def test_a_white_figure_on_a_transparent_ground_is_not_blank() -> None:
    figure = uniform((255, 255, 255, 0), "RGBA")
    ImageDraw.Draw(figure).rectangle((450, 200, 570, 900), "white")
    assert check_avatar(encode(figure, "PNG")).width == 1024


@pytest.mark.parametrize("size", [(1024, 1536), (1536, 1024), (1536, 1536), (512, 512), (1024, 1023)])
def test_conversion_scales_the_whole_picture_into_the_square(size: tuple[int, int]) -> None:
    source = photo("chelsea", size)

    avatar = check_avatar(encode(source, "PNG"), convert=True)

    result = shown(avatar)
    assert (result.size, result.format, avatar.extension) == ((1024, 1024), "PNG", "png")
    scale = 1024 / max(size)
    width, height = round(size[0] * scale), round(size[1] * scale)
    left, top = (1024 - width) // 2, (1024 - height) // 2
    kept = np.asarray(result.crop((left, top, left + width, top + height))).astype(int)
    assert np.abs(kept - np.asarray(source.resize((width, height))).astype(int)).mean() < 3


def test_conversion_pads_with_the_colour_of_the_border() -> None:
    source = Image.new("RGB", (600, 1200), (240, 200, 30))
    ImageDraw.Draw(source).ellipse((100, 200, 500, 1000), "navy")

    result = shown(check_avatar(encode(source, "PNG"), convert=True))

    assert result.getpixel((5, 5)) == (240, 200, 30)


def test_conversion_keeps_transparency() -> None:
    source = Image.new("RGBA", (600, 1200))
    ImageDraw.Draw(source).ellipse((100, 200, 500, 1000), "navy")

    result = shown(check_avatar(encode(source, "PNG"), convert=True))

    assert result.mode == "RGBA"
    assert result.getpixel((5, 5)) == (0, 0, 0, 0)
    assert result.getpixel((512, 512)) == (0, 0, 128, 255)


@pytest.mark.parametrize("target", ["PNG", "WEBP", "JPEG"])
def test_conversion_changes_the_format_and_drops_metadata(target: str) -> None:
    source = "JPEG" if target != "JPEG" else "WEBP"

    avatar = check_avatar(with_metadata(DRAWING, source), formats=(target,), convert=True)

    assert shown(avatar).format == target
    assert avatar.content_type == f"image/{target.lower()}"
    assert avatar.sha256 == hashlib.sha256(avatar.content).hexdigest()
    assert SECRET.encode() not in avatar.content


def test_conversion_leaves_what_fits_as_it_is() -> None:
    content = encode(DRAWING, "JPEG")
    assert check_avatar(content, convert=True).content == content


def test_conversion_brings_colours_to_srgb_and_16_bits_to_8() -> None:
    red = Image.new("RGB", (500, 500), (200, 40, 40))
    red.paste((100, 20, 20), (0, 0, 250, 500))
    result = shown(check_avatar(encode(red, "PNG", icc_profile=swapped_profile()), convert=True))
    colour = result.getpixel((900, 500))
    assert isinstance(colour, tuple)
    assert colour[1] > colour[0] + 50
    grey = shown(check_avatar(png16(DRAWING.convert("L").resize((800, 800))), convert=True))
    assert abs(np.asarray(grey).mean() - np.asarray(DRAWING.convert("L")).mean()) < 3
