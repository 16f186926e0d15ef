"""The Overview page: what it promises to the person at the desk."""

import dataclasses
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import delete, select

from core.catalog.models import MODELS
from core.catalog.offer import Retirement
from core.provider import budget
from core.services import Services
from core.tables.generation import WorkerBeat
from core.tables.prompts import PromptVersion
from tests.pages.conftest import OpenPage
from tests.pages.looking import button, has_button, said
from tests.support.desk import TestDesk, wait_for, working
from tests.support.factories import make_generation

PAGE = "pages/overview/page.py"
GONE, NEXT = "openai/gpt-image-2", "openai/gpt-image-2.5-flare"


def a_worker(services: Services) -> None:
    with services.database.transaction() as session:
        # Its next sign of life is far, so that it stays alive however slow the test runs.
        beat_at = datetime.now(UTC) + timedelta(hours=1)
        session.add(WorkerBeat(id="w-1", host="desk", pid=7, version="1", ticks={}, beat_at=beat_at))


def test_an_empty_desk_says_what_to_do_first(open_page: OpenPage, services: Services) -> None:
    a_worker(services)
    at = open_page(PAGE)
    assert "Draw the first avatar" in [one.value for one in at.subheader]
    assert "Go to Generate" in said(at)
    assert "Latest" not in said(at)
    assert not at.error


def test_figures_of_now_and_today_are_shown_with_the_reasons(open_page: OpenPage, services: Services) -> None:
    now = datetime.now(UTC)
    with services.database.transaction() as session:
        make_generation(session)
        make_generation(session, state="rendering", state_since=now - timedelta(minutes=5))
        make_generation(session, state="succeeded", finished_at=now)
        make_generation(session, state="failed", finished_at=now, failure_class="asset_invalid")
    at = open_page(PAGE)
    shown = {metric.label: metric.value for metric in at.metric}
    assert shown["Longest wait"].startswith("5 min")
    del shown["Longest wait"]
    assert shown == {"Queued": "1", "In flight": "1", "Succeeded": "1", "Failed": "1", "Success rate": "50%"}
    assert any("Finished picture not usable" in str(table.value) for table in at.table)


def test_without_a_worker_it_says_that_nothing_moves_and_how_to_start_one(
    open_page: OpenPage, services: Services
) -> None:
    with services.database.transaction() as session:
        session.execute(delete(WorkerBeat))
        make_generation(session)
    at = open_page(PAGE)
    assert at.error[0].value.startswith("No worker is running, so nothing moves (1 generation waiting)")


def test_a_living_worker_is_named_and_nothing_is_wrong(open_page: OpenPage, services: Services) -> None:
    a_worker(services)
    at = open_page(PAGE)
    assert "Alive" in said(at)
    assert "process 7" in said(at)
    assert not at.error


def test_a_pause_of_the_provider_is_told_with_its_end(open_page: OpenPage, services: Services) -> None:
    with services.database.transaction() as session:
        budget.pause(session, "create", 120)
    assert "new predictions go on in" in open_page(PAGE).warning[0].value


def test_the_practice_provider_is_named_with_the_setting_that_ends_it(open_page: OpenPage) -> None:
    assert "REPLICATE_API_TOKEN" in said(open_page(PAGE))


def test_the_latest_avatars_come_with_their_pictures(open_page: OpenPage, desk: TestDesk) -> None:
    with working(desk):
        number = desk.ask()
        wait_for(lambda: desk.generation(number).state == "succeeded")
    at = open_page(PAGE)
    assert f"No. {number}" in said(at)
    assert len(at.image) == 1
    assert "Draw the first avatar" not in said(at)


@pytest.fixture
def old_home(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model that the library was seeded for has ended, whatever the day is."""
    assert services.settings.model == GONE
    gone = dataclasses.replace(MODELS[GONE], retirement=Retirement(date(2020, 1, 1), NEXT))
    monkeypatch.setitem(MODELS, GONE, gone)


def versions(services: Services) -> list[tuple[int, str]]:
    with services.database.transaction() as session:
        rows = session.execute(select(PromptVersion.number, PromptVersion.model).order_by(PromptVersion.id))
        return [(row.number, row.model) for row in rows]


def test_a_fresh_home_says_nothing_of_retired_models(open_page: OpenPage) -> None:
    at = open_page(PAGE)
    assert "OpenAI end" not in said(at)
    assert not has_button(at, "Save")


@pytest.mark.usefixtures("old_home")
def test_prompts_with_an_ended_model_are_told_once_and_saved_by_one_press(
    open_page: OpenPage, services: Services
) -> None:
    at = open_page(PAGE, persona="tuner")
    told = f"OpenAI ended {GONE} on 2020-01-01; {NEXT} follows it."
    assert said(at).count(told) == 1
    assert "The newest version of 8 prompts names it." in said(at)
    assert "production: Ink and halftone v1" in said(at)

    button(at, f"Save 8 versions with {NEXT}").click().run()

    assert "Saved 8 versions." in said(at)
    assert versions(services) == [(1, GONE)] * 8 + [(2, NEXT)] * 8
    assert "The newest version of" not in said(at)
    # What customers get moves through the gate only, so it is still named.
    assert "production: Ink and halftone v1" in said(at)
    assert not has_button(at, "Save")


@pytest.mark.usefixtures("old_home")
def test_the_second_of_two_presses_finds_nothing_left(open_page: OpenPage, services: Services) -> None:
    first, second = open_page(PAGE, persona="tuner"), open_page(PAGE)
    pressed = button(second, "Save 8 versions")
    button(first, "Save 8 versions").click().run()
    pressed.click().run()
    assert len(versions(services)) == 16
    assert "Nothing was left to save: somebody has done it meanwhile." in said(second)


@pytest.mark.usefixtures("old_home")
def test_who_may_not_edit_prompts_sees_why_the_button_is_shut(open_page: OpenPage) -> None:
    shut = button(open_page(PAGE, persona="viewer"), "Save 8 versions")
    assert shut.disabled
    assert "may not edit prompts" in shut.help
