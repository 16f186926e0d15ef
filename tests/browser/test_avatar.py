"""A person at the desk: a portrait goes in, a charged avatar comes out, and it is there after a restart."""

import io
import re

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from core.images.samples import samples
from tests.support.servers.app import RunningApp

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def add_customer(page: Page, name: str, credits_given: int) -> None:
    page.get_by_role("button", name="New", exact=False).first.click()
    page.get_by_role("textbox", name="Name").fill(name)
    page.get_by_role("textbox", name="Reference").fill(f"{name.lower()}@example.org")
    page.get_by_role("button", name="Add customer").click()
    expect(page.get_by_text(f"{name} was added")).to_be_visible()
    page.get_by_role("button", name="Grant", exact=False).first.click()
    page.get_by_label("Credits", exact=True).fill(str(credits_given))
    page.get_by_role("textbox", name="Reason").fill("first credits")
    page.get_by_test_id("stPopoverBody").get_by_role("button", name="Grant").click()
    expect(page.get_by_text(f"{credits_given} credits granted")).to_be_visible()


def test_a_portrait_becomes_a_charged_avatar_that_outlives_a_restart(app: RunningApp, page: Page) -> None:
    page.goto(f"{app.url}/generate")
    add_customer(page, "Eileen", 25)
    portrait = {"name": "portrait.png", "mimeType": "image/png", "buffer": samples()[0][1]()}
    page.locator('[data-testid="stFileUploaderDropzoneInput"]').set_input_files(portrait)  # type: ignore[arg-type]
    page.get_by_role("button", name="Generate, 10 credits").click()
    download = page.get_by_role("link", name=re.compile("Download"))
    expect(download).to_be_visible()
    expect(page.get_by_test_id("stMetric").filter(has_text="Wallet")).to_contain_text("15")
    with page.expect_download() as downloaded:
        download.click()
    path = downloaded.value.path()
    assert Image.open(io.BytesIO(path.read_bytes())).size == (1024, 1024)

    page.goto(f"{app.url}/generations?id=1")
    for words in ("Succeeded", "Eileen", "charge", "capture"):
        expect(page.get_by_text(re.compile(words, re.IGNORECASE)).first).to_be_visible()

    app.stop()
    assert app.left_behind() == []
    app.start()
    page.goto(f"{app.url}/generations?id=1")
    for words in ("Succeeded", "Eileen", "charge", "capture"):
        expect(page.get_by_text(re.compile(words, re.IGNORECASE)).first).to_be_visible()
    pictures = page.get_by_test_id("stImage").locator("img")
    expect(pictures.first).to_be_visible()
    sizes = pictures.evaluate_all("all => all.map(one => [one.naturalWidth, one.naturalHeight])")
    assert [1024, 1024] in sizes
