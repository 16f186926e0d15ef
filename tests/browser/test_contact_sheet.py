"""The contact sheet in a browser without network, and the way to it through the page."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from core.experiments.variants import Variant
from core.sandbox.server import RunningSandbox
from tests.support.desk import TestDesk, wait_for
from tests.support.experiments import Lab
from tests.support.servers.app import RunningApp, settings_of

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

DRAWN = """() => [...document.images].map(each => [each.complete && each.naturalWidth > 0,
    Math.abs(each.naturalWidth / each.naturalHeight - each.clientWidth / each.clientHeight) < 0.02])"""
HEAD = "() => document.querySelector('thead th:nth-child(2)').getBoundingClientRect().top"
HOSTILE = "<script>document.title = 'taken'</script><img src=http://evil.test/x>"


@pytest.fixture
def lab(app: RunningApp) -> Iterator[Lab]:
    with contextlib.closing(TestDesk.open(settings_of(app.home), RunningSandbox())) as desk:
        yield Lab(desk, people=3)


@pytest.fixture
def drawn(lab: Lab) -> int:
    """Drawn by the application's own worker; its texts try to be more than texts."""
    ink, paint = lab.versions("A hero in ink & water", f"A hero in paint {HOSTILE}")
    variants = [Variant(version_id=ink), Variant(version_id=paint, label=f"Paint {HOSTILE}")]
    number = lab.started(variants, name=f"Ink or paint? {HOSTILE}"[:80])
    wait_for(lambda: lab.over(number))
    return number


def test_the_sheet_opens_without_network_and_shows_every_image(
    app: RunningApp, browser: Browser, page: Page, drawn: int, tmp_path: Path
) -> None:
    page.goto(f"{app.url}/experiments?experiment={drawn}&panel=share")
    page.get_by_role("button", name="Prepare the file").click()
    link = page.get_by_role("link", name="Download ")
    expect(link).to_be_visible()
    address = link.get_attribute("href")
    with page.expect_download() as coming:
        link.click()
    saved = tmp_path / coming.value.suggested_filename
    coming.value.save_as(saved)
    assert saved.suffix == ".html"
    # The sentence under the button told its size before.
    told = saved.stat().st_size
    expect(link).to_contain_text(f"{told / 1e6:,.1f} MB" if told >= 1e6 else f"{told / 1e3:,.1f} kB")
    answer = httpx.get(f"{app.url}{address}", timeout=30)
    assert (answer.status_code, len(answer.content)) == (200, told)
    assert answer.headers["cache-control"] == "no-store"
    assert httpx.get(f"{app.url}/share/{'x' * 32}/sheet.html", timeout=30).status_code == 410
    _look(browser, saved, images=6)


def test_selfies_are_in_the_sheet_only_when_ticked(
    app: RunningApp, browser: Browser, page: Page, drawn: int, tmp_path: Path
) -> None:
    page.goto(f"{app.url}/experiments?experiment={drawn}&panel=share")
    page.get_by_text("With selfies").click()
    expect(page.get_by_text("The file shows real faces.")).to_be_visible()
    page.get_by_role("button", name="Prepare the file").click()
    with page.expect_download() as coming:
        page.get_by_role("link", name="Download ").click()
    coming.value.save_as(tmp_path / "faces.html")
    _look(browser, tmp_path / "faces.html", images=9)


def _look(browser: Browser, file: Path, *, images: int) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 600}, offline=True)
    sheet = context.new_page()
    asked: list[str] = []
    refused: list[str] = []
    sheet.on("request", lambda request: asked.append(request.url))
    sheet.on("console", lambda message: refused.append(message.text))
    sheet.goto(file.as_uri())
    assert sheet.evaluate(DRAWN) == [[True, True]] * images
    assert [each for each in asked if not each.startswith(("file:", "data:"))] == []
    assert refused == []
    assert sheet.title().startswith("Ink or paint? <script>")
    # The heads of the columns stay while the rows move.
    sheet.mouse.wheel(0, 700)
    sheet.wait_for_function("() => window.scrollY > 100")
    assert abs(sheet.evaluate(HEAD)) < 1
    expect(sheet.locator("ins").first).to_contain_text("paint")
    context.close()
