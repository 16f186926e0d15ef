"""What a prompt makes of a figure: clothes, pose, colours and backdrop, always the same for one prompt."""

import dataclasses
import hashlib
import random
import re

Colour = tuple[int, int, int]
Point = tuple[float, float]

NAMED_COLOURS: dict[str, Colour] = {
    "red": (214, 56, 52),
    "orange": (240, 132, 44),
    "yellow": (246, 198, 58),
    "green": (66, 156, 92),
    "teal": (34, 148, 148),
    "blue": (52, 104, 196),
    "navy": (40, 58, 112),
    "purple": (128, 76, 170),
    "pink": (236, 122, 164),
    "brown": (140, 92, 60),
    "black": (58, 58, 70),
    "white": (240, 238, 230),
    "grey": (146, 152, 162),
    "gray": (146, 152, 162),
}
OUTFIT_WORDS: dict[str, str] = {
    "hero": "hero",
    "superhero": "hero",
    "cape": "hero",
    "hoodie": "hoodie",
    "jacket": "jacket",
    "coat": "coat",
    "suit": "suit",
    "overalls": "overalls",
    "dungarees": "overalls",
    "jersey": "jersey",
    "shirt": "jersey",
}
OUTFITS = ("jacket", "hoodie", "hero", "coat", "overalls", "jersey", "suit")
BACKDROPS = ("radial", "rising", "burst", "slanted")
# Pairs of paper and dot colour.
PAPERS: tuple[tuple[Colour, Colour], ...] = (
    ((255, 224, 130), (250, 168, 72)),
    ((168, 222, 240), (96, 176, 222)),
    ((250, 190, 190), (238, 128, 134)),
    ((196, 232, 190), (128, 198, 138)),
    ((220, 206, 246), (172, 146, 224)),
    ((250, 234, 206), (236, 186, 132)),
    ((186, 234, 226), (94, 196, 186)),
)
TROUSERS: tuple[Colour, ...] = ((62, 86, 140), (74, 76, 92), (134, 104, 76), (52, 62, 88), (96, 116, 92))
SHOES: tuple[Colour, ...] = ((240, 238, 230), (214, 56, 52), (52, 104, 196), (246, 198, 58), (86, 62, 56))
# Elbow and hand of the viewer's right arm; the left one is mirrored. Units: the figure is 1000 tall.
ARMS: dict[str, tuple[Point, Point]] = {
    "down": ((168, 492), (176, 606)),
    "hip": ((218, 478), (118, 572)),
    "wave": ((206, 440), (238, 300)),
    "up": ((196, 408), (206, 250)),
    "out": ((196, 458), (278, 392)),
}
POSES = (
    ("down", "down"),
    ("hip", "hip"),
    ("down", "wave"),
    ("hip", "wave"),
    ("up", "up"),
    ("hip", "out"),
    ("out", "out"),
)
# Knee and foot, left then right.
LEGS: tuple[tuple[tuple[Point, Point], tuple[Point, Point]], ...] = (
    (((-54, 770), (-60, 932)), ((54, 770), (60, 932))),
    (((-84, 764), (-112, 930)), ((84, 764), (112, 930))),
    (((-58, 772), (-64, 932)), ((92, 760), (120, 926))),
    (((-92, 760), (-120, 926)), ((58, 772), (64, 932))),
)


@dataclasses.dataclass(frozen=True)
class Look:
    """One figure, ready to be drawn."""

    outfit: str
    top: Colour
    accent: Colour
    trousers: Colour
    shoes: Colour
    left_arm: str
    right_arm: str
    legs: tuple[tuple[Point, Point], tuple[Point, Point]]
    paper: Colour
    dots: Colour
    backdrop: str
    tilt: float  # degrees that the head leans


def look_for(prompt: str, repeat: int) -> Look:
    """The look for a prompt. `repeat` (0 for the first drawing) changes pose and tilt, not the clothes."""
    dice = random.Random(hashlib.sha256(prompt.encode()).digest())
    words = re.findall(r"[a-z]+", prompt.lower())
    named = [NAMED_COLOURS[word] for word in words if word in NAMED_COLOURS]
    colours = list(NAMED_COLOURS.values())[:9]
    dice.shuffle(colours)
    outfit = next((OUTFIT_WORDS[word] for word in words if word in OUTFIT_WORDS), dice.choice(OUTFITS))
    paper, dots = dice.choice(PAPERS)
    trousers, shoes, backdrop = dice.choice(TROUSERS), dice.choice(SHOES), dice.choice(BACKDROPS)
    pose, legs = dice.randrange(len(POSES)), dice.randrange(len(LEGS))
    left, right = POSES[(pose + repeat) % len(POSES)]
    return Look(
        outfit=outfit,
        top=(named + colours)[0],
        accent=(named + colours)[1],
        trousers=trousers,
        shoes=shoes,
        left_arm=left,
        right_arm=right,
        legs=LEGS[(legs + repeat) % len(LEGS)],
        paper=paper,
        dots=dots,
        backdrop=backdrop,
        tilt=dice.uniform(-4, 4) * (-1) ** repeat,
    )
