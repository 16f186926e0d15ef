"""Checks of a picture: planted faults are found, good pictures pass, and doubt is said as doubt."""

import collections
import dataclasses
import io

import numpy as np
import pytest
from PIL import Image, ImageFilter

from core.images.checks.framing import check_framing
from core.images.checks.picture import check_picture, draw_overlay
from core.images.checks.verdicts import FRAMING, Check, Checked, Facts, Frame, Verdict
from core.images.output import AvatarRejected, check_avatar
from tests.support.framings import busy, cut_off, pair, whole
from tests.support.pictures import encode
from tests.support.running.lengths import some

SIZE = (1024, 1024)
LOST = {"head": Check.HEAD, "feet": Check.FEET, "half": Check.FEET, "side": Check.SIDES}


def checked(image: Image.Image, *, same_as: int | None = None) -> Checked:
    return check_picture(encode(image, "PNG"), size=SIZE, same_as=same_as)


def framed(image: Image.Image) -> dict[Check, Verdict]:
    return check_framing(np.asarray(image), None).verdicts


# The bounds are those of all pictures, and so hold for the few that a run looks at.
@pytest.mark.prover
def test_of_forty_planted_crops_at_least_38_are_found_by_what_was_cut_and_none_is_called_good() -> None:
    missed = []
    for number in some(range(40), 10, "crops"):
        crop = cut_off(number)
        verdicts = framed(crop.image)
        assert set(verdicts.values()) != {Verdict.PASSED}, crop.name
        if verdicts[LOST[crop.cut]] is not Verdict.FAILED:
            missed.append(crop.name)
    assert len(missed) <= 2, missed


@pytest.mark.prover
def test_of_a_hundred_whole_figures_at_most_five_raise_an_alarm_and_five_leave_doubt() -> None:
    found: collections.Counter[str] = collections.Counter()
    for number in some(range(100), 20, "whole figures"):
        verdicts = set(framed(whole(number).image).values())
        found["alarm"] += Verdict.FAILED in verdicts
        found["doubt"] += Verdict.FAILED not in verdicts and Verdict.UNKNOWN in verdicts
    assert found["alarm"] <= 5
    assert found["doubt"] <= 5


def test_before_a_busy_scene_it_cannot_tell_and_says_why() -> None:
    for number in range(10):
        framing = check_framing(np.asarray(busy(number)), None)
        assert set(framing.verdicts.values()) == {Verdict.UNKNOWN}
        assert framing.reason is not None
        assert "background" in framing.reason


def test_two_people_are_not_one_figure() -> None:
    for number in range(5):
        assert framed(pair(number))[Check.ONE_FIGURE] is Verdict.FAILED


def test_a_small_figure_and_one_without_room_are_told_apart() -> None:
    figure = whole(1).image
    small = Image.new("RGB", SIZE, figure.getpixel((2, 2)))
    small.paste(figure.resize((512, 512)), (256, 256))
    assert framed(small)[Check.HEIGHT] is Verdict.FAILED
    assert framed(small)[Check.MARGINS] is Verdict.PASSED


def test_a_transparent_background_needs_no_guess() -> None:
    ground = np.zeros((1024, 1024), np.uint8)
    ground[60:960, 400:620] = 255
    framing = check_framing(np.asarray(busy(0)), ground)
    assert set(framing.verdicts.values()) - {Verdict.UNKNOWN} == {Verdict.PASSED}
    assert framing.figure is not None
    assert framing.figure.height == pytest.approx(900 / 1024, abs=0.01)


def test_the_figure_is_measured_where_it_stands() -> None:
    facts = checked(whole(0).image).facts
    assert facts.figure is not None
    assert 0.74 <= facts.figure.height <= 0.92
    assert facts.figure.top >= 0.03
    assert facts.cut == ()


def test_a_good_picture_passes_every_check() -> None:
    assert set(checked(whole(0).image).verdicts.values()) == {Verdict.PASSED}


def test_each_fault_of_the_file_is_named() -> None:
    good = whole(0).image
    assert checked(good.resize((1024, 1000))).verdicts[Check.SIZE] is Verdict.FAILED
    assert checked(good, same_as=7).verdicts[Check.OWN] is Verdict.FAILED
    assert checked(good.filter(ImageFilter.GaussianBlur(4))).verdicts[Check.SHARP] is Verdict.FAILED
    blank = checked(Image.new("RGB", SIZE, "white"))
    assert blank.verdicts[Check.NOT_BLANK] is Verdict.FAILED
    assert {blank.verdicts[check] for check in FRAMING} == {Verdict.UNKNOWN}
    broken = check_picture(encode(good, "PNG")[:5000], size=SIZE, same_as=None)
    assert broken.verdicts[Check.DECODES] is Verdict.FAILED
    assert broken.framing is Verdict.UNKNOWN


def test_the_overlay_is_the_picture_with_the_figure_framed_in_blue() -> None:
    good = whole(0).image
    result = checked(good)
    drawn = Image.open(io.BytesIO(draw_overlay(encode(good, "PNG"), result))).convert("RGB")
    assert drawn.size == SIZE
    assert result.facts.figure is not None
    red, _, blue = np.asarray(drawn)[
        round(1024 * (result.facts.figure.top + 0.2)), round(1023 * result.facts.figure.left) + 2
    ].astype(int)
    assert blue > red + 80


def test_facts_come_back_from_their_stored_form() -> None:
    frame = Frame(0.1, 0.2, 0.8, 0.9)
    facts = Facts(10, 20, 3.5, None, "why", frame, frame, (frame, frame), ("top",))
    assert Facts.from_json(facts.as_json()) == facts
    bare = dataclasses.replace(facts, stage=None, figure=None, others=(), cut=())
    assert Facts.from_json(bare.as_json()) == bare


@pytest.mark.prover
def test_of_twenty_planted_faults_every_one_is_flagged_and_none_of_fifty_good_pictures() -> None:
    """Undecodable, of another size, blank, somebody else's bytes, of another format: four of each."""
    hard = (Check.DECODES, Check.SIZE, Check.NOT_BLANK, Check.OWN)
    for number in range(4):
        good = whole(number).image
        content = encode(good, "PNG")
        planted: dict[Check, Checked] = {
            Check.DECODES: check_picture(content[: 3_000 * (number + 1)], size=SIZE, same_as=None),
            Check.SIZE: checked(good.resize((1024 - 8 * (number + 1), 1024))),
            Check.NOT_BLANK: checked(Image.new("RGB", SIZE, ("white", "black", "red", "#777")[number])),
            Check.OWN: checked(good, same_as=number + 1),
        }
        assert {check: found.verdicts[check] for check, found in planted.items()} == dict.fromkeys(
            hard, Verdict.FAILED
        )
        with pytest.raises(AvatarRejected):
            check_avatar(encode(good, ("GIF", "BMP", "TIFF", "GIF")[number]))
    for number in some(range(50), 10, "good pictures"):
        content = encode(whole(number).image, "PNG")
        found = check_picture(content, size=SIZE, same_as=None)
        assert [found.verdicts[check] for check in hard] == [Verdict.PASSED] * 4
        assert check_avatar(content).content == content
