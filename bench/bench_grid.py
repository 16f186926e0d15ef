"""The compare grid's first screen: 40 images of 1.5 MB in Chromium at 1440 x 900; at most 1.5 s and 3 MB.

    python -m bench.bench_grid

Method: the whole application with its embedded servers, an experiment of 8 versions on 5 selfies, each image
a PNG of 1024 x 1024 and at least 1.5 MB. Five visits, each with an empty browser store; told are the median
seconds until the last picture in view is decoded (from the grid's first element, from the click on the list
of experiments, and from the opening of the grid's own address, Streamlit's start included), bytes of
pictures, and how many images stand whole on the screen. The rival, in turns with it: the same page where
full-size images lie in place of thumbnails.
"""

import contextlib
import dataclasses
import io
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page

from bench.support.browser import chromium, fresh_page
from core.access.staff import active_staff
from core.images.thumbnails import thumbnail
from core.services import Services, open_services
from tests.support.framings import whole
from tests.support.grids import Content, drawn_grid
from tests.support.servers.app import RunningApp, settings_of

VERSIONS, SELFIES, VISITS = 8, 5, 5
REAL_BYTES = 1_500_000
MOST_SECONDS, MOST_BYTES = 1.5, 3_000_000
# Stamps the moment of the grid's first element and of the last picture in view; asked for each frame.
WATCH = """
window.stamps = {};
const inside = (box) => box.bottom > 0 && box.top < innerHeight && box.width > 0;
function look() {
    const root = [...document.querySelectorAll('[data-testid="stBidiComponentIsolated"]')]
        .map(each => each.shadowRoot).find(each => each?.querySelector('.compare .cell'));
    if (root) {
        window.stamps.first ??= performance.now();
        const port = root.querySelector('.scroll').getBoundingClientRect();
        const seen = [...root.querySelectorAll('.table img')].filter(each => {
            const box = each.getBoundingClientRect();
            return inside(box) && box.top < port.bottom && box.left < port.right;
        });
        if (seen.length && seen.every(each => each.complete && each.naturalWidth > 0)) {
            const squares = [...root.querySelectorAll('.cell .square')].filter(each => {
                const box = each.getBoundingClientRect();
                return box.top >= 0 && box.bottom <= innerHeight && box.right <= port.right;
            });
            window.stamps.whole = squares.length;
            Promise.all(seen.map(each => each.decode()))
                .then(() => { window.stamps.last = performance.now(); });
            return;
        }
    }
    requestAnimationFrame(look);
}
look();
"""


@dataclasses.dataclass(frozen=True)
class Visit:
    """What one look at the grid took."""

    drawing: float
    clicking: float
    opening: float
    picture_bytes: int
    whole: int


def main() -> None:
    with desk() as (app, services), chromium() as browser:
        ours = experiment(services, full_size=False)
        rival = experiment(services, full_size=True)
        visit(browser, app, ours)  # the server's first page imports what pages need
        seen: dict[int, list[Visit]] = {ours: [], rival: []}
        for _ in range(VISITS):
            for number, visits in seen.items():
                visits.append(visit(browser, app, number))
    tell("grid with thumbnails", seen[ours])
    tell("rival, full-size images", seen[rival])
    assert statistics.median(each.clicking for each in seen[ours]) <= MOST_SECONDS
    assert max(each.picture_bytes for each in seen[ours]) <= MOST_BYTES


@contextlib.contextmanager
def desk() -> Iterator[tuple[RunningApp, Services]]:
    with tempfile.TemporaryDirectory(prefix="inkdesk-") as folder, RunningApp(Path(folder) / "home") as app:
        services = open_services(settings_of(app.home))
        yield app, services
        services.close()


def experiment(services: Services, *, full_size: bool) -> int:
    """An experiment whose images are of real size; with `full_size` they stand in for their thumbnails."""
    with services.database.transaction() as session:
        actor = active_staff(session)[0]
    pictures = [real_size(number) for number in range(VERSIONS)]

    def content(variant: int, _selfie: int, _repeat: int) -> Content:
        return pictures[variant]

    labels = [f"Hero v{number}" for number in range(1, VERSIONS + 1)]
    return drawn_grid(
        services,
        actor,
        labels=labels,
        selfies=SELFIES,
        content=content,
        checked=False,
        small=(lambda picture: picture) if full_size else thumbnail,
    ).experiment_id


def real_size(number: int) -> bytes:
    """A drawing with the grain of a real one, so that it weighs what a real one weighs."""
    drawn = np.asarray(whole(number).image.convert("RGB")).astype(np.int16)
    grain = np.random.default_rng(number).normal(0, 2.8, drawn.shape)
    buffer = io.BytesIO()
    Image.fromarray(np.clip(drawn + grain, 0, 255).astype(np.uint8)).save(buffer, "PNG")
    assert len(buffer.getvalue()) >= REAL_BYTES, len(buffer.getvalue())
    return buffer.getvalue()


def visit(browser: Browser, app: RunningApp, number: int) -> Visit:
    """One look by its address and one from the list, each until all that the browser asked for has come."""
    list_page = f"{app.url}/experiments"
    with fresh_page(browser, WATCH) as page:
        sent: list[int] = []
        page.on(
            "response",
            lambda one: sent.append(int(one.headers["content-length"])) if "/pictures/" in one.url else None,
        )
        page.goto(f"{list_page}?experiment={number}")
        stamps = stamped(page)
    with fresh_page(browser, WATCH) as page:
        page.goto(list_page)
        link = page.locator(f".st-key-experiments_row_{number} a")
        link.wait_for()
        page.wait_for_load_state("networkidle")
        link.evaluate("each => { window.stamps.click = performance.now(); each.click(); }")
        followed = stamped(page)
    return Visit(
        drawing=(stamps["last"] - stamps["first"]) / 1000,
        clicking=(followed["last"] - followed["click"]) / 1000,
        opening=stamps["last"] / 1000,
        picture_bytes=sum(sent),
        whole=int(stamps["whole"]),
    )


def stamped(page: Page) -> dict[str, float]:
    page.wait_for_function("window.stamps.last")
    page.wait_for_load_state("networkidle")
    stamps: dict[str, float] = page.evaluate("window.stamps")
    return stamps


def tell(name: str, visits: list[Visit]) -> None:
    drawing, clicking, opening = (
        statistics.median(each)
        for each in zip(*((one.drawing, one.clicking, one.opening) for one in visits), strict=True)
    )
    print(
        f"{name}: pictures in view {drawing:.2f} s after the grid appears, {clicking:.2f} s after the click "
        f"on the list, {opening:.2f} s after opening its address; "
        f"{visits[0].picture_bytes / 1e6:.2f} MB of pictures, {visits[0].whole} images whole on the screen"
    )


if __name__ == "__main__":
    main()
