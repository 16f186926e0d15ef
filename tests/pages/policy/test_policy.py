"""The Refund policy page: what it promises to whoever sets the rules."""

from sqlalchemy import select

from core.refunds.policy import DEFAULT
from core.refunds.versions import in_force
from core.services import Services
from core.tables.refunds import RefundPolicyActivation
from tests.pages.conftest import OpenPage
from tests.pages.looking import button, has_button, said
from tests.support.cases import failed_case

PAGE = "pages/policy/page.py"


def test_a_changed_limit_is_saved_as_a_draft_and_put_in_force_with_a_reason(
    open_page: OpenPage, services: Services
) -> None:
    at = open_page(PAGE, persona="approver")
    at.number_input(key="policy_small_limit_1").set_value(5).run()
    at.text_input(key="policy_note_1").set_value("silence pays less")
    button(at, "Save as a draft").click().run()
    assert not at.exception
    words = said(at)
    assert "Decides nothing" in words
    assert "Silence pays up to: 20, now 5." in words
    with services.database.transaction() as session:
        assert in_force(session)[1] == DEFAULT
    at.text_input(key="policy_why_2").set_value("agreed on Monday")
    button(at, "Put in force").click().run()
    assert not at.exception
    assert "In force" in said(at)
    with services.database.transaction() as session:
        assert in_force(session)[1].small_limit == 5
        assert session.scalars(select(RefundPolicyActivation.reason)).all()[-1] == "agreed on Monday"


def test_putting_in_force_without_a_reason_is_refused(open_page: OpenPage) -> None:
    at = open_page(PAGE, persona="approver")
    at.number_input(key="policy_small_limit_1").set_value(5).run()
    at.text_input(key="policy_note_1").set_value("silence pays less")
    button(at, "Save as a draft").click().run()
    button(at, "Put in force").click().run()
    assert "needs a reason" in at.error[0].value


def test_an_impossible_limit_is_told_and_cannot_be_saved(open_page: OpenPage) -> None:
    at = open_page(PAGE, persona="approver")
    at.number_input(key="policy_due_hours_1").set_value(100.0).run()
    assert "due time" in at.error[0].value
    assert not has_button(at, "Save as a draft")


def test_who_may_not_change_the_policy_may_read_it(open_page: OpenPage) -> None:
    at = open_page(PAGE, persona="support")
    assert "may not change the refund policy" in said(at)
    at.number_input(key="policy_small_limit_1")
    assert not has_button(at, "Save as a draft")


def test_a_draft_is_held_against_the_past(open_page: OpenPage, services: Services) -> None:
    with services.database.transaction() as session:
        failed_case(session)
    at = open_page(PAGE, persona="approver")
    button(at, "Try it on the past").click().run()
    assert not at.exception
    assert "No case would have gone another way." in said(at)
    assert [metric.value for metric in at.metric] == ["0 cases", "1 case", "0 cases"]


def test_a_version_that_is_not_there_shows_the_one_in_force(open_page: OpenPage) -> None:
    assert "In force" in said(open_page(PAGE, query={"version": "99"}))
