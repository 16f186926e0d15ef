"""The compare grid as tests look at it: cells by their places, pictures by their shapes."""

import time
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.support.grids import (
    Drawn,
)
from tests.support.servers.app import RunningApp

LABELS = ("Noir v1", "Noir v2", "Manga v3", "Retro v4", "Chibi v5")
FIRST_SCREEN_BYTES = 3_000_000
LOADED = "all => all.every(each => each.complete && each.naturalWidth > 0)"
# Of all pictures those that are on the screen now: are there any, and has each of them come?
SEEN_LOADED = """all => {
    const seen = all.filter(each => {
        const box = each.getBoundingClientRect();
        return box.bottom > 0 && box.top < innerHeight;
    });
    return seen.length > 0 && seen.every(each => each.complete && each.naturalWidth > 0);
}"""
LONGEST_WAIT_SECONDS = 120
# Of every picture: is it there, how far from its own proportions, does it stand whole in its place?
SHAPES = """all => all.map(image => {
    const own = image.getBoundingClientRect();
    const place = image.closest('.square, .layer').getBoundingClientRect();
    return {
        there: image.naturalWidth > 0,
        off: Math.abs(own.width / own.height / (image.naturalWidth / image.naturalHeight) - 1),
        whole: own.left >= place.left - 0.5 && own.right <= place.right + 0.5
            && own.top >= place.top - 0.5 && own.bottom <= place.bottom + 0.5,
        fit: getComputedStyle(image).objectFit,
    };
})"""
BOXES = "all => all.map(each => each.getBoundingClientRect().toJSON())"


def opened(page: Page, app: RunningApp, drawn: Drawn, **query: object) -> Locator:
    """The grid on its page, with what is in view loaded."""
    asked = "".join(f"&{name}={value}" for name, value in query.items())
    page.goto(f"{app.url}/experiments?experiment={drawn.experiment_id}{asked}")
    grid = page.locator(".compare")
    expect(grid.locator(".cell").first).to_be_visible()
    return grid


def cell(grid: Locator, drawn: Drawn, variant: int, selfie: int) -> Locator:
    """A cell of the sheet by its places."""
    return grid.locator(
        f'.cell[data-variant="{drawn.variants[variant]}"][data-selfie="{drawn.selfies[selfie]}"]'
    )


def loaded(page: Page, pictures: Locator) -> list[dict[str, Any]]:
    """The shapes of these pictures, once they have come."""
    expect(pictures.first).to_be_visible()
    for picture in pictures.all():
        picture.scroll_into_view_if_needed()
    wait_until(page, lambda: bool(pictures.evaluate_all(LOADED)))
    found: list[dict[str, Any]] = pictures.evaluate_all(SHAPES)
    return found


def wait_until(page: Page, ready: Any) -> None:
    """Wait for what comes by itself; the limit only ends a test that hangs."""
    end = time.monotonic() + LONGEST_WAIT_SECONDS
    while not ready():
        assert time.monotonic() < end, "it did not come to pass"
        page.wait_for_timeout(100)


def whole(shapes: list[dict[str, Any]]) -> bool:
    return all(s["there"] and s["off"] <= 0.01 and s["whole"] and s["fit"] == "contain" for s in shapes)


def box(place: Locator) -> dict[str, float]:
    return {
        key: float(value)
        for key, value in place.evaluate("each => each.getBoundingClientRect().toJSON()").items()
    }


def versions(grid: Locator) -> list[str]:
    return grid.locator(".version .label").all_inner_texts()


def order(grid: Locator) -> list[int]:
    """The selfies in the order of the rows."""
    found: list[int] = grid.locator(".row > .cell:nth-child(2)").evaluate_all(
        "all => all.map(each => Number(each.dataset.selfie))"
    )
    return found
