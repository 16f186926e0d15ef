"""A click that meets the timer of a part that draws itself anew, in Chromium."""

import pytest
from playwright.sync_api import Page, WebSocket, expect

from core.foundation.database import Database
from core.storage.objects import ObjectStore
from core.tables.refund_states import CaseState
from pages.shared.clicks import without_timed_clicks
from tests.browser.reviewing import Reviewer, Seeder
from tests.support.desk import wait_for
from tests.support.servers.app import RunningApp

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

# A browser whose hands are full: what is to happen at once comes later than a timer of one second.
SLOW = """{
  const soon = window.setTimeout;
  window.setTimeout = (call, wait, ...rest) => soon(call, wait || (window.handsFull ? 1500 : 0), ...rest);
}"""


def press_when_busy(page: Page, key: str) -> None:
    """Press a key that the browser gets round to sending after a timer of the page was due; until it has."""
    page.evaluate("window.handsFull = true")
    page.keyboard.press(key)
    page.evaluate("window.handsFull = false")
    page.wait_for_timeout(1_600)


def sent_by(page: Page) -> list[bytes]:
    """What the page sends to the server from now on, by a browser that can be kept busy."""
    page.add_init_script(SLOW)
    sent: list[bytes] = []

    def note(payload: str | bytes) -> None:
        if isinstance(payload, bytes):
            sent.append(payload)

    def listen(socket: WebSocket) -> None:
        socket.on("framesent", note)

    page.on("websocket", listen)
    return sent


def taken_along(sent: list[bytes]) -> list[bytes]:
    """Requests of timers that carry a click."""
    return [each for each in sent if without_timed_clicks(each) != each]


def test_one_press_of_undo_takes_one_decision_back(
    office: RunningApp, database: Database, store: ObjectStore, page: Page
) -> None:
    seeder = Seeder(database, store)
    seeder.pictures()
    for minutes in (10, 20, 30):
        seeder.case("Ada Lund", minutes=minutes)
    sent = sent_by(page)
    sue = Reviewer(page, office.url)
    sue.sits_down("support")
    sue.reads()
    first = sue.decides("a")
    seeder.holds(first)
    second = sue.decides("a")
    seeder.holds(second)
    assert seeder.waiting() == [first, second]

    press_when_busy(page, "u")
    sue.shows(second)
    sue.settled()
    sue.reads()
    assert taken_along(sent)  # without that, this would show nothing
    assert seeder.waiting() == [first]


def test_a_case_is_sent_back_once(
    office: RunningApp, database: Database, store: ObjectStore, page: Page
) -> None:
    seeder = Seeder(database, store)
    seeder.pictures()
    small, large = seeder.case("Ada Lund", minutes=10), seeder.case("Zoe Long", minutes=20, price=200)
    seeder.agrees("support", large)
    amir = Reviewer(page, office.url)
    amir.sits_down("approver")
    amir.shows(small)
    amir.reads()
    amir.presses("a")  # while it can be undone, the strip above counts every second
    wait_for(lambda: seeder.waiting() == [small])
    seeder.holds(small)
    sent = sent_by(page)
    amir.sits_down("approver", view="second")
    amir.shows(large)
    amir.types_into("Note", "which picture do you mean?")
    page.get_by_role("heading", name="Refunds").click()

    press_when_busy(page, "q")
    expect(page.get_by_text("Nothing to decide.")).to_be_visible()
    amir.settled()
    amir.reads()
    assert taken_along(sent)
    assert seeder.state(large) == CaseState.PENDING
    expect(page.get_by_test_id("stAlert")).to_have_count(0)
