"""Stages on the page: planned with a range of prices, followed card by card, carried on by hand, ended."""

import pytest
from streamlit.testing.v1 import AppTest

from core.experiments.stages_views import StageVersion, plan_view
from core.services import Services
from tests.pages.conftest import OpenPage
from tests.pages.looking import button, said
from tests.support.desk import TestDesk
from tests.support.experiments import Lab
from tests.support.stages import Stages

PAGE = "pages/experiments/page.py"


@pytest.fixture
def lab(desk: TestDesk, services: Services) -> Lab:
    return Lab(desk, people=2)


@pytest.fixture
def stages(lab: Lab) -> Stages:
    made = Stages(lab, versions=3)
    lab.start(made.first)
    made.draw()
    made.carry_on()
    return made


def opened(open_page: OpenPage, number: int, persona: str = "admin") -> AppTest:
    return open_page(PAGE, query={"experiment": str(number)}, persona=persona)


def test_stages_are_planned_with_the_first_price_for_sure_and_a_range_of_the_whole(
    open_page: OpenPage, lab: Lab
) -> None:
    versions = lab.versions("A hero in ink", "A hero in oil", "A hero in lead")
    at = open_page(PAGE, query={"experiment": "new"})
    at.multiselect(key="experiments_versions").set_value(versions[:2]).run()
    at.segmented_control(key="experiments_spend").set_value("In stages").run()
    assert "Stages pay from 3 versions on" in at.error[0].value
    at.multiselect(key="experiments_versions").set_value(versions).run()
    assert "medium would drop nobody and is passed over" in said(at)
    told = {each.label: each.value for each in at.metric}
    assert told["First stage, low"] == "\\$0.318"
    assert told["All stages"] == "\\$0.318 to \\$1.154"
    at.number_input(key="experiments_cap").set_value(1.0).run()
    assert "a stage that it does not carry waits" in "\n".join(str(each.value) for each in at.warning)
    at.text_input(key="experiments_name").set_value("Which one?").run()
    button(at, "Start with low: 6 images for \\$0.318").click().run()
    assert not at.exception
    assert lab.feed() == 6
    assert "Voting opens once its images are drawn." in said(at.run())


def test_the_cards_tell_who_went_on_and_why_the_others_did_not(open_page: OpenPage, stages: Stages) -> None:
    at = opened(open_page, stages.first)
    assert "Waits for about 6 more votes." in said(at)
    assert "Too few to tell" in said(at)
    names = [each.name for each in names_of(stages)]
    stages.vote()
    assert "Weakest of the rest" not in said(at.run())
    stages.carry_on()
    at = opened(open_page, stages.first)
    text = said(at)
    assert f"**{names[0]}**" in text
    assert f"Weakest of the rest:] {names[2]}" in text
    assert "Decided by the votes" in text
    assert "It would drop nobody" in text
    stages.draw()
    stages.carry_on()
    stages.vote()
    stages.carry_on()
    at = opened(open_page, stages.stages()[-1].id)
    assert "is ahead, but not by enough" in at.info[0].value
    assert "Behind, but not by enough to have lost" in said(at)


def test_the_next_stage_is_started_by_hand_for_the_price_on_the_button(
    open_page: OpenPage, stages: Stages
) -> None:
    at = opened(open_page, stages.first)
    last = [each.variant_id for each in stages.lines()][1:]
    at.multiselect(key=f"experiments_next_{stages.first}").set_value(last).run()
    button(at, "Start with 2 versions: 4 images for \\$0.836").click().run()
    assert not at.exception
    assert stages.outcomes(0) == ["left_out", "survived", "survived"]
    assert "Left out" in said(at)
    assert at.query_params["experiment"] == str(stages.stages()[-1].id)


def test_a_plan_is_ended_by_hand_and_a_viewer_does_neither(open_page: OpenPage, stages: Stages) -> None:
    at = opened(open_page, stages.first, persona="viewer")
    assert button(at, "End this plan").disabled
    assert f"experiments_next_{stages.first}" not in [each.key for each in at.multiselect]
    at = opened(open_page, stages.first)
    button(at, "End this plan").click().run()
    assert "Ended by Ada (admin)." in at.info[0].value
    assert stages.plan().ended_at is not None


def names_of(stages: Stages) -> list[StageVersion]:
    with stages.lab.database.transaction() as session:
        return list(plan_view(session, stages.lab.services.settings, stages.id).stages[0].versions)
