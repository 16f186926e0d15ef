"""The figure itself: a big head on a small body, drawn from the back to the front."""

import math

from PIL import Image, ImageDraw

from core.sandbox.drawing.face import comic_face, skin_tone
from core.sandbox.drawing.ink import INK, OUTLINE, Sheet, darker
from core.sandbox.drawing.look import ARMS, Colour, Look, Point

HEAD_CENTRE: Point = (0, 168)
HEAD_WIDTH, HEAD_HEIGHT = 284, 322
CREAM: Colour = (246, 240, 226)


def draw_figure(sheet: Sheet, look: Look, selfie: Image.Image | None) -> None:
    """Draw the whole figure, 1000 units tall, on the sheet."""
    face = comic_face(selfie, round(HEAD_HEIGHT * 1.06 * sheet.unit))
    skin = skin_tone(face)
    if look.outfit == "hero":
        cape = [
            (-96, 356),
            (96, 356),
            (170, 600),
            (206, 872),
            (90, 842),
            (0, 872),
            (-90, 842),
            (-206, 872),
            (-170, 600),
        ]
        sheet.shape(cape, look.accent, shade=24)
    _legs(sheet, look)
    _arm(sheet, look, look.left_arm, side=-1, skin=skin)
    sheet.limb([(0, 318), (0, 366)], 74, darker(skin, 0.86), shade=0)
    _torso(sheet, look)
    _arm(sheet, look, look.right_arm, side=1, skin=skin)
    _head(sheet, face, look.tilt)


def _legs(sheet: Sheet, look: Look) -> None:
    trousers = look.top if look.outfit == "hero" else look.trousers
    for side, (knee, foot) in zip((-1, 1), look.legs, strict=True):
        x, y = foot
        sheet.limb([(side * 46, 600), knee, foot], 84, trousers, shade=16)
        sheet.stroke(
            [(knee[0] - 22, knee[1] + 8), (knee[0] + 16, knee[1] + 16)], darker(trousers, 0.55), width=4
        )
        toe = side * 74
        shoe = [
            (x - side * 44, y + 6),
            (x + side * 20, y - 4),
            (x + toe, y + 26),
            (x + toe + side * 8, y + 54),
            (x - side * 46, y + 54),
        ]
        sheet.shape(shoe, look.shoes, shade=8)
        sheet.limb([(x - side * 40, y + 58), (x + toe, y + 58)], 14, CREAM, shade=0)
        for lace in (12, 26):
            sheet.stroke([(x + side * lace, y + 8), (x + side * (lace + 16), y + 24)], width=4)
    sheet.shape(
        [(-90, 560), (90, 560), (92, 622), (40, 650), (0, 634), (-40, 650), (-92, 622)], trousers, shade=8
    )


def _arm(sheet: Sheet, look: Look, name: str, *, side: int, skin: Colour) -> None:
    (elbow_x, elbow_y), (hand_x, hand_y) = ARMS[name]
    shoulder, elbow, hand = (side * 104, 398), (side * elbow_x, elbow_y), (side * hand_x, hand_y)
    sleeve = look.accent if look.outfit == "overalls" else look.top
    if look.outfit in ("jersey", "overalls"):
        sheet.limb([shoulder, elbow, hand], 48, skin, shade=10)
        middle = ((shoulder[0] + elbow[0]) / 2, (shoulder[1] + elbow[1]) / 2)
        sheet.limb([shoulder, middle], 70, sleeve, shade=12)
    else:
        wrist = (elbow[0] + (hand[0] - elbow[0]) * 0.78, elbow[1] + (hand[1] - elbow[1]) * 0.78)
        sheet.limb([shoulder, elbow, wrist], 64, sleeve, shade=12)
    glove = look.accent if look.outfit == "hero" else skin
    inward = -side if hand_y < 420 or hand_x < 150 else 0
    sheet.limb([hand, (hand[0] + inward * 24 - side * 6, hand[1] - 22)], 18, glove, shade=0)
    sheet.disc(hand, 32, glove)


def _torso(sheet: Sheet, look: Look) -> None:
    hem = 780 if look.outfit == "coat" else 622
    flare = 128 if look.outfit == "coat" else 92
    body = [
        (-60, 352),
        (60, 352),
        (124, 378),
        (116, 470),
        (98, 560),
        (flare, hem),
        (0, hem + 8),
        (-flare, hem),
        (-98, 560),
        (-116, 470),
        (-124, 378),
    ]
    top = look.accent if look.outfit == "overalls" else look.top
    sheet.shape(body, top, shade=22)
    DETAILS[look.outfit](sheet, look)


def _jacket(sheet: Sheet, look: Look) -> None:
    sheet.shape([(-34, 358), (34, 358), (30, 480), (34, 618), (-34, 618), (-30, 480)], CREAM, shade=10)
    for side in (-1, 1):
        sheet.shape(
            [(side * 34, 352), (side * 78, 366), (side * 60, 450), (side * 26, 480)],
            darker(look.top),
            shade=0,
            curved=False,
        )
        sheet.stroke([(side * 58, 548), (side * 92, 534)], width=6)


def _hoodie(sheet: Sheet, look: Look) -> None:
    sheet.shape([(-84, 352), (0, 392), (84, 352), (70, 392), (0, 428), (-70, 392)], darker(look.top), shade=0)
    sheet.shape([(-64, 520), (64, 520), (84, 598), (-84, 598)], darker(look.top, 0.86), shade=0, curved=False)
    for side in (-1, 1):
        sheet.stroke([(side * 22, 420), (side * 26, 486)], CREAM, width=7)


def _hero(sheet: Sheet, look: Look) -> None:
    sheet.shape([(-98, 574), (98, 574), (96, 616), (-96, 616)], (246, 198, 58), shade=0, curved=False)
    sheet.shape(
        [(-62, 414), (62, 414), (44, 476), (0, 520), (-44, 476)], (246, 198, 58), shade=8, curved=False
    )
    star = [
        (0, 426),
        (10, 448),
        (34, 450),
        (16, 466),
        (22, 490),
        (0, 476),
        (-22, 490),
        (-16, 466),
        (-34, 450),
        (-10, 448),
    ]
    sheet.shape(star, look.accent, shade=0, curved=False)


def _coat(sheet: Sheet, look: Look) -> None:
    sheet.shape([(-26, 356), (26, 356), (0, 450)], CREAM, shade=0, curved=False)
    sheet.stroke([(0, 450), (0, 776)], width=6)
    for row in (500, 570, 640):
        for side in (-1, 1):
            sheet.disc((side * 30, row), 8, (246, 198, 58), shade=0)
    sheet.shape([(-70, 346), (70, 346), (76, 384), (0, 404), (-76, 384)], look.accent, shade=8)
    sheet.shape([(24, 384), (62, 380), (70, 494), (34, 500)], look.accent, shade=8, curved=False)


def _suit(sheet: Sheet, look: Look) -> None:
    sheet.shape([(-44, 352), (44, 352), (0, 520)], CREAM, shade=0, curved=False)
    sheet.shape([(-12, 372), (12, 372), (18, 470), (0, 500), (-18, 470)], look.accent, shade=0, curved=False)
    for side in (-1, 1):
        sheet.shape(
            [(side * 44, 350), (side * 84, 372), (side * 54, 440), (side * 4, 524)],
            darker(look.top),
            shade=0,
            curved=False,
        )
    sheet.stroke([(0, 526), (0, 616)], width=6)


def _overalls(sheet: Sheet, look: Look) -> None:
    for side in (-1, 1):
        sheet.limb([(side * 66, 360), (side * 52, 452)], 22, look.trousers, shade=0)
    sheet.shape(
        [(-66, 448), (66, 448), (94, 560), (92, 624), (-92, 624), (-94, 560)],
        look.trousers,
        shade=12,
        curved=False,
    )
    sheet.shape(
        [(-36, 480), (36, 480), (30, 536), (0, 548), (-30, 536)],
        darker(look.trousers, 0.84),
        shade=0,
        curved=False,
    )
    for side in (-1, 1):
        sheet.disc((side * 52, 460), 10, (246, 198, 58), shade=0)


def _jersey(sheet: Sheet, look: Look) -> None:
    sheet.shape([(-114, 470), (114, 470), (102, 530), (-102, 530)], look.accent, shade=10, curved=False)
    sheet.shape([(-46, 350), (0, 386), (46, 350), (36, 372), (0, 402), (-36, 372)], look.accent, shade=0)


DETAILS = {
    "jacket": _jacket,
    "hoodie": _hoodie,
    "hero": _hero,
    "coat": _coat,
    "suit": _suit,
    "overalls": _overalls,
    "jersey": _jersey,
}


def _head(sheet: Sheet, face: Image.Image, tilt: float) -> None:
    """The face in an egg-shaped cut-out with an ink rim, leaning a little."""
    side = face.width
    ink = OUTLINE * 1.2 * sheet.unit
    half_width, half_height = HEAD_WIDTH * sheet.unit / 2, HEAD_HEIGHT * sheet.unit / 2
    rim, hole = (Image.new("L", (side + round(4 * ink),) * 2, 0) for _ in range(2))
    middle = rim.width / 2
    for mask, grow in ((rim, ink), (hole, 0.0)):
        points = [(middle + x * (half_width + grow), middle + y * (half_height + grow)) for x, y in _egg()]
        ImageDraw.Draw(mask).polygon(points, fill=255)
    picture = Image.new("RGB", rim.size, INK)
    padded = Image.new("RGB", rim.size, INK)
    padded.paste(face, (round(2 * ink), round(2 * ink)))
    picture.paste(padded, (0, 0), hole)
    turn = Image.Resampling.BILINEAR
    sheet.paste(picture.rotate(tilt, resample=turn), rim.rotate(tilt, resample=turn), HEAD_CENTRE)


def _egg() -> list[Point]:
    """A unit outline between ellipse and rounded square, narrower at the chin."""
    outline: list[Point] = []
    for step in range(96):
        angle = step / 96 * 2 * math.pi
        cos, sin = math.cos(angle), math.sin(angle)
        x = math.copysign(abs(cos) ** 0.86, cos)
        y = math.copysign(abs(sin) ** 0.90, sin)
        outline.append((x * (1 - 0.12 * max(0.0, y) ** 2), y))
    return outline
