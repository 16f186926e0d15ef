"""Portraits that come with the application, for trying things out without anybody's selfie."""

from collections.abc import Callable
from pathlib import Path

# Where each comes from, and under which licence, is told in the README beside them.
PORTRAITS = Path(__file__).parent / "portraits"
TITLES = {"astronaut.png": "Astronaut (Eileen Collins, NASA)"}


def samples() -> list[tuple[str, Callable[[], bytes]]]:
    """Return name and loader of each bundled portrait. A loader returns the bytes of an image file."""
    return [(title, (PORTRAITS / name).read_bytes) for name, title in TITLES.items()]
