"""Portraits that come with the application, for trying things out without anybody's selfie."""

from collections.abc import Callable
from importlib.resources import files


def samples() -> list[tuple[str, Callable[[], bytes]]]:
    """Return name and loader of each bundled portrait. A loader returns the bytes of an image file."""
    return [("Astronaut (Eileen Collins, NASA)", _astronaut)]


def _astronaut() -> bytes:
    # A portrait by NASA, in the public domain, shipped by scikit-image; read as a file, because importing
    # `skimage.data` for it would load SciPy.
    return (files("skimage") / "data" / "astronaut.png").read_bytes()
