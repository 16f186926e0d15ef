"""Faces are found where there are some, and the square around one lies inside the picture."""

import io
from importlib.resources import files

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from core.images.faces import Box, find_faces, square_around


def test_nearly_every_frontal_face_is_found_and_hardly_anything_else() -> None:
    """On every fourth picture of scikit-image's subset of Labeled Faces in the Wild: 25 faces, 25 others."""
    pictures = np.load(io.BytesIO((files("skimage") / "data" / "lfw_subset.npy").read_bytes()))
    found = [bool(find_faces(on_grey(picture))) for picture in pictures[::4]]
    assert sum(found[:25]) >= 24
    assert sum(found[25:]) == 0


def on_grey(picture: np.ndarray) -> Image.Image:
    face = Image.fromarray((picture * 255).astype(np.uint8)).resize((130, 130), Image.Resampling.BICUBIC)
    ground = Image.new("L", (400, 300), 128)
    ground.paste(face, (130, 80))
    return ground


sides = st.integers(256, 4096)


@given(width=sides, height=sides, data=st.data(), at_least=st.integers(1, 2000))
def test_the_square_lies_inside_the_picture_and_holds_the_face(
    width: int, height: int, data: st.DataObject, at_least: int
) -> None:
    side = data.draw(st.integers(24, min(width, height)))
    left, top = data.draw(st.integers(0, width - side)), data.draw(st.integers(0, height - side))
    face = Box(left, top, left + side, top + side)

    square = square_around(face, width, height, at_least=at_least)

    if square is None:
        assert width == height
        return
    assert square.width == square.height
    assert square.width >= min(at_least, width, height)
    assert min(square.left, square.top) >= 0
    assert square.right <= width
    assert square.bottom <= height
    assert square.left <= face.left
    assert square.top <= face.top
    assert face.right <= square.right
    assert face.bottom <= square.bottom
