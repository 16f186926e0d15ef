"""All checks on the bytes of one picture; pure, nothing is read or written."""

import dataclasses
import io

import cv2
import numpy as np
from PIL import Image, ImageDraw

from core.images.checks.framing import LEAST_MARGIN, cannot_tell, check_framing
from core.images.checks.verdicts import Check, Checked, Facts, Frame, Verdict
from core.images.output import AvatarRejected, decode_picture, is_blank

# Inked drawings have steps of 60 and more between neighbours; the same under a Gaussian blur of four pixels
# stay below 20 at 1024 pixels.
LEAST_SHARPNESS = 24.0
BLUE, GREEN, RED, AMBER = (30, 110, 230), (22, 150, 80), (215, 40, 50), (225, 140, 20)


def check_picture(content: bytes, *, size: tuple[int, int], same_as: int | None) -> Checked:
    """Judge a picture that was asked for as width x height `size`.

    `same_as` is a generation of another person that has the same bytes, or None.
    """
    verdicts = dict.fromkeys(Check, Verdict.UNKNOWN) | {Check.OWN: _verdict(same_as is None)}
    try:
        image = decode_picture(content)
    except AvatarRejected as exc:
        verdicts[Check.DECODES] = Verdict.FAILED
        return Checked(verdicts, Facts(0, 0, same_as=same_as, reason=exc.sentence))
    blank = is_blank(image)
    pixels = np.asarray(image.convert("RGB"))
    sharpness = _sharpness(pixels)
    alpha = np.asarray(image.getchannel("A")) if image.mode == "RGBA" else None
    framing = cannot_tell("The picture is blank.") if blank else check_framing(pixels, alpha)
    verdicts |= {
        Check.DECODES: Verdict.PASSED,
        Check.SIZE: _verdict(image.size == size),
        Check.NOT_BLANK: _verdict(not blank),
        Check.SHARP: Verdict.UNKNOWN if blank else _verdict(sharpness >= LEAST_SHARPNESS),
        **framing.verdicts,
    }
    found = {field.name: getattr(framing, field.name) for field in dataclasses.fields(framing)}
    del found["verdicts"]
    return Checked(verdicts, Facts(image.width, image.height, round(sharpness, 1), same_as, **found))


def draw_overlay(content: bytes, checked: Checked) -> bytes:
    """The picture, paler, with what was measured drawn on it, as WEBP. Raises AvatarRejected.

    Blue is the figure, amber the least margin, red the edges where the figure is cut off and other figures.
    """
    image = decode_picture(content).convert("RGB")
    page = Image.blend(image, Image.new("RGB", image.size, (255, 255, 255)), 0.35)
    draw, facts = ImageDraw.Draw(page), checked.facts
    line = max(3, image.width // 200)
    if facts.stage and facts.figure:
        _margins(draw, image.size, line)
        draw.rectangle(_pixels(facts.figure, image.size), outline=BLUE, width=line)
        for other in facts.others:
            draw.rectangle(_pixels(other, image.size), outline=RED, width=line)
        left, top, right, bottom = _pixels(facts.stage, image.size)
        edges = {
            "top": (left, top, right, top + line * 2),
            "bottom": (left, bottom - line * 2, right, bottom),
            "left": (left, top, left + line * 2, bottom),
            "right": (right - line * 2, top, right, bottom),
        }
        for side in facts.cut:
            draw.rectangle(edges[side], fill=RED)
    target = io.BytesIO()
    page.save(target, "WEBP", quality=82)
    return target.getvalue()


def _margins(draw: ImageDraw.ImageDraw, size: tuple[int, int], line: int) -> None:
    for y in (round(size[1] * LEAST_MARGIN), round(size[1] * (1 - LEAST_MARGIN))):
        for x in range(0, size[0], line * 8):
            draw.line((x, y, x + line * 4, y), fill=AMBER, width=line)


def _pixels(frame: Frame, size: tuple[int, int]) -> tuple[int, int, int, int]:
    wide, high = size[0] - 1, size[1] - 1
    return (
        round(frame.left * wide),
        round(frame.top * high),
        round(frame.right * wide),
        round(frame.bottom * high),
    )


def _sharpness(rgb: np.ndarray) -> float:
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    steps = np.maximum(cv2.absdiff(grey[1:, :-1], grey[:-1, :-1]), cv2.absdiff(grey[:-1, 1:], grey[:-1, :-1]))
    reached = np.cumsum(np.bincount(steps.ravel(), minlength=256))
    return float(np.searchsorted(reached, reached[-1] * 0.995))


def _verdict(good: bool) -> Verdict:
    return Verdict.PASSED if good else Verdict.FAILED
