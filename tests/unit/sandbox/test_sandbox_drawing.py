"""The sandbox's figures: whole, inside the frame, different for different prompts, plainly marked."""

import io

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from core.sandbox.drawing.backdrop import FRAME, mark
from core.sandbox.drawing.face import comic_face
from core.sandbox.drawing.figure import DETAILS, draw_figure
from core.sandbox.drawing.ink import Sheet
from core.sandbox.drawing.look import BACKDROPS, LEGS, OUTFIT_WORDS, OUTFITS, POSES, look_for
from core.sandbox.drawing.scene import SIZES, draw, encode, size_of
from core.sandbox.models import INPUT_SCHEMAS
from tests.support.pictures import astronaut

SQUARE = SIZES["1:1"]


def pixels(picture: Image.Image) -> npt.NDArray[np.int16]:
    return np.asarray(picture.convert("RGB"), dtype=np.int16)


@pytest.mark.parametrize("size", SIZES.values())
def test_a_picture_has_the_wanted_size_and_a_white_frame(size: tuple[int, int]) -> None:
    picture = draw("a hero", 0, astronaut(), size)
    assert picture.size == size
    left_edge = pixels(picture)[:, : FRAME - 2]
    assert left_edge.min() > 240


def test_every_ratio_and_size_of_every_model_is_one_that_can_be_drawn() -> None:
    offered = {
        each for schema in INPUT_SCHEMAS.values() for each in schema["properties"]["aspect_ratio"]["enum"]
    }
    assert len(offered) == 18
    for each in offered - {"auto"}:
        width, height = size_of(each)
        wide, high = map(int, each.replace("x", ":").split(":"))
        assert abs(width * high - height * wide) <= width * high / 100
        assert 1024 * 1024 <= width * height <= 3840 * 2160


@pytest.mark.parametrize("outfit", OUTFITS)
def test_no_figure_touches_the_edge_of_its_sheet(outfit: str) -> None:
    word = next(word for word, name in OUTFIT_WORDS.items() if name == outfit)
    for repeat in range(max(len(POSES), len(LEGS))):
        sheet = Sheet(330, 530, unit=0.5, origin=(165, 13))
        draw_figure(sheet, look_for(word, repeat), None)
        box = sheet.finish().getbbox()
        assert box is not None
        left, top, right, bottom = box
        assert left > 0
        assert top > 0
        assert right < 330
        assert bottom < 530
        # From the hair to the soles: a whole figure, not a bust.
        assert bottom - top > 490


def test_the_same_prompt_draws_the_same_picture_and_another_prompt_another() -> None:
    first = encode(draw("a pirate", 0, None, SQUARE), "png", quality=90)
    assert encode(draw("a pirate", 0, None, SQUARE), "png", quality=90) == first
    assert encode(draw("a pilot", 0, None, SQUARE), "png", quality=90) != first


def test_a_repeat_changes_the_pose_but_not_the_clothes() -> None:
    first, second = look_for("a pirate", 0), look_for("a pirate", 1)
    assert (first.outfit, first.top, first.trousers) == (second.outfit, second.top, second.trousers)
    assert (first.left_arm, first.right_arm, first.legs) != (second.left_arm, second.right_arm, second.legs)


def test_prompts_vary_outfit_pose_and_backdrop() -> None:
    looks = [look_for(f"prompt {number}", 0) for number in range(200)]
    assert {look.outfit for look in looks} == set(OUTFITS) == set(DETAILS)
    assert {look.backdrop for look in looks} == set(BACKDROPS)
    assert {(look.left_arm, look.right_arm) for look in looks} == set(POSES)


def test_words_of_the_prompt_choose_colour_and_outfit() -> None:
    look = look_for("A figure in a red hoodie", 0)
    assert (look.outfit, look.top) == ("hoodie", (214, 56, 52))


def test_the_selfie_is_in_the_picture_and_posterised() -> None:
    with_face, without = (pixels(draw("x", 0, selfie, SQUARE)) for selfie in (astronaut(), None))
    changed = np.argwhere(np.abs(with_face - without).sum(axis=2) > 60)
    # The head fills the upper third of the middle; hands take the tone of the skin.
    assert 0.08 < changed[:, 0].min() / 1024 < 0.2
    assert len(changed) > 20_000
    grey = np.asarray(comic_face(astronaut(), 200).convert("L"))
    photo = np.asarray(astronaut(200).convert("L"))
    assert (
        np.unique(grey // 8, return_counts=True)[1].max() > np.unique(photo // 8, return_counts=True)[1].max()
    )


def test_the_ribbon_lies_in_the_upper_right_corner() -> None:
    plain = Image.new("RGB", SQUARE, (255, 255, 255))
    mark(plain)
    marked = np.argwhere(pixels(plain)[:, :, 1] < 120)
    assert marked[:, 0].max() < 400
    assert marked[:, 1].min() > 600
    drawn, ribbon = pixels(draw("x", 0, None, SQUARE)), pixels(plain)
    red = (ribbon == (210, 38, 48)).all(axis=2)
    assert red.sum() > 5000
    assert (drawn[red] == ribbon[red]).all()


@pytest.mark.parametrize(("kind", "name"), [("png", "PNG"), ("jpeg", "JPEG"), ("webp", "WEBP")])
def test_a_picture_is_encoded_as_asked(kind: str, name: str) -> None:
    encoded = encode(Image.new("RGB", (8, 8)), kind, quality=0)
    assert Image.open(io.BytesIO(encoded)).format == name
