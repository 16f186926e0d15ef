"""A tuner's day in Chromium: two versions, a grid of three selfies, blind votes, the verdict, and back."""

import contextlib
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from core.prompts.labels import labelled
from core.sandbox.server import RunningSandbox
from core.tables.promotion import Promotion
from core.tables.prompts import Prompt, PromptVersion
from tests.browser.fields import said_in
from tests.browser.test_blind_votes import ANOTHER, LOADED, SOURCES
from tests.support.desk import TestDesk, wait_for
from tests.support.experiments import Lab
from tests.support.servers.app import RunningApp, settings_of

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

STYLE = "Chibi"
DRAWN = "all => all.length === 6 && all.every(each => each.complete && each.naturalWidth > 0)"


@pytest.fixture
def desk(app: RunningApp) -> Iterator[TestDesk]:
    """The application's own database and stores."""
    with contextlib.closing(TestDesk.open(settings_of(app.home), RunningSandbox())) as opened:
        yield opened


@pytest.fixture
def faces(desk: TestDesk) -> str:
    """The name of a test set of three people."""
    return Lab(desk, people=3).set_name


def in_production(desk: TestDesk) -> int:
    with desk.database.transaction() as session:
        return labelled(session).id


def first_version(desk: TestDesk) -> PromptVersion:
    with desk.database.transaction() as session:
        query = select(PromptVersion).join(Prompt, Prompt.id == PromptVersion.prompt_id)
        return session.scalars(query.where(Prompt.name.startswith(STYLE), PromptVersion.number == 1)).one()


def test_a_tuner_finds_a_better_prompt_ships_it_and_takes_it_back(
    app: RunningApp, desk: TestDesk, faces: str, page: Page
) -> None:
    former = in_production(desk)
    base = first_version(desk)
    two = edit(page, app, base.id, "Thick outlines.", "outlines")
    three = edit(page, app, base.id, "Thin outlines.", "thinner")

    experiment = run_grid(page, app, faces, f"{STYLE} v2", f"{STYLE} v3")
    vote(page, app, experiment)
    promote(page, app, experiment)
    assert in_production(desk) in (two, three)
    with desk.database.transaction() as session:
        kept = session.scalars(select(Promotion).order_by(Promotion.id.desc())).first()
        assert kept is not None
        assert (kept.former_id, kept.experiment_id, kept.overridden) == (former, experiment, True)

    page.goto(f"{app.url}/prompts?view=promotion")
    page.get_by_role("button", name=re.compile("^Roll back")).first.click()
    expect(page.get_by_text("is back in production")).to_be_visible()
    assert in_production(desk) == former


def edit(page: Page, app: RunningApp, version_id: int, words: str, note: str) -> int:
    """A new version of this one; its number in the address."""
    page.goto(f"{app.url}/prompts?version={version_id}")
    template = page.get_by_label("Template", exact=True)
    template.fill(f"{said_in(template)} {words}")
    template.press("Control+Enter")
    why = page.get_by_label("What changed")
    expect(why).to_be_enabled()
    why.fill(note)
    why.press("Enter")
    page.get_by_role("button", name="Save as new version").click()
    expect(page.locator(".prompt-diff ins")).to_contain_text(words.removesuffix("."))
    found = re.search(r"version=(\d+)", page.url)
    assert found is not None
    return int(found[1])


def run_grid(page: Page, app: RunningApp, faces: str, *titles: str) -> int:
    """An experiment of these versions on all selfies, watched until its grid is full; its number."""
    page.goto(f"{app.url}/experiments?experiment=new")
    page.get_by_label("Name", exact=True).fill("Which outline?")
    page.get_by_label("Name", exact=True).press("Enter")
    choose(page, "Test set", faces)
    for title in titles:
        choose(page, "Prompt versions", title)
    page.keyboard.press("Escape")
    start = page.get_by_role("button", name=re.compile("Start: 6 images for"))
    start.click()
    expect(page.get_by_text("6 of 6 images: 6 done")).to_be_visible()
    pictures = page.locator(".compare .cell img")
    for picture in pictures.all():
        picture.scroll_into_view_if_needed()
    wait_for(lambda: bool(pictures.evaluate_all(DRAWN)))
    found = re.search(r"experiment=(\d+)", page.url)
    assert found is not None
    return int(found[1])


def choose(page: Page, label: str, title: str) -> None:
    box = page.get_by_role("combobox", name=re.compile(label))
    box.click()
    box.fill(title)
    page.get_by_role("option", name=re.compile(re.escape(title))).first.click()


def vote(page: Page, app: RunningApp, experiment: int) -> None:
    """Every pair by keys; the last answer brings the names."""
    page.goto(f"{app.url}/votes?experiment={experiment}")
    page.get_by_role("button", name="New batch").click()
    for _ in range(2):
        page.wait_for_function(LOADED)
        assert STYLE not in page.get_by_test_id("stMain").inner_html()
        former = page.evaluate(SOURCES)
        page.keyboard.press("ArrowLeft")
        page.wait_for_function(ANOTHER, arg=former, polling=10)
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_text("You have voted on every pair")).to_be_visible()
    expect(page.locator(".js-plotly-plot")).to_contain_text(f"{STYLE} v2")


def promote(page: Page, app: RunningApp, experiment: int) -> None:
    """Three votes carry no winner, and the gate says what is missing; out it goes all the same."""
    page.goto(f"{app.url}/experiments?experiment={experiment}")
    page.get_by_role("link", name="Verdict and promotion").click()
    expect(page.get_by_text("Not met").first).to_be_visible()
    why = page.get_by_label("Why promote it all the same")
    why.fill("A look at live traffic")
    why.press("Enter")
    page.get_by_role("button", name=re.compile("all the same$")).click()
    expect(page.get_by_text(re.compile("is in production"))).to_be_visible()
