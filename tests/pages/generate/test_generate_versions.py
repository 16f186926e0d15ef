"""The Generate page starts from the library: it names its version, follows the label, keeps drafts apart."""

from streamlit.testing.v1 import AppTest

from core.prompts.labels import PRODUCTION, labelled, labels, move_label, roll_back
from core.prompts.library import save_version
from core.prompts.rendering import render
from core.prompts.versions import Content
from core.prompts.views import prompts, version
from core.tables.generation import Generation
from core.tables.prompts import PromptVersion
from tests.pages.conftest import OpenPage
from tests.pages.generate.test_generate import generations, ready
from tests.pages.looking import button, has_button, said
from tests.support.desk import TestDesk, wait_for, working
from tests.support.prompts import put_production

PAGE = "pages/generate/page.py"


def production(desk: TestDesk) -> PromptVersion:
    with desk.database.transaction() as session:
        return labelled(session)


def save(desk: TestDesk, template: str, **parameters: str) -> PromptVersion:
    """An edit of what is in production."""
    former = production(desk)
    with desk.database.transaction() as session:
        return save_version(
            session,
            actor=desk.admin,
            prompt_id=former.prompt_id,
            parent_id=former.id,
            content=Content(template, former.model, former.parameters | parameters),
        )


def promote(desk: TestDesk, version_id: int) -> None:
    with desk.database.transaction() as session:
        put_production(session, desk.admin, version_id, seen=labels(session)[0].moves)


def send(at: AppTest) -> None:
    button(at, "Preview, not charged").click().run()
    assert not at.exception
    assert not at.error


def last(desk: TestDesk) -> Generation:
    return generations(desk)[-1]


def test_it_starts_from_production_names_the_version_and_counts_for_it(
    open_page: OpenPage, desk: TestDesk
) -> None:
    at = ready(open_page, desk)

    assert at.selectbox(key="generate_prompt").value == "label:production"
    assert "Ink and halftone v1" in said(at)
    send(at)

    live = production(desk)
    made = last(desk)
    assert (made.prompt_version_id, made.template, made.model) == (live.id, live.resolved, live.model)
    assert made.parameters == live.parameters


def test_a_moved_label_counts_for_the_very_next_click_and_a_roll_back_sends_the_same_bytes(
    open_page: OpenPage, desk: TestDesk
) -> None:
    at = ready(open_page, desk)
    former, shown = production(desk), at.text[0].value
    newer = save(desk, "A tall hero in {{ outfit }}, caf\u00e9 \u2014 80 %", quality="high")
    promote(desk, newer.id)

    # Nothing was clicked or reloaded in between.
    send(at)

    assert "Ink and halftone v2" in said(at)
    promoted = last(desk)
    assert promoted.prompt_version_id == newer.id
    assert promoted.prompt == render(newer.resolved, {})
    assert promoted.parameters["quality"] == "high"
    with desk.database.transaction() as session:
        roll_back(session, actor=desk.admin, name=PRODUCTION, seen_moves=labels(session)[0].moves)
    # The form that was just sent waits for its end; the page looks by itself every few seconds.
    at.run()
    send(at)
    assert last(desk).prompt.encode() == shown.encode()
    assert last(desk).prompt_version_id == former.id


def test_the_preview_on_the_page_is_what_the_provider_receives(open_page: OpenPage, desk: TestDesk) -> None:
    newer = save(desk, 'A "hero" {{> framing }}\n\tin {{ outfit }} \U0001f58b')
    promote(desk, newer.id)
    at = ready(open_page, desk)
    at.text_input(key="generate_value_outfit").set_value("a <red> {{ cape }} & \u201cboots\u201d").run()
    preview = at.text[0].value

    with working(desk):
        send(at)
        wait_for(desk.all_ended)

    received = [each.prompt for each in desk.sandbox.state.predictions.values()]
    assert [text.encode() for text in received] == [preview.encode()]


def test_an_edit_is_a_draft_that_counts_for_no_version_until_it_is_taken_back(
    open_page: OpenPage, desk: TestDesk
) -> None:
    at = ready(open_page, desk)
    original = at.text_area(key="generate_template").value

    at.text_area(key="generate_template").set_value("A full-body hero, feet included, likeness kept").run()
    assert ":gray[from Ink and halftone v1]" in said(at)
    send(at)
    assert last(desk).prompt_version_id is None
    button(at, "Take back edits").click().run()

    assert at.text_area(key="generate_template").value == original
    send(at)
    assert last(desk).prompt_version_id == production(desk).id


def test_another_parameter_alone_makes_it_a_draft(open_page: OpenPage, desk: TestDesk) -> None:
    at = ready(open_page, desk)

    at.segmented_control(key="generate_parameter_quality").set_value("low").run()
    send(at)

    assert ":gray[from Ink and halftone v1]" in said(at)
    assert last(desk).prompt_version_id is None


def test_a_draft_stays_when_the_label_moves_and_says_so(open_page: OpenPage, desk: TestDesk) -> None:
    at = ready(open_page, desk)
    at.text_area(key="generate_template").set_value("My own hero").run()
    promote(desk, save(desk, "A tall hero").id)

    at.run()

    assert at.text_area(key="generate_template").value == "My own hero"
    assert "The label points at Ink and halftone v2 meanwhile." in said(at)
    button(at, "Take back edits").click().run()
    assert at.text_area(key="generate_template").value == "A tall hero"


def test_a_draft_is_saved_as_the_next_version_and_chosen(open_page: OpenPage, desk: TestDesk) -> None:
    at = ready(open_page, desk, persona="tuner")
    live = production(desk)
    at.text_area(key="generate_template").set_value("A hero. {{> framing }}").run()
    at.text_input(key=f"generate_save_note_{live.id}").set_value("shorter")

    at.button(key="generate_save").click().run()

    assert not at.error
    with desk.database.transaction() as session:
        newest = version(session, prompts(session)[0].newest_id)
    assert (newest.title, newest.note, newest.parent) == (
        "Ink and halftone v2",
        "shorter",
        "Ink and halftone v1",
    )
    assert newest.template == "A hero. {{> framing }}"
    assert "feet included" in newest.resolved
    assert at.selectbox(key="generate_prompt").value == f"version:{newest.id}"
    assert production(desk).id == live.id
    send(at)
    assert last(desk).prompt_version_id == newest.id


def test_who_may_not_edit_prompts_sends_drafts_but_saves_none(open_page: OpenPage, desk: TestDesk) -> None:
    at = ready(open_page, desk, persona="support")

    at.text_area(key="generate_template").set_value("My own hero").run()

    assert not has_button(at, "Save")
    send(at)
    assert last(desk).prompt == "My own hero"


def test_another_version_brings_its_text_model_and_parameters(open_page: OpenPage, desk: TestDesk) -> None:
    former = production(desk)
    with desk.database.transaction() as session:
        other = save_version(
            session,
            actor=desk.admin,
            prompt_id=former.prompt_id,
            parent_id=former.id,
            content=Content(
                "A quick hero", "openai/gpt-image-2", {"quality": "low", "output_format": "webp"}
            ),
        )
    at = ready(open_page, desk)

    at.selectbox(key="generate_prompt").set_value(f"version:{other.id}").run()
    send(at)

    made = last(desk)
    assert (made.prompt, made.model, made.prompt_version_id) == (
        "A quick hero",
        "openai/gpt-image-2",
        other.id,
    )
    assert made.parameters == other.parameters


def test_a_link_opens_the_page_with_its_version(open_page: OpenPage, desk: TestDesk) -> None:
    other = save(desk, "A linked hero")

    at = open_page(PAGE, query={"version": str(other.id)})

    assert at.text_area(key="generate_template").value == "A linked hero"
    assert (
        open_page(PAGE, query={"version": "x"}).selectbox(key="generate_prompt").value == "label:production"
    )


def test_a_variable_of_its_own_is_a_field_that_must_be_filled_in(open_page: OpenPage, desk: TestDesk) -> None:
    promote(desk, save(desk, "A hero with {{ pet_name }}").id)
    at = ready(open_page, desk)

    assert at.error[0].value == "Fill in pet_name: the template asks for it."
    assert button(at, "Generate").disabled
    at.text_input(key="generate_value_pet_name").set_value("Rex").run()
    send(at)

    assert last(desk).prompt == "A hero with Rex"


def test_an_own_label_is_followed_too_and_stays_the_choice(open_page: OpenPage, desk: TestDesk) -> None:
    second, third = save(desk, "A second hero"), save(desk, "A third hero")
    with desk.database.transaction() as session:
        given = {"actor": desk.admin, "name": "candidate", "reason": "to be tried"}
        move_label(session, version_id=second.id, seen_moves=0, **given)  # type: ignore[arg-type]
    at = ready(open_page, desk)
    at.selectbox(key="generate_prompt").set_value("label:candidate").run()
    assert at.text[0].value == "A second hero"
    with desk.database.transaction() as session:
        move_label(session, version_id=third.id, seen_moves=1, **given)  # type: ignore[arg-type]

    at.run()

    assert at.selectbox(key="generate_prompt").value == "label:candidate"
    assert at.text[0].value == "A third hero"
