"""What a selfie looks like after it was taken in."""

import base64
import concurrent.futures
import hashlib
import io
import re

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageFilter, ImageStat

from core.images.intake import Selfie, take_in
from core.images.samples import PORTRAITS, TITLES, samples
from tests.support.pictures import (
    SECRET,
    astronaut,
    encode,
    photo,
    png16,
    swapped_profile,
    with_metadata,
)


def picture(selfie: Selfie) -> Image.Image:
    return Image.open(io.BytesIO(selfie.content))


def difference(one: Image.Image, other: Image.Image) -> float:
    """Mean difference of a channel, 0 to 255."""
    stat = ImageStat.Stat(ImageChops.difference(one.convert("RGB"), other.convert("RGB")))
    return max(stat.mean)


def codes(selfie: Selfie) -> set[str]:
    return {warning.code.value for warning in selfie.warnings}


def test_the_bundled_portrait_is_a_selfie_without_any_warning() -> None:
    [(name, load)] = samples()

    selfie = take_in(load())

    assert "NASA" in name
    assert (selfie.original_size, selfie.warnings) == ((512, 512), ())
    assert selfie.crop is not None
    assert (selfie.crop.width, selfie.crop.height) == (selfie.width, selfie.height)
    whole = take_in(load(), crop_to_face=False)
    assert difference(picture(whole), astronaut()) < 3


def test_every_bundled_portrait_has_its_source_and_licence_beside_it() -> None:
    told = (PORTRAITS / "README.md").read_text(encoding="utf-8")
    pictures = {path.name for path in PORTRAITS.iterdir()} - {"README.md"}
    assert pictures == TITLES.keys()
    assert all(f"`{name}`" in told for name in pictures)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF"])
def test_every_format_becomes_an_rgb_jpeg_of_the_same_picture(kind: str) -> None:
    content = encode(astronaut(), kind, quality=90)

    selfie = take_in(content, "wrong-name.gif", crop_to_face=False)

    assert selfie.content_type == "image/jpeg"
    assert selfie.sha256 == hashlib.sha256(selfie.content).hexdigest()
    assert selfie.original_size == (512, 512)
    result = picture(selfie)
    assert (result.format, result.mode, result.size) == ("JPEG", "RGB", (selfie.width, selfie.height))
    assert difference(result, astronaut()) < 5


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF"])
def test_no_metadata_survives(kind: str) -> None:
    content = with_metadata(astronaut(), kind)
    assert SECRET.encode() in content

    selfie = take_in(content)

    assert SECRET.encode() not in selfie.content
    result = picture(selfie)
    assert not result.getexif()
    assert set(result.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    # Application segments 1 to 15 and comments do not occur at all.
    assert segment_codes(selfie.content) <= {0xE0, 0xDB, 0xC0, 0xC4, 0xDA}


def segment_codes(jpeg: bytes) -> set[int]:
    at, codes = 2, set()
    while jpeg[at + 1] != 0xDA:
        codes.add(jpeg[at + 1])
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
    return codes | {0xDA}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_orientation_of_exif_is_applied(orientation: int, kind: str) -> None:
    upright = astronaut().crop((0, 0, 512, 400))
    inverse = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]
    stored = upright if inverse is None else upright.transpose(Image.Transpose(inverse))
    exif = Image.Exif()
    exif[0x0112] = orientation

    selfie = take_in(encode(stored, kind, exif=exif, quality=95), crop_to_face=False)

    assert selfie.original_size == (512, 400)
    assert difference(picture(selfie), upright) < 4


def test_a_turned_heic_comes_out_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = astronaut().crop((0, 0, 512, 400)).transpose(Image.Transpose.ROTATE_90)

    # As bytes the encoder turns it into the rotation that HEIC itself has.
    selfie = take_in(encode(stored, "HEIF", exif=exif.tobytes(), quality=90), crop_to_face=False)

    assert selfie.original_size == (512, 400)
    assert difference(picture(selfie), astronaut().crop((0, 0, 512, 400))) < 5


@pytest.mark.parametrize("exif", [b"Exif\0\0garbage", b"Exif\0\0MM\0*\xff\xff\xff\xff"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_broken_exif_does_not_matter(exif: bytes) -> None:
    assert take_in(encode(astronaut(), "JPEG", exif=exif)).original_size == (512, 512)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF"])
def test_colours_are_converted_to_srgb(kind: str) -> None:
    image = Image.new("RGB", (400, 400), (200, 40, 40))

    selfie = take_in(encode(image, kind, icc_profile=swapped_profile(), quality=95))

    red, green, _ = np.asarray(picture(selfie)).reshape(-1, 3).mean(axis=0)
    assert green > red + 50


def test_a_broken_colour_profile_is_ignored() -> None:
    content = encode(astronaut(), "PNG", icc_profile=b"no profile at all")
    assert difference(picture(take_in(content, crop_to_face=False)), astronaut()) < 4


def test_sixteen_bit_pictures_keep_their_brightness() -> None:
    for image in (astronaut(), astronaut().convert("L")):
        assert difference(picture(take_in(png16(image), crop_to_face=False)), image) < 4


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "I;16"])
def test_every_mode_of_png_becomes_rgb(mode: str) -> None:
    grey = mode in ("1", "L", "LA", "I;16")
    image = astronaut().convert("L") if grey else astronaut()
    if mode == "I;16":
        stored = Image.fromarray(np.asarray(image).astype(np.uint16) * 257)
    else:
        stored = image.convert(mode)

    result = picture(take_in(encode(stored, "PNG"), crop_to_face=False))

    assert result.mode == "RGB"
    # Black and white, and 256 colours, are coarse but must be the same picture.
    blurred = result.filter(ImageFilter.BoxBlur(8))
    assert difference(blurred, image.filter(ImageFilter.BoxBlur(8))) < 10


def test_cmyk_becomes_rgb() -> None:
    content = encode(astronaut().convert("CMYK"), "JPEG", quality=95)
    assert difference(picture(take_in(content, crop_to_face=False)), astronaut()) < 6


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "HEIF"])
def test_what_is_transparent_becomes_white(kind: str) -> None:
    image = astronaut().convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 512, 40))

    result = picture(take_in(encode(image, kind, quality=95), crop_to_face=False))

    assert np.asarray(result)[:30].min() > 240


def test_a_transparent_palette_becomes_white() -> None:
    image = Image.new("P", (400, 400))
    image.putpalette([0, 0, 0, 200, 30, 30])
    image.paste(1, (0, 200, 400, 400))

    result = picture(take_in(encode(image, "PNG", transparency=0)))

    assert result.getpixel((200, 50)) == (255, 255, 255)


def test_the_square_around_the_face_holds_hair_and_shoulders() -> None:
    scene = Image.new("RGB", (3000, 2000), (120, 130, 140))
    scene.paste(astronaut(1200), (1500, 400))

    selfie = take_in(encode(scene, "JPEG", quality=90))

    # The face lies at 177..272 by 67..162 of 512, so here:
    left, top, right, bottom = (
        1500 + 177 * 1200 / 512,
        400 + 67 * 1200 / 512,
        1500 + 272 * 1200 / 512,
        400 + 162 * 1200 / 512,
    )
    face = right - left
    crop = selfie.crop
    assert crop is not None
    assert crop.width == crop.height
    assert crop.left < left - face * 0.6
    assert crop.right > right + face * 0.6
    assert crop.top < top - face * 0.4
    assert crop.bottom > bottom + face * 0.8
    assert crop.width < 5 * face
    assert difference(picture(selfie), scene.crop((crop.left, crop.top, crop.right, crop.bottom))) < 4


def test_the_square_stays_inside_the_picture() -> None:
    corner = astronaut(1600).crop((480, 150, 1600, 1600))

    selfie = take_in(encode(corner, "JPEG"))

    crop = selfie.crop
    assert crop is not None
    assert min(crop.left, crop.top) >= 0
    assert crop.right <= 1120
    assert crop.bottom <= 1450
    assert crop.width == crop.height
    assert selfie.width == selfie.height == 1024


def test_a_crop_is_never_smaller_than_the_smallest_selfie() -> None:
    scene = photo("coffee", (900, 600)).copy()
    scene.paste(astronaut(380), (100, 100))

    selfie = take_in(encode(scene, "PNG"))

    assert (selfie.width, selfie.height) == (256, 256)
    assert codes(selfie) == {"face_small"}


def test_the_crop_can_be_switched_off() -> None:
    content = encode(astronaut(1200).crop((0, 0, 1200, 900)), "JPEG")

    assert take_in(content).crop is not None
    whole = take_in(content, crop_to_face=False)
    assert whole.crop is None
    assert (whole.width, whole.height) == (1200, 900)
    assert whole.warnings == ()


def test_of_several_faces_the_largest_is_taken_with_a_warning() -> None:
    scene = Image.new("RGB", (2200, 1200), (120, 130, 140))
    scene.paste(astronaut(800), (0, 200))
    scene.paste(astronaut(1200), (1000, 0))

    selfie = take_in(encode(scene, "JPEG"))

    assert "several_faces" in codes(selfie)
    assert selfie.crop is not None
    assert selfie.crop.left > 900


@pytest.mark.parametrize("name", ["coffee", "chelsea", "rocket"])
def test_a_photo_without_a_face_is_kept_whole_with_a_warning(name: str) -> None:
    selfie = take_in(encode(photo(name, (900, 600)), "JPEG"))

    assert codes(selfie) == {"no_face"}
    assert selfie.crop is None
    assert (selfie.width, selfie.height) == (900, 600)


def test_a_small_picture_is_warned_about() -> None:
    assert codes(take_in(encode(astronaut(500), "PNG"))) == {"too_small"}
    assert "face_small" in codes(take_in(encode(astronaut(400), "PNG")))


def test_a_dark_picture_is_warned_about() -> None:
    dark = astronaut().point(lambda value: value * 0.2)
    assert "too_dark" in codes(take_in(encode(dark, "PNG")))
    assert "blurred" not in codes(take_in(encode(dark, "PNG")))


def test_a_blurred_picture_is_warned_about() -> None:
    blurred = astronaut(1024).filter(ImageFilter.GaussianBlur(8))
    assert codes(take_in(encode(blurred, "PNG"))) == {"blurred"}


def test_every_warning_is_a_sentence() -> None:
    scene = Image.new("RGB", (400, 300), (5, 5, 5))
    for warning in take_in(encode(scene, "PNG")).warnings:
        assert re.fullmatch(r"[A-Z].*\.", warning.sentence)
        assert "{" not in warning.sentence


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((4000, 3000), (1365, 1024)),
        ((3000, 3000), (1024, 1024)),
        ((3000, 1000), (1536, 512)),
        ((700, 600),) * 2,
    ],
)
def test_large_pictures_are_scaled_down_and_small_ones_kept(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    selfie = take_in(encode(photo("coffee", size), "JPEG"))
    assert (selfie.width, selfie.height) == expected


def test_an_ordinary_selfie_fits_into_a_data_uri_of_256_kb() -> None:
    selfie = take_in(encode(astronaut(2400), "JPEG", quality=95))
    assert len(base64.b64encode(selfie.content)) < 256_000
    assert difference(picture(selfie), astronaut(2400).crop(crop_of(selfie)).resize((1024, 1024))) < 4


def crop_of(selfie: Selfie) -> tuple[int, int, int, int]:
    assert selfie.crop is not None
    return selfie.crop.left, selfie.crop.top, selfie.crop.right, selfie.crop.bottom


def test_a_picture_too_detailed_for_a_data_uri_keeps_its_quality() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (1024, 1024, 3), np.uint8)
    selfie = take_in(encode(Image.fromarray(noise), "PNG"))
    assert len(selfie.content) > 500_000


def test_a_picture_that_takes_more_than_a_byte_a_pixel_is_kept() -> None:
    extreme = np.random.default_rng(1).integers(0, 2, (300, 300, 3), np.uint8) * 255
    selfie = take_in(encode(Image.fromarray(extreme), "PNG"))
    assert len(selfie.content) > 300 * 300
    assert picture(selfie).size == (300, 300)


def test_the_same_file_gives_the_same_bytes_from_many_threads() -> None:
    contents = [encode(astronaut(600), kind, quality=90) for kind in ("JPEG", "PNG", "WEBP", "HEIF")] * 2

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        digests = [selfie.sha256 for selfie in pool.map(take_in, contents)]

    assert digests[:4] * 2 == digests
    assert digests[0] == take_in(contents[0]).sha256
