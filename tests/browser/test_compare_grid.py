"""The compare grid in the browser: whole pictures, three levels by keys, joined zoom, lasting addresses."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from core.access.permissions import Actor
from core.services import Services
from tests.browser.comparing import (
    BOXES,
    FIRST_SCREEN_BYTES,
    LABELS,
    SEEN_LOADED,
    box,
    cell,
    loaded,
    opened,
    wait_until,
    whole,
)
from tests.support.grids import (
    Drawn,
    drawn_grid,
)
from tests.support.servers.app import RunningApp

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_pictures_are_whole_and_a_selfie_with_five_versions_is_in_view_at_few_bytes(
    page: Page, app: RunningApp, forty: Drawn
) -> None:
    sent: dict[str, int] = {}
    page.on("response", lambda one: sent.update({one.url: int(one.headers.get("content-length", 0))}))
    grid = opened(page, app, forty)
    first_row = grid.locator(".row:nth-child(2)")
    expect(first_row.locator(".square")).to_have_count(1 + len(LABELS))

    def first_row_is_in_view() -> bool:
        port, boxes = box(grid.locator(".scroll")), first_row.locator(".square").evaluate_all(BOXES)
        beside = all(each["left"] >= port["left"] and each["right"] <= port["right"] for each in boxes)
        return beside and all(each["top"] >= 0 and each["bottom"] <= 900 for each in boxes)

    # What comes late above the grid may push it down for a moment, and pictures come one by one.
    wait_until(page, first_row_is_in_view)
    wait_until(page, lambda: bool(grid.locator(".table img").evaluate_all(SEEN_LOADED)))
    pictures = {url: size for url, size in sent.items() if "/pictures/" in url}
    assert not [url for url in pictures if "/small/" not in url]
    assert len(pictures) >= 1 + len(LABELS)
    assert sum(pictures.values()) <= FIRST_SCREEN_BYTES
    assert first_row_is_in_view()
    assert grid.locator(".scroll").evaluate("each => each.scrollWidth <= each.clientWidth")

    shapes = loaded(page, grid.locator(".table img"))
    assert len(shapes) == 8 + 39
    assert whole(shapes)


def test_a_failed_cell_says_why_in_a_place_of_the_same_size(
    page: Page, app: RunningApp, forty: Drawn
) -> None:
    grid = opened(page, app, forty)
    failed, neighbour = (cell(grid, forty, each, 1).locator(".square") for each in (2, 1))
    expect(failed).to_contain_text("Refused content")
    expect(failed).to_contain_text("Flagged as sensitive (E005).")
    assert {key: box(failed)[key] for key in ("width", "height")} == {
        key: box(neighbour)[key] for key in ("width", "height")
    }
    expect(cell(grid, forty, 1, 0)).to_contain_text("$0.053 · 21 s")
    expect(cell(grid, forty, 1, 0).locator(".check.good")).to_have_text("1024 ok")
    expect(cell(grid, forty, 1, 3).locator(".check.bad")).to_contain_text("crop:")
    expect(grid.locator(".version", has_text="Manga v3")).to_contain_text("7 done · 1 failed")
    expect(grid.locator(".version", has_text="Manga v3")).to_contain_text("1 refused")


def test_head_selfie_and_baseline_stay_in_view_while_the_rest_scrolls(
    page: Page, app: RunningApp, services: Services, actor: Actor
) -> None:
    labels = [f"Version {number}" for number in range(8)]
    wide = drawn_grid(services, actor, labels=labels, selfies=6, checked=False)
    page.set_viewport_size({"width": 1024, "height": 768})
    grid = opened(page, app, wide)
    scroll = grid.locator(".scroll")
    scroll.evaluate("each => each.scrollTo(260, 300)")
    assert scroll.evaluate("each => each.scrollLeft > 200 && each.scrollTop > 200")
    port, head = box(scroll), box(grid.locator(".row.head"))
    assert abs(head["top"] - port["top"]) <= 2
    row = grid.locator(".row:nth-child(5)")
    face, base = box(row.locator(".face")), box(row.locator(".cell.base"))
    assert abs(face["left"] - port["left"]) <= 2
    assert abs(base["left"] - face["right"]) <= 2
    assert grid.locator(".row.head .version.base").inner_text().startswith("Version 0")


def test_keys_lead_in_and_out_again_with_joined_zoom_and_a_flicker(
    page: Page, app: RunningApp, forty: Drawn
) -> None:
    requests: list[str] = []
    page.on("request", lambda one: requests.append(one.url))
    grid = opened(page, app, forty)
    cell(grid, forty, 0, 0).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    expect(cell(grid, forty, 1, 1)).to_be_focused()

    page.keyboard.press("Enter")
    expect(grid.locator(".row-level .candidate")).to_have_count(5)
    expect(grid.locator('.candidate[aria-selected="true"]')).to_contain_text("Noir v2")
    assert whole(loaded(page, grid.locator(".row-level img")))
    assert not [each for each in requests if "/whole/" in each]
    page.keyboard.press("Enter")
    expect(grid.locator(".side.a .title")).to_contain_text("Noir v1")
    expect(grid.locator(".side.b .title")).to_contain_text("Noir v2")
    expect(grid.locator(".between img")).to_be_visible()
    expect(grid.locator(".between ins")).to_have_text("1")
    shapes = loaded(page, grid.locator(".pair-level img"))
    assert len(shapes) == 4
    assert whole(shapes)
    assert grid.locator(".layer.shown img").first.evaluate("each => each.naturalWidth") == 1024

    check_zoom(page, grid)
    check_flicker(page, grid)
    page.keyboard.press("o")
    expect(grid.locator(".side.b .layer.shown .overlay .figure")).to_be_visible()
    expect(grid.locator(".side.b .measured")).to_contain_text("head inside, feet inside")
    # B is stepped, over what was refused; A stays.
    page.keyboard.press("ArrowRight")
    expect(grid.locator(".side.b .layer.shown")).to_contain_text("Flagged as sensitive")
    page.keyboard.press("ArrowRight")
    expect(grid.locator(".side.b .title")).to_contain_text("Retro v4")
    expect(grid.locator(".side.a .title")).to_contain_text("Noir v1")

    page.keyboard.press("Escape")
    expect(grid.locator('.candidate[aria-selected="true"]')).to_contain_text("Retro v4")
    page.keyboard.press("Escape")
    expect(grid.locator(".stage")).to_be_hidden()
    expect(cell(grid, forty, 3, 1)).to_be_focused()


def check_zoom(page: Page, grid: Locator) -> None:
    """Wheel, drag and keys move both pictures alike."""

    def transforms() -> list[str]:
        found: list[str] = grid.locator(".layer").evaluate_all("all => all.map(each => each.style.transform)")
        return found

    [still] = set(transforms())
    grid.locator(".side.b .place").hover(position={"x": 300, "y": 120})
    page.mouse.wheel(0, -300)
    wait_until(page, lambda: still not in transforms())
    [near] = set(transforms())
    page.mouse.down()
    page.mouse.move(620, 330)
    page.mouse.up()
    [moved] = set(transforms())
    assert moved != near
    page.keyboard.press("+")
    [nearer] = set(transforms())
    assert scale(nearer) > scale(moved)
    page.keyboard.press("0")
    assert set(transforms()) == {still}


def scale(transform: str) -> float:
    found = re.search(r"scale\(([\d.]+)\)", transform)
    assert found is not None
    return float(found[1])


def check_flicker(page: Page, grid: Locator) -> None:
    """While the key is held, B stands in the very place of A."""
    shown, ghost = grid.locator(".side.a .layer.shown"), grid.locator(".side.a .layer.ghost")
    source = grid.locator(".side.b .layer.shown img").get_attribute("src")
    for key in ("Space", "f"):
        expect(ghost).to_be_hidden()
        page.keyboard.down(key)
        expect(ghost).to_be_visible()
        assert ghost.locator("img").get_attribute("src") == source
        assert box(ghost) == box(shown)
        page.keyboard.up(key)
    expect(ghost).to_be_hidden()
