"""Blind voting in the browser: single keys, a quick next pair, and nothing that tells the version."""

import contextlib
import io
import re
from collections.abc import Iterator

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from sqlalchemy import select

from core.sandbox.server import RunningSandbox
from core.tables.votes import Vote, VotePair
from core.votes.batches import create_batch
from core.web.private import MARK
from tests.support.desk import TestDesk, wait_for
from tests.support.servers.app import RunningApp, settings_of
from tests.support.votes import Drawn, drawn_experiment

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

TELLING = ("secret", "gpt-image", "quality", "avatars/", "generation")
LOADED = """() => {
    const all = [...document.querySelectorAll('.blind img, .blind-next img')];
    return all.length > 2 && all.every(each => each.complete && each.naturalWidth > 0);
}"""
ANOTHER = """former => {
    const all = [...document.querySelectorAll('.blind img')];
    return all.length === 3 && all.map(each => each.src).join() !== former
        && all.every(each => each.complete && each.naturalWidth > 0);
}"""
SOURCES = "() => [...document.querySelectorAll('.blind img')].map(each => each.src).join()"
# For each image: how it fits its place, and whether all of it is on the screen.
SHAPES = """() => [...document.querySelectorAll('.blind img')].map(each => [
    getComputedStyle(each).objectFit, each.getBoundingClientRect().bottom <= innerHeight])"""


@pytest.fixture
def desk(app: RunningApp) -> Iterator[TestDesk]:
    """The application's own database and stores."""
    with contextlib.closing(TestDesk.open(settings_of(app.home), RunningSandbox())) as opened:
        yield opened


@pytest.fixture
def drawn(desk: TestDesk) -> Drawn:
    with desk.database.transaction() as session:
        return drawn_experiment(session, desk.admin, selfies=9, objects=desk.services.objects)


def answers(desk: TestDesk, batch_id: int) -> list[str]:
    query = select(Vote.answer).join(VotePair).where(VotePair.batch_id == batch_id, Vote.undone_at.is_(None))
    with desk.database.transaction() as session:
        return list(session.scalars(query.order_by(Vote.id)))


def press(page: Page, key: str) -> None:
    """Answer by a key once everything is loaded, and wait until another pair is on screen."""
    page.wait_for_function(LOADED)
    former = page.evaluate(SOURCES)
    page.keyboard.press(key)
    page.wait_for_function(ANOTHER, arg=former, polling=10)


def test_a_batch_is_voted_on_by_keys_and_nothing_tells_the_version_before_its_end(
    app: RunningApp, desk: TestDesk, drawn: Drawn, page: Page
) -> None:
    with desk.database.transaction() as session:
        batch_id = create_batch(session, actor=desk.admin, experiment_id=drawn.experiment_id).id
    addresses: list[str] = []
    frames: list[bytes] = []
    page.on("request", lambda request: addresses.append(request.url))
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: frames.append(raw(frame))))
    page.goto(f"{app.url}/votes?batch={batch_id}")
    page.wait_for_function(LOADED)
    assert page.evaluate(SHAPES) == [["contain", True]] * 3

    for key in ("ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "ArrowLeft"):
        press(page, key)
    assert answers(desk, batch_id) == ["left", "right", "both_good", "both_bad", "left"]
    expect(page.get_by_text("6 of about 9")).to_be_visible()
    press(page, "Backspace")
    expect(page.get_by_text("5 of about 9")).to_be_visible()
    assert answers(desk, batch_id) == ["left", "right", "both_good", "both_bad"]
    for _ in range(4):
        press(page, "ArrowRight")

    assert not [word for word in TELLING if word in main(page)]
    assert not [frame for frame in frames if b"Secret" in frame]
    check_images([each for each in addresses if "/blind/" in each])

    page.keyboard.press("ArrowRight")
    expect(page.get_by_text("You have voted on every pair")).to_be_visible()
    wait_for(lambda: len(answers(desk, batch_id)) == 9)
    expect(page.locator(".js-plotly-plot")).to_contain_text("Secret v7")
    assert any(b"Secret v7" in frame for frame in frames)


def raw(frame: str | bytes) -> bytes:
    return frame if isinstance(frame, bytes) else frame.encode()


def main(page: Page) -> str:
    """Everything in the page's own part: words, attributes and addresses."""
    return str(page.get_by_test_id("stMain").evaluate("each => each.outerHTML")).lower()


def check_images(addresses: list[str]) -> None:
    """Random addresses; files with pixels and nothing else, of a bounded size."""
    assert len(set(addresses)) >= 9
    for address in set(addresses):
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/blind/[0-9a-f]{32}", address)
        answer = httpx.get(address)
        assert answer.headers["content-type"] == "image/webp"
        assert not {"content-disposition", "last-modified"} & set(answer.headers)
        # The same for every picture, so that it tells nothing of this one.
        assert answer.headers["etag"] == MARK
        picture = Image.open(io.BytesIO(answer.content))
        assert max(picture.size) <= 768
        assert not picture.getexif()
        assert not set(picture.info) - {"loop", "background", "timestamp", "duration"}
        assert b"Secret" not in answer.content


def test_an_unknown_token_has_no_picture(app: RunningApp) -> None:
    assert httpx.get(f"{app.url}/blind/{'0' * 32}").status_code == 404
