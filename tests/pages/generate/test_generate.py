"""The Generate page: what it promises to the person at the desk."""

import dataclasses

import pytest
from sqlalchemy import func, select
from streamlit.testing.v1 import AppTest

import core.services
from core.services import Services
from core.storage.objects import ObjectStore
from core.tables.access import Staff
from core.tables.customers import Customer
from core.tables.generation import Generation, State
from core.tables.images import StoredSelfie
from tests.pages.conftest import OpenPage
from tests.pages.looking import button, has_button, said, wallet
from tests.support.desk import TestDesk, wait_for, working
from tests.support.factories import make_customer

PAGE = "pages/generate/page.py"
RETIRED = "openai/gpt-image-1"


def ready(
    open_page: OpenPage, desk: TestDesk, *, customer_id: int | None = None, persona: str = "admin"
) -> AppTest:
    """The page with a customer chosen and the bundled portrait as selfie."""
    at = open_page(PAGE, persona=persona)
    at.selectbox(key="generate_customer").set_value(customer_id or desk.customer_id)
    at.segmented_control(key="generate_source").set_value("Sample")
    return at.run()


def generations(desk: TestDesk) -> list[Generation]:
    with desk.database.transaction() as session:
        return list(session.scalars(select(Generation).order_by(Generation.id)))


def poor_customer(desk: TestDesk) -> int:
    with desk.database.transaction() as session:
        return make_customer(session, name="Ben").id


def test_a_new_customer_gets_credits_and_a_charged_avatar_on_one_page(
    open_page: OpenPage, desk: TestDesk
) -> None:
    at = open_page(PAGE)
    next(field for field in at.text_input if field.label == "Name").set_value("Cleo *Star*")
    next(field for field in at.text_input if field.label == "Reference").set_value("cleo@example.com")
    button(at, "Add customer").click().run()
    assert at.selectbox(key="generate_customer").value is not None
    assert wallet(at) == "0"

    next(field for field in at.number_input if field.label == "Credits").set_value(25)
    next(field for field in at.text_input if field.label == "Reason").set_value("welcome")
    button(at, "Grant").click().run()
    assert wallet(at) == "25"

    at.segmented_control(key="generate_source").set_value("Sample").run()
    button(at, "Generate, 10 credits").click().run()

    assert not at.exception
    assert wallet(at) == "15"
    assert [(g.state, g.credits) for g in generations(desk)] == [(State.QUEUED, 10)]
    assert "Cleo \\*Star\\*" in said(at)


def test_a_double_click_is_one_charge(open_page: OpenPage, desk: TestDesk) -> None:
    at = ready(open_page, desk)
    send = button(at, "Generate, 10 credits")

    send.click().run()
    send.click().run()

    assert len(generations(desk)) == 1
    assert desk.wallet() == 990
    assert button(at, "Generate, 10 credits").disabled


def test_a_click_that_comes_twice_in_one_form_is_one_charge(open_page: OpenPage, desk: TestDesk) -> None:
    at = ready(open_page, desk)
    key = at.session_state["generate_form_key"]
    button(at, "Generate, 10 credits").click().run()

    # As if the first run had been cut off between the charge and the new key.
    at.session_state["generate_form_key"], at.session_state["generate_sent"] = key, None
    at.run()
    button(at, "Generate, 10 credits").click().run()

    assert not at.error
    assert len(generations(desk)) == 1
    assert desk.wallet() == 990


def test_a_reload_after_the_click_shows_the_generation_and_charges_nothing(
    open_page: OpenPage, desk: TestDesk
) -> None:
    at = ready(open_page, desk)
    key = at.session_state["generate_form_key"]
    button(at, "Generate, 10 credits").click().run()

    again = open_page(PAGE, query={"form": key})

    sent = generations(desk)
    assert len(sent) == 1
    assert again.session_state["generate_current"] == sent[0].id
    assert again.session_state["generate_form_key"] != key
    assert again.selectbox(key="generate_customer").value == desk.customer_id
    assert again.selectbox(key="generate_earlier").value == sent[0].selfie_id


def test_a_form_that_was_not_sent_keeps_its_key_over_a_reload(open_page: OpenPage) -> None:
    key = "0123456789abcdef0123456789abcdef"

    assert open_page(PAGE, query={"form": key}).session_state["generate_form_key"] == key
    assert open_page(PAGE, query={"form": "<script>"}).session_state["generate_form_key"] != "<script>"


def test_changed_contents_may_be_sent_while_the_first_is_under_way(
    open_page: OpenPage, desk: TestDesk
) -> None:
    at = ready(open_page, desk)
    button(at, "Generate, 10 credits").click().run()

    at.text_input(key="generate_value_style").set_value("woodcut").run()
    button(at, "Generate, 10 credits").click().run()

    assert [("woodcut" in g.prompt) for g in generations(desk)] == [False, True]
    assert desk.wallet() == 980


def test_a_preview_is_not_charged(open_page: OpenPage, desk: TestDesk) -> None:
    at = ready(open_page, desk)

    button(at, "Preview, not charged").click().run()

    assert [(g.purpose, g.credits) for g in generations(desk)] == [("preview", 0)]
    assert desk.wallet() == 1000


def test_a_customer_without_credits_is_told_how_many_are_missing(open_page: OpenPage, desk: TestDesk) -> None:
    at = ready(open_page, desk, customer_id=poor_customer(desk))

    button(at, "Generate, 10 credits").click().run()

    assert [error.value for error in at.error] == ["Ben has 0 credits; this needs 10. Grant 10 more."]
    assert generations(desk) == []


def test_a_grant_that_is_sent_twice_in_one_form_is_one_grant(open_page: OpenPage, desk: TestDesk) -> None:
    at = ready(open_page, desk)
    key = at.session_state["generate_grant_form_key"]
    for _ in range(2):
        # The second time as if the first run had been cut off between the grant and the new key.
        at.session_state["generate_grant_form_key"] = key
        at.run()
        at.text_input(key=f"generate_grant_reason_{key}").set_value("sorry")
        button(at, "Grant").click().run()

    assert desk.wallet() == 1100


def test_a_grant_without_a_reason_is_refused(open_page: OpenPage, desk: TestDesk) -> None:
    at = ready(open_page, desk)

    button(at, "Grant").click().run()

    assert at.error[0].value == "A grant needs a reason."
    assert desk.wallet() == 1000


def test_a_viewer_may_not_generate_grant_or_add(open_page: OpenPage, desk: TestDesk) -> None:
    at = ready(open_page, desk, persona="viewer")

    assert button(at, "Generate").disabled
    assert button(at, "Preview").disabled
    assert "Vic (viewer) may not start or retry generations." in said(at)
    assert not has_button(at, "Grant")
    assert not has_button(at, "Add customer")


def test_a_role_that_is_taken_away_counts_at_the_next_click(open_page: OpenPage, desk: TestDesk) -> None:
    at = ready(open_page, desk)
    with desk.database.transaction() as session:
        session.get_one(Staff, desk.admin.id).roles = ["viewer"]

    button(at, "Generate, 10 credits").click().run()

    assert generations(desk) == []
    assert "may not start or retry generations" in said(at)


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        ("Draw {{ wig }}", "Fill in wig: the template asks for it."),
        ("   ", "The prompt is empty."),
        ("Draw {{ style", "The template cannot be read"),
    ],
)
def test_a_template_that_cannot_be_sent_says_why_and_sends_nothing(
    open_page: OpenPage, desk: TestDesk, template: str, sentence: str
) -> None:
    at = ready(open_page, desk)

    at.text_area(key="generate_template").set_value(template).run()

    assert at.error[0].value.startswith(sentence)
    assert button(at, "Generate").disabled
    assert "correct the prompt" in said(at)


def test_each_variable_has_a_field_and_the_prompt_is_shown_as_it_will_be_sent(
    open_page: OpenPage, desk: TestDesk
) -> None:
    at = ready(open_page, desk)
    at.text_area(key="generate_template").set_value("A {{ style }} hero before {{ background }}.").run()

    at.text_input(key="generate_value_style").set_value("woodcut").run()
    at.text_input(key="generate_value_background").set_value("a harbour").run()
    button(at, "Generate, 10 credits").click().run()

    assert [text.value for text in at.text] == ["A woodcut hero before a harbour."]
    assert [g.prompt for g in generations(desk)] == ["A woodcut hero before a harbour."]


def test_the_price_follows_the_quality(open_page: OpenPage, desk: TestDesk) -> None:
    at = ready(open_page, desk)
    assert "$0.047 list price" in said(at).replace("\\", "")
    at.selectbox(key="generate_model").set_value(RETIRED).run()
    at.selectbox(key="generate_parameter_input_fidelity").set_value("low").run()
    assert "$0.043 list price" in said(at).replace("\\", "")

    at.segmented_control(key="generate_parameter_quality").set_value("high").run()
    button(at, "Generate, 10 credits").click().run()

    assert "$0.168 list price" in said(at).replace("\\", "")
    assert generations(desk)[0].parameters["quality"] == "high"


def test_an_end_is_told_only_where_that_model_is_chosen(open_page: OpenPage) -> None:
    at = open_page(PAGE)
    assert "OpenAI end" not in said(at)
    at.selectbox(key="generate_model").set_value(RETIRED).run()
    assert "on 2026-10-23; openai/gpt-image-2 follows it." in said(at)


def test_with_a_key_of_our_own_the_most_that_it_costs_is_said(open_page: OpenPage, desk: TestDesk) -> None:
    core.services.install(desk.with_settings(sandboxed=False).services)
    assert "at most $0.054 for us" in said(ready(open_page, desk)).replace("\\", "")


def test_search_finds_a_customer_by_a_part_of_the_name(open_page: OpenPage, desk: TestDesk) -> None:
    ben = poor_customer(desk)
    at = open_page(PAGE)

    at.text_input(key="generate_search").set_value("BEN").run()

    assert at.selectbox(key="generate_customer").value == ben
    at.text_input(key="generate_search").set_value("nobody of this name").run()
    assert at.selectbox(key="generate_customer").value is None


def test_a_generation_in_the_address_that_does_not_exist_is_said(open_page: OpenPage) -> None:
    at = open_page(PAGE, query={"generation": "99999999999999999999"[:19]})

    assert at.warning[0].value.startswith("There is no generation")
    assert not open_page(PAGE, query={"generation": "abc"}).warning


def test_without_a_worker_the_page_says_that_nothing_moves(open_page: OpenPage, desk: TestDesk) -> None:
    at = open_page(PAGE, query={"generation": str(desk.ask())})

    assert "No worker is running" in said(at)


def test_the_avatar_is_shown_beside_the_selfie_with_its_ledger_lines(
    open_page: OpenPage, desk: TestDesk
) -> None:
    with working(desk):
        generation = desk.ask()
        wait_for(desk.all_ended)

    at = open_page(PAGE, query={"generation": str(generation)})

    assert at.get("link_button")[0].proto.label == "Download, 1024x1024"
    # The selfie that is chosen, the one that was sent, and the avatar.
    assert [len(image.value) for image in at.image] == [1, 1, 1]
    assert len({url for image in at.image for url in image.value}) == 2
    text = said(at)
    assert "Charge 10 credits: Wallet of Ada → In flight · wallet 990" in text
    assert "Capture 10 credits: In flight → Revenue" in text
    assert not has_button(at, "Cancel")


def test_a_failure_shows_reason_hint_and_next_step_and_a_retry_is_one_charge(
    open_page: OpenPage, desk: TestDesk
) -> None:
    with working(desk):
        failed = desk.ask("A hero [sandbox:moderation]")
        wait_for(desk.all_ended)
    assert desk.wallet() == 990
    at = open_page(PAGE, query={"generation": str(failed)})

    assert at.error[0].value.startswith("**Refused content.** The image service would not draw this one.")
    assert at.error[0].value.endswith("10 credits wait for a decision on the refund.")
    assert "Read the category and the prompt." in said(at)
    assert "Change the prompt or take another selfie" in said(at)

    again = button(at, "Try again, 10 credits")
    again.click().run()
    open_page(PAGE, query={"generation": str(failed)}).button(key="generate_retry").click().run()

    assert [g.retry_of for g in generations(desk)] == [None, failed]
    assert desk.wallet() == 980
    assert at.session_state["generate_current"] == generations(desk)[1].id


def test_cancel_stops_a_generation_and_gives_the_credits_back(open_page: OpenPage, desk: TestDesk) -> None:
    at = open_page(PAGE, query={"generation": str(desk.ask())})
    assert wallet(at) == "990"

    button(at, "Cancel").click().run()

    assert generations(desk)[0].state == State.CANCELED
    assert at.warning[0].value == "Canceled by Ada (admin). 10 credits came back to the wallet."
    assert wallet(at) == "1,000"


def test_a_tuner_sees_no_cancel(open_page: OpenPage, desk: TestDesk) -> None:
    at = open_page(PAGE, persona="tuner", query={"generation": str(desk.ask())})

    assert not has_button(at, "Cancel")


def test_with_the_object_store_down_nothing_is_charged_and_a_sentence_says_so(
    open_page: OpenPage, desk: TestDesk, services: Services
) -> None:
    at = ready(open_page, desk)
    nobody = services.settings.model_copy(update={"s3_endpoint": "127.0.0.1:9"})
    core.services.install(dataclasses.replace(services, objects=ObjectStore.from_settings(nobody)))

    button(at, "Generate, 10 credits").click().run()

    assert at.error[0].value.startswith("The object store cannot be used")
    assert generations(desk) == []


def test_the_same_picture_is_kept_once(open_page: OpenPage, desk: TestDesk) -> None:
    ben = poor_customer(desk)
    for _ in range(2):
        at = ready(open_page, desk, customer_id=ben)
        button(at, "Preview").click().run()

    with desk.database.transaction() as session:
        kept = select(func.count()).select_from(StoredSelfie).where(StoredSelfie.customer_id == ben)
        assert session.scalar(kept) == 1
        assert session.scalar(select(func.count()).select_from(Customer)) == 2
