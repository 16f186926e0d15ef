"""How long the provers are: tests that look for a fault in many random or repeated ways.

In every run they are short, and the run's dice choose what they try; `make prove` runs them whole. Mark such
a test `prover`, and take its sizes from here.
"""

import os
import random
from collections.abc import Iterable
from typing import TypeVar

from tests.support.running.run import seed

T = TypeVar("T")

FULL = os.environ.get("INKDESK_PROVE") == "full"


def length(short: int, full: int) -> int:
    """So many turns in every run, or all of them in a proof."""
    return full if FULL else short


def dice(name: str) -> random.Random:
    """The dice of one test: other ones in each run, the same again with the run's seed."""
    return random.Random(f"{seed()} {name}")  # noqa: S311 - no secret


def some(of: Iterable[T], short: int, name: str) -> list[T]:
    """All of them in a proof, else so many that the dice choose."""
    everything = list(of)
    return everything if FULL else dice(name).sample(everything, min(short, len(everything)))
