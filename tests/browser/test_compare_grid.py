"""The compare grid in the browser: whole pictures, three levels by keys, joined zoom, lasting addresses."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from core.access.permissions import Actor
from core.access.staff import active_staff
from core.generation.models import Generation
from core.prompts.experiments.models import ExperimentCell
from core.services import Services, open_services
from pages.components.compare_grid.files import PATH
from tests.support.app import RunningApp, settings_of
from tests.support.factories import NOON
from tests.support.grids import (
    REFUSED,
    RUNNING,
    Content,
    Drawn,
    cut_figure,
    deliver,
    drawn_grid,
    whole_figure,
)

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

LABELS = ("Noir v1", "Noir v2", "Manga v3", "Retro v4", "Chibi v5")
FIRST_SCREEN_BYTES = 3_000_000
LOADED = "all => all.every(each => each.complete && each.naturalWidth > 0)"
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


@pytest.fixture(scope="module")
def services(app: RunningApp) -> Iterator[Services]:
    opened = open_services(settings_of(app.home))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def actor(services: Services) -> Actor:
    with services.database.transaction() as session:
        return active_staff(session)[0]


@pytest.fixture(scope="module")
def forty(services: Services, actor: Actor) -> Drawn:
    """Five versions on eight selfies; on the second the third was refused, on the fourth two are cut off."""

    def content(variant: int, selfie: int, _repeat: int) -> Content:
        if (variant, selfie) == (2, 1):
            return REFUSED
        return cut_figure(variant) if selfie == 3 and variant in (1, 4) else whole_figure(variant + selfie)

    return drawn_grid(services, actor, labels=LABELS, selfies=8, content=content)


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
    for _ in range(600):
        if ready():
            return
        page.wait_for_timeout(100)
    raise AssertionError("it did not come to pass")


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


def test_pictures_are_whole_and_a_selfie_with_five_versions_is_in_view_at_few_bytes(
    page: Page, app: RunningApp, forty: Drawn
) -> None:
    sent: dict[str, int] = {}
    page.on("response", lambda one: sent.update({one.url: int(one.headers.get("content-length", 0))}))
    grid = opened(page, app, forty)
    first_row = grid.locator(".row:nth-child(2)")
    wait_until(page, lambda: bool(first_row.locator("img").evaluate_all(LOADED)))
    page.wait_for_load_state("networkidle")
    pictures = {url: size for url, size in sent.items() if "/pictures/" in url}
    assert not [url for url in pictures if "/small/" not in url]
    assert len(pictures) > 6
    assert sum(pictures.values()) <= FIRST_SCREEN_BYTES

    port = box(grid.locator(".scroll"))
    boxes = first_row.locator(".square").evaluate_all(BOXES)
    assert len(boxes) == 1 + len(LABELS)
    assert all(each["left"] >= port["left"] and each["right"] <= port["right"] for each in boxes)
    assert all(each["top"] >= 0 and each["bottom"] <= 900 for each in boxes)
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


def test_axes_are_swapped_columns_hidden_and_rows_sorted_and_a_reload_keeps_it(
    page: Page, app: RunningApp, forty: Drawn
) -> None:
    grid = opened(page, app, forty)
    assert versions(grid) == list(LABELS)
    page.get_by_role("button", name="Hide Noir v2").click()
    assert versions(grid) == [each for each in LABELS if each != "Noir v2"]
    grid.get_by_label("Rows").select_option("disagreement")
    # On the second one was refused; on the fourth two of five are cut off: both differ as far as can be.
    assert order(grid)[:2] == [forty.selfies[1], forty.selfies[3]]
    page.get_by_role("button", name="Swap axes").click()
    expect(grid.locator(".row.head .face")).to_have_count(8)
    expect(grid.locator(".row > .version:first-child")).to_have_count(4)
    expect(page).to_have_url(re.compile(r"hidden=\d+&swap=1&sort=disagreement"))

    page.reload()
    expect(grid.locator(".row.head .face")).to_have_count(8)
    assert versions(grid) == [each for each in LABELS if each != "Noir v2"]
    page.get_by_role("button", name="Bring Noir v2 back").click()
    page.get_by_role("button", name="Swap axes").click()
    grid.get_by_label("Rows").select_option("set")
    assert versions(grid) == list(LABELS)
    assert order(grid) == forty.selfies


def test_the_address_of_a_pair_opens_it_for_a_colleague(page: Page, app: RunningApp, forty: Drawn) -> None:
    asked = {"selfie": forty.selfies[2], "variant": forty.variants[4], "base": forty.variants[3]}
    page.goto(f"{app.url}/experiments?experiment={forty.experiment_id}&level=row"
              f"&selfie={asked['selfie']}&variant={asked['variant']}&base={asked['base']}")  # fmt: skip
    grid = page.locator(".compare")
    expect(grid.locator('.candidate[aria-selected="true"]')).to_contain_text("Chibi v5")
    page.keyboard.press("Enter")
    expect(grid.locator(".side.a .title")).to_contain_text("Retro v4")
    expect(page).to_have_url(re.compile("level=pair"))
    page.reload()
    expect(grid.locator(".side.a .title")).to_contain_text("Retro v4")
    expect(grid.locator(".side.b .title")).to_contain_text("Chibi v5")
    expect(grid.locator("header")).to_contain_text("row 3 of 8")
    expect(grid.locator(".between del")).to_have_text("3")


def test_the_difference_stands_behind_the_name_and_the_baseline_can_be_changed(
    page: Page, app: RunningApp, forty: Drawn
) -> None:
    grid = opened(page, app, forty)
    grid.get_by_role("button", name="Manga v3", exact=True).click()
    panel = grid.locator(".panel")
    expect(panel).to_contain_text("Noir v1 → Manga v3")
    expect(panel.locator("th")).to_have_text(["Quality"])
    expect(panel.locator("p.text ins")).to_have_text("2")
    page.get_by_role("button", name="Make it the baseline").click()
    expect(grid.locator(".version.base")).to_contain_text("Manga v3")
    expect(grid.locator(".version", has_text="Noir v1")).to_contain_text("+1 -1 words, 1 parameter")
    assert versions(grid)[0] == "Manga v3"
    page.reload()
    expect(grid.locator(".version.base")).to_contain_text("Manga v3")


def test_keys_are_not_the_grids_while_somebody_writes(page: Page, app: RunningApp, forty: Drawn) -> None:
    grid = opened(page, app, forty)
    page.get_by_role("button", name="More samples").click()
    field = page.get_by_role("spinbutton", name="Samples in each cell")
    field.focus()
    for key in ("s", "h", "?", "Enter"):
        page.keyboard.press(key)
    expect(grid.locator(".panel")).to_be_hidden()
    assert grid.locator(".table.swapped").count() == 0
    page.keyboard.press("Escape")
    cell(grid, forty, 1, 0).focus()
    page.keyboard.press("?")
    expect(grid.locator(".panel")).to_contain_text("B in the place of A")
    page.keyboard.press("Escape")
    expect(grid.locator(".panel")).to_be_hidden()
    page.keyboard.press("g")
    expect(page).to_have_url(re.compile(r"/generations\?id=\d+"))


def test_samples_lie_in_one_cell_and_the_worst_comes_on_top_on_request(
    page: Page, app: RunningApp, services: Services, actor: Actor
) -> None:
    def content(variant: int, _selfie: int, repeat: int) -> Content:
        return cut_figure(0) if (variant, repeat) == (1, 3) else whole_figure(repeat)

    drawn = drawn_grid(services, actor, labels=["v1", "v2"], selfies=2, repeats=4, content=content)
    grid = opened(page, app, drawn)
    stacked = cell(grid, drawn, 1, 0)
    expect(stacked.locator(".number")).to_have_text("1/4")
    expect(stacked.locator(".dot")).to_have_count(4)
    expect(stacked.locator(".dot.bad")).to_have_count(1)
    stacked.get_by_role("button", name="Next sample").click()
    expect(cell(grid, drawn, 1, 0).locator(".number")).to_have_text("2/4")
    expect(grid.locator(".stage")).to_be_hidden()
    page.get_by_role("button", name="Worst on top").click()
    expect(cell(grid, drawn, 1, 0).locator(".number")).to_have_text("3/4")
    expect(cell(grid, drawn, 1, 0).locator(".check.bad")).to_be_visible()
    expect(cell(grid, drawn, 0, 0).locator(".number")).to_have_text("1/4")


def test_results_fill_in_while_scroll_focus_and_level_stay(
    page: Page, app: RunningApp, services: Services, actor: Actor
) -> None:
    def content(variant: int, selfie: int, _repeat: int) -> Content:
        return RUNNING if (variant, selfie) in ((1, 4), (1, 5)) else whole_figure(variant)

    drawn = drawn_grid(services, actor, labels=["v1", "v2", "v3"], selfies=6, content=content, checked=False)
    grid = opened(page, app, drawn)
    waiting, kept = cell(grid, drawn, 1, 4), cell(grid, drawn, 2, 4)
    expect(waiting).to_contain_text("Under way")
    kept.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    # Nothing moves any more that the page's own start had begun.
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(500)
    place = grid.locator(".scroll").evaluate("each => each.scrollTop")
    assert place > 0
    finish(services, drawn, 1, 4)
    expect(waiting.locator("img")).to_be_visible()
    expect(kept).to_be_focused()
    wait_until(page, lambda: grid.locator(".scroll").evaluate("each => each.scrollTop") == place)

    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(grid.locator(".side.b .layer.shown")).to_contain_text("Under way")
    page.keyboard.press("+")
    zoomed = grid.locator(".side.a .layer.shown").evaluate("each => each.style.transform")
    finish(services, drawn, 1, 5)
    expect(grid.locator(".side.b .layer.shown img")).to_be_visible()
    transforms = grid.locator(".layer")
    wait_until(
        page, lambda: transforms.evaluate_all("all => all.map(each => each.style.transform)") == [zoomed] * 3
    )


def test_a_grid_that_is_taken_away_for_a_moment_comes_back_where_it_was(
    page: Page, app: RunningApp, forty: Drawn
) -> None:
    opened(page, app, forty)
    found = page.evaluate(AGAIN, f"{PATH}/main.js")
    level, selfie, variant, scrolled, zoom, measured = found["before"]
    assert (level, selfie, variant, zoom, measured) == ("pair", 12, 2, "scale(2.4414)", True)
    assert scrolled > 0
    assert found["after"] == found["before"]


# A grid of its own on a bare place, as Streamlit mounts it: looked into, taken away, mounted again.
AGAIN = """async (address) => {
    const { default: main } = await import(address);
    const sides = (id) => ({ id, label: `v${id}`, price: '', counts: '', more: '', mean: '', prompt: '',
        parameters: [], summary: '', pieces: [], changes: [] });
    const faces = [...Array(30).keys()].map(id => ({ id: id + 10, name: `S${id}`, tags: '',
        small: 'data:,', whole: 'data:,' }));
    const ids = faces.map(each => each.id);
    const data = { experiment: 77, baseline: 1, rate: false, variants: [sides(1), sides(2)], selfies: faces,
        cells: {}, columnOrders: { set: [1, 2], gate: [1, 2] },
        rowOrders: { set: ids, disagreement: ids, gate: ids } };
    const grids = [];
    const mount = () => {
        const host = document.createElement('div');
        document.body.append(host);
        const root = host.attachShadow({ mode: 'open' });
        root.innerHTML = '<style>.scroll { height: 200px; overflow: auto; overflow-anchor: none }'
            + '.row { height: 90px }</style><div class="compare"></div>';
        const away = main({ parentElement: root, data, setTriggerValue: () => null });
        grids.push(root);
        return { root, leave: () => { away(); host.remove(); } };
    };
    const frame = () => new Promise(done => setTimeout(done, 200));
    const all = { bubbles: true, composed: true, cancelable: true };
    const press = (root, key) => root.querySelector('.stage')
        .dispatchEvent(new KeyboardEvent('keydown', { key, ...all }));
    const first = mount();
    const scroll = first.root.querySelector('.scroll');
    scroll.scrollTop = 340;
    await frame();
    first.root.querySelector('.cell[data-variant="2"][data-selfie="12"]').click();
    press(first.root, 'Enter');
    for (const key of ['+', '+', '+', '+', 'o']) press(first.root, key);
    await frame();
    const state = (root) => {
        const asked = new URLSearchParams(location.search);
        const scale = root.querySelector('.layer')?.style.transform.match(/scale[^)]*[)]/)?.[0];
        return [root.querySelector('.pair-level') ? 'pair' : 'other', Number(asked.get('selfie')),
            Number(asked.get('variant')), root.querySelector('.scroll').scrollTop, scale,
            root.querySelector('.stage').classList.contains('measures')];
    };
    const before = state(first.root);
    first.leave();
    const second = mount();
    await frame();
    const after = state(second.root);
    second.leave();
    return { before, after };
}"""


def finish(services: Services, drawn: Drawn, variant: int, selfie: int) -> None:
    """Let the image of a cell come."""
    with services.database.transaction() as session:
        wanted = {"variant_id": drawn.variants[variant], "selfie_id": drawn.selfies[selfie]}
        found = session.query(ExperimentCell).filter_by(**wanted).one()
        generation = session.get_one(Generation, found.generation_id)
        deliver(session, services, generation, whole_figure(1))
        generation.state, generation.finished_at = "succeeded", NOON
