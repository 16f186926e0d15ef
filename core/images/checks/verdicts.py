"""The words of the checks: what was asked of a picture, and what came of it."""

import dataclasses
import enum
from typing import Any


class Verdict(enum.StrEnum):
    """The answer of one check."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "cannot_tell"


class Check(enum.StrEnum):
    """What is asked of a picture, in the order in which it is shown."""

    DECODES = "decodes"
    SIZE = "size"
    NOT_BLANK = "not_blank"
    OWN = "own"  # not byte for byte what another person got
    SHARP = "sharp"
    ONE_FIGURE = "one_figure"
    HEAD = "head"
    FEET = "feet"
    SIDES = "sides"
    MARGINS = "margins"
    HEIGHT = "height"


FRAMING = (Check.ONE_FIGURE, Check.HEAD, Check.FEET, Check.SIDES, Check.MARGINS, Check.HEIGHT)


@dataclasses.dataclass(frozen=True)
class Frame:
    """A rectangle in shares (0 to 1) of the picture's width and height."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top


@dataclasses.dataclass(frozen=True)
class Facts:
    """What was found; `reason` says in one sentence why the framing cannot be told, else it is None.

    `stage` is the picture without a drawn panel frame, `cut` the sides of the stage that the figure touches.
    `sharpness` is the 99.5th percentile of the brightness step between neighbours (0 to 255).
    """

    width: int
    height: int
    sharpness: float | None = None
    same_as: int | None = None
    reason: str | None = None
    stage: Frame | None = None
    figure: Frame | None = None
    others: tuple[Frame, ...] = ()
    cut: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self) | {
            "others": [dataclasses.asdict(each) for each in self.others],
            "cut": list(self.cut),
        }

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> "Facts":
        frames = {name: Frame(**told[name]) if told[name] else None for name in ("stage", "figure")}
        others = tuple(Frame(**each) for each in told["others"])
        return cls(**told | frames | {"others": others, "cut": tuple(told["cut"])})


@dataclasses.dataclass(frozen=True)
class Checked:
    """All verdicts on one picture, and the facts behind them."""

    verdicts: dict[Check, Verdict]
    facts: Facts

    @property
    def framing(self) -> Verdict:
        """Full figure, in one word: failed if any part failed, passed if all passed."""
        found = {self.verdicts[check] for check in FRAMING}
        if Verdict.FAILED in found:
            return Verdict.FAILED
        return Verdict.UNKNOWN if Verdict.UNKNOWN in found else Verdict.PASSED
