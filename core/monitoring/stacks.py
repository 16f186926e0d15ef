"""What the chart of failures stacks: the commonest classes, each in its colour, and the rest together."""

import dataclasses
from collections.abc import Sequence

from core.classification.taxonomy import TAXONOMY, FailureClass
from core.monitoring.rollups import BinCounts

MOST_CLASSES = 8
OTHER = "other"
OTHER_COLOUR = "#8B90A0"
# After Okabe and Ito (jfly.uni-koeln.de/color), without their yellow and black, which one of the two themes
# swallows, and without their green, which is success; purple and brown are of the same lightness as the rest.
COLOURS = (
    "#D55E00",
    "#0072B2",
    "#E69F00",
    "#56B4E9",
    "#CC79A7",
    "#8A63D2",
    "#A6761D",
    "#B3C430",
)
# Each class keeps its colour from day to day, as far as the colours reach; the usual ones have the first.
PREFERRED = {
    FailureClass.PROVIDER_OUTAGE: 0,
    FailureClass.CONTENT_POLICY: 1,
    FailureClass.RATE_LIMITED: 2,
    FailureClass.TIMEOUT: 3,
    FailureClass.INVALID_IMAGE: 4,
    FailureClass.NETWORK: 5,
    FailureClass.STORAGE: 6,
    FailureClass.UNKNOWN: 7,
    FailureClass.AUTH: 6,
    FailureClass.BILLING: 5,
    FailureClass.ASSET_UNAVAILABLE: 7,
    FailureClass.ASSET_INVALID: 4,
    FailureClass.INVALID_INPUT: 7,
    FailureClass.MODEL_UNAVAILABLE: 2,
    FailureClass.SUBMISSION_UNCONFIRMED: 3,
    FailureClass.DATABASE: 6,
    FailureClass.CANCELED: 4,
}


@dataclasses.dataclass(frozen=True)
class Stack:
    """One colour of the bars: the classes that it stands for, most frequent stacks first."""

    name: str
    title: str
    classes: tuple[str, ...]
    colour: str
    counts: Sequence[int]


def stacks(counts: Sequence[BinCounts], classes: Sequence[str] = ()) -> list[Stack]:
    """The eight commonest classes, and one stack of all the others; with `classes` those alone."""
    totals: dict[str, int] = {}
    for each in counts:
        for name, n in each.classes.items():
            if not classes or name in classes:
                totals[name] = totals.get(name, 0) + n
    ranked = sorted(totals, key=lambda name: (-totals[name], name))
    # One class more needs no stack of its own for the rest.
    cut = len(ranked) if len(ranked) <= MOST_CLASSES else MOST_CLASSES - 1
    colours = _colours(ranked[:cut])
    found = [
        Stack(name, title_of(name), (name,), colours[name], _of(counts, (name,))) for name in ranked[:cut]
    ]
    if rest := tuple(ranked[cut:]):
        found.append(Stack(OTHER, f"{len(rest)} others", rest, OTHER_COLOUR, _of(counts, rest)))
    return found


def title_of(name: str) -> str:
    """What a class is called; a name of another version stands for itself."""
    return TAXONOMY[FailureClass(name)].title if name in set(FailureClass) else name


def _of(counts: Sequence[BinCounts], classes: Sequence[str]) -> list[int]:
    return [sum(each.classes.get(name, 0) for name in classes) for each in counts]


def _colours(names: Sequence[str]) -> dict[str, str]:
    """Its own colour for each class, another free one where two would share it."""
    chosen: dict[str, str] = {}
    late = []
    for name in names:
        place = PREFERRED.get(FailureClass(name)) if name in set(FailureClass) else None
        if place is None or COLOURS[place] in chosen.values():
            late.append(name)
        else:
            chosen[name] = COLOURS[place]
    free = [colour for colour in COLOURS if colour not in chosen.values()]
    return chosen | dict(zip(late, free, strict=False))
