"""The selfie on the Generate page: every file gets a picture or a sentence."""

import io

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.images.samples import samples
from tests.pages.conftest import OpenPage
from tests.pages.looking import button, said
from tests.support.desk import TestDesk

PAGE = "pages/generate/page.py"


def upload(open_page: OpenPage, name: str, content: bytes) -> AppTest:
    at = open_page(PAGE)
    at.file_uploader(key="generate_upload").set_value((name, content, "image/jpeg"))
    return at.run()


def jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("note.jpg", b"just words\n" * 40, "The file is named like a JPG but is"),
        ("empty.jpg", b"", "The file is empty"),
        ("huge.jpg", b"\xff\xd8\xff" + b"0" * 25_000_000, "The file has 23.8 MB and at most 20 MB are read"),
        ("cut.jpg", jpeg(Image.effect_noise((800, 800), 50))[:5000], "The file ends in the middle"),
    ],
)
def test_a_file_that_is_no_selfie_gets_a_sentence(
    open_page: OpenPage, name: str, content: bytes, sentence: str
) -> None:
    at = upload(open_page, name, content)

    assert not at.exception
    assert at.error[0].value.startswith(sentence)
    assert "add a selfie" in said(at)


def test_a_photo_without_a_face_is_only_warned_about(open_page: OpenPage, desk: TestDesk) -> None:
    at = upload(open_page, "wall.jpg", jpeg(Image.effect_noise((600, 800), 60)))
    at.selectbox(key="generate_customer").set_value(desk.customer_id).run()

    assert "No face was found" in said(at)
    button(at, "Preview").click().run()
    assert not at.error
    assert at.session_state["generate_current"]


def test_the_crop_around_the_face_can_be_switched_off(open_page: OpenPage) -> None:
    wide = Image.new("RGB", (1600, 1200), "grey")
    wide.paste(Image.open(io.BytesIO(samples()[0][1]())), (300, 300))
    at = upload(open_page, "wide.jpg", jpeg(wide))
    assert "cropped to the face" in said(at)

    at.toggle(key="generate_crop").set_value(False).run()

    assert "1365x1024, whole picture" in said(at)


def test_an_earlier_selfie_is_offered_only_to_its_customer(open_page: OpenPage, desk: TestDesk) -> None:
    at = open_page(PAGE)
    at.segmented_control(key="generate_source").set_value("Earlier").run()
    assert "Choose a customer to see their selfies." in said(at)

    at.selectbox(key="generate_customer").set_value(desk.customer_id).run()

    assert at.selectbox(key="generate_earlier").value == desk.selfie_id
