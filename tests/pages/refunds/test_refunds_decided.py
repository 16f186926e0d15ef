"""The Refunds page: what comes after a decision."""

import pytest
from sqlalchemy import select

from core.refunds import deciding
from core.services import Services
from core.tables.refund_states import CaseState
from core.tables.refunds import CompensationCase, DoubleReview
from tests.pages.conftest import OpenPage
from tests.pages.looking import button, said
from tests.pages.refunding import AMIR, PAGE, SUE, carried_out, case, get, no_pause, persona, wallet
from tests.support.cases import delivered
from tests.support.wallets import charged, rich

__all__ = ["no_pause"]
pytestmark = pytest.mark.usefixtures("no_pause")


def decided(services: Services, role: str, *, approve: bool) -> int:
    number = case(services)
    with services.database.transaction() as session:
        actor = persona(services.database, role)
        if approve:
            deciding.approve(
                session, actor=actor, case_id=number, seen_seq=1, amount=10, reason_code="refused_in_error"
            )
        else:
            deciding.deny(session, actor=actor, case_id=number, seen_seq=1, reason_code="refused_content")
    return number


def test_a_denied_case_is_appealed_by_another_reviewer_only(open_page: OpenPage, services: Services) -> None:
    number = decided(services, SUE, approve=False)
    query = {"view": "decided", "case": str(number)}
    own = open_page(PAGE, persona=SUE, query=query)
    assert "You denied this case yourself" in said(own)
    at = open_page(PAGE, persona=AMIR, query=query)
    at.text_input(key=f"refunds_appeal_note_{number}_2").set_value("the photo is fine")
    button(at, "Open it again").click().run()
    assert get(services, number).state == CaseState.PENDING


def test_a_reversal_shows_the_clawback_before_it_is_done(open_page: OpenPage, services: Services) -> None:
    number = decided(services, SUE, approve=True)
    with services.database.transaction() as session:
        made = session.get_one(CompensationCase, number)
        from core.tables.customers import Customer

        charged(session, session.get_one(Customer, made.customer_id), 995)
    at = open_page(PAGE, persona=SUE, query={"view": "decided", "case": str(number)})
    assert "The customer's receipt" in said(at)
    button(at, "Take it back").click().run()
    assert "Spent already, owed from then on: **5 credits**" in said(at)
    assert "you may take it back alone" in said(at)
    at.text_input(key=f"refunds_reversal_why_{number}_2").set_value("wrong customer")
    button(at, "Take 10 credits back").click().run()
    assert get(services, number).state == CaseState.REVERSED
    assert wallet(services, number) == 0


def test_somebody_elses_payment_is_taken_back_by_two_people(open_page: OpenPage, services: Services) -> None:
    number = decided(services, SUE, approve=True)
    at = open_page(PAGE, persona=AMIR, query={"view": "decided", "case": str(number)})
    button(at, "Take it back").click().run()
    at.text_input(key=f"refunds_reversal_why_{number}_2").set_value("wrong customer")
    button(at, "Ask a second person").click().run()
    assert not at.error
    assert get(services, number).state == CaseState.APPROVED


def test_decided_cases_are_found_by_customer(open_page: OpenPage, services: Services) -> None:
    number = decided(services, SUE, approve=True)
    at = open_page(PAGE, persona="viewer", query={"view": "decided"})
    at.text_input(key="refunds_decided_search").set_value("nobody").run()
    assert "No decided case matches" in said(at)
    at.text_input(key="refunds_decided_search").set_value("Ada").run()
    next(one for one in at.button if one.key == f"refunds_decided_{number}").click().run()
    assert f"**Case {number}**" in said(at)


def test_a_second_look_hides_what_was_decided_and_counts(open_page: OpenPage, services: Services) -> None:
    number = decided(services, SUE, approve=False)
    with services.database.transaction() as session:
        sue = persona(services.database, SUE)
        session.add(DoubleReview(case_id=number, first_staff_id=sue.id, first_outcome="denied"))
    own = open_page(PAGE, persona=SUE, query={"view": "double"})
    assert "No decision waits" in said(own)
    at = open_page(PAGE, persona=AMIR, query={"view": "double"})
    words = said(at)
    assert "Denied" not in words
    assert "Case log" not in words
    assert "revenue" not in words.lower()
    button(at, "Approve").click().run()
    with services.database.transaction() as session:
        assert session.get_one(DoubleReview, number).second_outcome == "approved"


def test_goodwill_is_asked_for_on_the_generation_and_decided_like_any_case(
    open_page: OpenPage, services: Services
) -> None:
    with services.database.transaction() as session:
        number = delivered(session, customer=rich(session, 1_000))
    at = open_page("pages/generations/page.py", persona=SUE, query={"id": str(number)})
    key = at.session_state[f"generations_goodwill_{number}_form_key"]
    at.number_input(key=f"generations_goodwill_amount_{key}").set_value(6)
    at.text_input(key=f"generations_goodwill_note_{key}").set_value("blurred *face*")
    button(at, "Open a case").click().run()
    assert "Goodwill, 6 credits" in said(at)
    desk = open_page(PAGE, persona=SUE)
    assert "blurred \\*face\\*" in said(desk)
    button(desk, "Approve 6").click().run()
    carried_out(services, desk)
    with services.database.transaction() as session:
        made = session.scalars(select(CompensationCase)).one()
    assert (made.state, wallet(services, made.id)) == (CaseState.APPROVED, 996)
