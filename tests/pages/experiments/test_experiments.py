"""The Experiments page: priced before the start, followed, stopped, retried."""

from collections import Counter

import pytest
from streamlit.testing.v1 import AppTest

from core.experiments.grids import grid
from core.experiments.variants import Variant
from core.experiments.views import progress
from core.services import Services
from tests.pages.conftest import OpenPage
from tests.pages.looking import button, has_button, said
from tests.support.desk import TestDesk
from tests.support.experiments import Lab

PAGE = "pages/experiments/page.py"


@pytest.fixture
def lab(desk: TestDesk, services: Services) -> Lab:
    return Lab(desk, people=2)


def bar(at: AppTest) -> str:
    return "\n".join(str(element.proto.text) for element in at.get("progress"))


def test_the_price_is_told_before_the_start_and_the_button_names_it(open_page: OpenPage, lab: Lab) -> None:
    ink, paint = lab.versions("A hero in ink", "A hero in paint")
    at = open_page(PAGE)
    assert "No experiment yet" in said(at)
    button(at, "New experiment").click().run()
    assert "the price appears here" in said(at)
    at.multiselect(key="experiments_versions").set_value([ink, paint]).run()
    assert button(at, "Start: 4 images for \\$0.212").disabled
    at.text_input(key="experiments_name").set_value("Ink or paint?").run()
    at.number_input(key="experiments_samples").set_value(3).run()
    at.number_input(key="experiments_cap").set_value(0.5).run()
    assert "The cap leaves \\$0.50 of the \\$0.636" in "\n".join(str(each.value) for each in at.warning)
    button(at, "Start: 12 images for \\$0.636").click().run()
    assert not at.exception
    assert "0 of 12 images: 12 missing · \\$0.00 spent, cap \\$0.50" in bar(at)
    assert lab.feed() == 8
    assert "8 under way, 4 missing" in bar(at.run())


def test_a_draft_whose_variable_is_empty_is_told_and_not_offered(open_page: OpenPage, lab: Lab) -> None:
    at = open_page(PAGE, query={"experiment": "new"})
    button(at, "Add an unsaved draft").click().run()
    at.text_area(key="experiments_draft_1").set_value("A hero with {{ weapon }}").run()
    assert "Fill in weapon" in at.error[0].value
    assert not has_button(at, "Start")
    at.text_input(key="experiments_value_weapon").set_value("a pen").run()
    assert has_button(at, "Start: 2 images")


def test_it_is_stopped_and_resumed_from_its_page(open_page: OpenPage, lab: Lab) -> None:
    [version] = lab.versions("A hero")
    number = lab.started([Variant(version_id=version)])
    lab.feed()
    at = open_page(PAGE, query={"experiment": str(number)})
    assert has_button(at, "Stop after these")
    button(at, "Stop now").click().run()
    assert "Stopped now by Ada (admin)." in at.warning[0].value
    assert Counter(lab.states(number)) == {"canceled": 2}
    button(at, "Resume: 2 images for").click().run()
    assert lab.experiment(number).state == "running"
    assert lab.feed() == 2


def test_a_refused_cell_says_why_and_is_retried_alone(open_page: OpenPage, lab: Lab) -> None:
    [version] = lab.versions("A hero")
    number = lab.started([Variant(version_id=version)], selfie_ids=lab.selfies[:1])
    lab.feed()
    lab.end_open("failed", failure_detail="Flagged as sensitive (E005).")
    lab.feed()
    at = open_page(PAGE, query={"experiment": str(number)})
    assert "Flagged as sensitive (E005)." in str(at.get("bidi_component")[0].proto)
    button(at, "Retry failures: 1 image for \\$0.053").click().run()
    assert lab.feed() == 1
    with lab.database.transaction() as session:
        [cell] = grid(session, number).cells
        seen = progress(session, lab.services.settings, number)
    assert (cell.state, cell.failure_class) == ("running", None)
    assert (seen.running, seen.failed) == (1, 0)


def test_a_viewer_looks_and_starts_nothing(open_page: OpenPage, lab: Lab) -> None:
    [version] = lab.versions("A hero")
    number = lab.created([Variant(version_id=version)])
    at = open_page(PAGE, persona="viewer", query={"experiment": str(number)})
    assert button(at, "Start: 2 images").disabled
    assert button(open_page(PAGE, persona="viewer"), "New experiment").disabled


def test_an_address_of_nothing_is_told(open_page: OpenPage, lab: Lab) -> None:
    assert open_page(PAGE, query={"experiment": "999"}).error[0].value == "There is no experiment 999."


def test_inputs_are_overridden_for_one_version_and_shown_as_chips(open_page: OpenPage, lab: Lab) -> None:
    ink, paint = lab.versions("A hero in ink", "A hero in paint")
    at = open_page(PAGE, query={"experiment": "new"})
    at.multiselect(key="experiments_versions").set_value([ink, paint]).run()
    at.pills(key=f"experiments_override_{ink}_input_fidelity").set_value(["as saved", "low"]).run()
    assert "Likeness to the selfie: as saved, low" in chips(at)
    # Two of the first version, one dear and one cheap, and one of the second, on two selfies.
    assert has_button(at, "Start: 6 images for \\$0.236")
    at.pills(key=f"experiments_override_{ink}_background").set_value(["transparent"]).run()
    at.pills(key=f"experiments_override_{ink}_output_format").set_value(["jpeg"]).run()
    assert "canvas transparent · jpeg: A JPEG has no transparent background" in at.error[0].value
    at.pills(key=f"experiments_override_{ink}_output_format").set_value(["webp"]).run()
    at.text_input(key="experiments_name").set_value("Which canvas?").run()
    button(at, "Start: 6 images").click().run()
    assert not at.exception
    with lab.database.transaction() as session:
        variants = grid(session, 1).variants
    assert [
        (each.parameters["input_fidelity"], each.parameters["background"], each.parameters["output_format"])
        for each in variants
    ] == [("high", "transparent", "webp"), ("low", "transparent", "webp"), ("high", "opaque", "png")]
    assert variants[1].label.endswith("v1 · likeness low · canvas transparent · webp")


def test_a_draft_overrides_what_its_model_takes(open_page: OpenPage, lab: Lab) -> None:
    at = open_page(PAGE, query={"experiment": "new"})
    button(at, "Add an unsaved draft").click().run()
    at.text_area(key="experiments_draft_1").set_value("A hero").run()
    at.pills(key="experiments_override_draft_1_moderation").set_value(["auto", "low"]).run()
    at.text_input(key="experiments_name").set_value("Filter?").run()
    button(at, "Start: 4 images").click().run()
    with lab.database.transaction() as session:
        variants = grid(session, 1).variants
    assert [each.label for each in variants] == ["Draft 1 · low · filter auto", "Draft 1 · low · filter low"]


def chips(at: AppTest) -> str:
    return "\n".join(str(each.value) for each in at.markdown)
