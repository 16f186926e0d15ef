"""What the compare grid keeps in its address, and while results come in: axes, columns, orders, samples."""

import re
import time

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from core.access.permissions import Actor
from core.services import Services
from core.tables.experiments import ExperimentCell
from core.tables.generation import Generation
from pages.experiments.compare_grid.files import PATH
from tests.browser.comparing import (
    LABELS,
    cell,
    opened,
    order,
    versions,
    wait_until,
)
from tests.support.factories import NOON
from tests.support.grids import (
    RUNNING,
    Content,
    Drawn,
    cut_figure,
    deliver,
    drawn_grid,
    whole_figure,
)
from tests.support.servers.app import RunningApp

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

STYLES = ".scroll { height: 200px; overflow: auto; overflow-anchor: none } .row { height: 90px }"


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
    page.goto(
        f"{app.url}/experiments?experiment={forty.experiment_id}&level=row"
        f"&selfie={asked['selfie']}&variant={asked['variant']}&base={asked['base']}"
    )
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
    wait_until(page, lambda: scrolled(grid) > 0)
    place = scrolled(grid)
    finish(services, drawn, 1, 4)
    expect(waiting.locator("img")).to_be_visible()
    expect(kept).to_be_focused()
    wait_until(page, lambda: scrolled(grid) == place)

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


def scrolled(grid: Locator) -> float:
    return float(grid.locator(".scroll").evaluate("each => each.scrollTop"))


def slowly(route: Route) -> None:
    time.sleep(0.5)
    route.fulfill(body=STYLES, content_type="text/css")


@pytest.mark.parametrize(
    "styles",
    [f"<style>{STYLES}</style>", '<link rel="stylesheet" href="/slow.css">'],
    ids=["styles there", "styles late"],
)
def test_a_grid_that_is_taken_away_for_a_moment_comes_back_where_it_was(
    page: Page, app: RunningApp, forty: Drawn, styles: str
) -> None:
    page.route("**/slow.css", slowly)
    opened(page, app, forty)
    found = page.evaluate(AGAIN, [f"{PATH}/main.js", styles])
    level, selfie, variant, scrolled, zoom, measured = found["before"]
    assert (level, selfie, variant, zoom, measured) == ("pair", 12, 2, "scale(2.4414)", True)
    assert scrolled > 0
    assert found["after"] == found["before"]


def test_the_cell_that_the_address_names_is_looked_at_although_the_styles_come_late(
    page: Page, app: RunningApp, forty: Drawn
) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/style.css", hold)
    named = {"selfie": forty.selfies[7], "variant": forty.variants[3]}
    asked = "".join(f"&{name}={value}" for name, value in named.items())
    page.goto(f"{app.url}/experiments?experiment={forty.experiment_id}{asked}")
    chosen = cell(page.locator(".compare"), forty, 3, 7)
    expect(chosen).to_be_attached()
    for route in held:
        route.continue_()
    expect(chosen).to_be_focused()
    expect(chosen).to_be_in_viewport()


# A grid of its own on a bare place, as Streamlit mounts it: looked into, taken away, mounted again.
AGAIN = """async ([address, styles]) => {
    const { default: main } = await import(address);
    const sides = (id) => ({ id, label: `v${id}`, price: '', counts: '', more: '', mean: '', prompt: '',
        parameters: [], summary: '', pieces: [], changes: [] });
    const faces = [...Array(30).keys()].map(id => ({ id: id + 10, name: `S${id}`, tags: '',
        small: 'data:,', whole: 'data:,' }));
    const ids = faces.map(each => each.id);
    const data = { experiment: 77, baseline: 1, rate: false, variants: [sides(1), sides(2)], selfies: faces,
        cells: {}, columnOrders: { set: [1, 2], gate: [1, 2] },
        rowOrders: { set: ids, disagreement: ids, gate: ids } };
    const mount = async () => {
        const host = document.createElement('div');
        document.body.append(host);
        const root = host.attachShadow({ mode: 'open' });
        root.innerHTML = `${styles}<div class="compare"></div>`;
        const away = main({ parentElement: root, data, setTriggerValue: () => null });
        const link = root.querySelector('link');
        if (link) await new Promise(done => link.addEventListener('load', done));
        return { root, leave: () => { away(); host.remove(); } };
    };
    const frame = () => new Promise(done => setTimeout(done, 200));
    const all = { bubbles: true, composed: true, cancelable: true };
    const press = (root, key) => root.querySelector('.stage')
        .dispatchEvent(new KeyboardEvent('keydown', { key, ...all }));
    const first = await mount();
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
    const second = await mount();
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
