"""The Refunds page: what it promises to a reviewer."""

import pytest
from sqlalchemy import update

from core.desks.refunds import claims
from core.refunds import deciding, intents
from core.services import Services
from core.tables.access import Staff
from core.tables.refund_states import CaseState
from core.tables.refunds import CaseViewer, CompensationCase
from pages.refunds import place as refund_place
from tests.pages.conftest import OpenPage
from tests.pages.looking import button, has_button, said
from tests.pages.refunding import (
    AMIR,
    PAGE,
    SUE,
    carried_out,
    case,
    get,
    no_pause,
    on_screen,
    persona,
    wallet,
)

__all__ = ["no_pause"]
pytestmark = pytest.mark.usefixtures("no_pause")


def test_the_case_with_the_least_time_left_is_open_with_all_its_evidence(
    open_page: OpenPage, services: Services
) -> None:
    case(services, name="Bea", minutes=300)
    first = case(services, name="Cleo *S*", minutes=10)
    at = open_page(PAGE, persona=SUE)
    words = said(at)
    assert on_screen(at) == str(first)
    for told in (
        f"**Case {first}**",
        "Refused content",
        "Cleo \\*S\\*",
        "flagged as sensitive (E005)",
        "Why not automatic?",
        "Smallest change that would have paid it",
        "Wallet **990** → **:green[1,000]**",
        "10 credits came back to you; you now have 1,000 credits",
        "charge 10",
    ):
        assert told in words, told
    assert get(services, first).claimed_by == persona(services.database, SUE).id


def test_a_approves_the_next_comes_and_after_ten_seconds_line_and_balance_stand_there(
    open_page: OpenPage, services: Services
) -> None:
    first, second = case(services, minutes=10), case(services, name="Bea", minutes=20)
    at = open_page(PAGE, persona=SUE)
    button(at, "Approve 10").click().run()
    assert on_screen(at) == str(second)
    assert f"Case {first}: approve 10" in said(at)
    assert get(services, first).state == CaseState.PENDING
    carried_out(services, at)
    assert get(services, first).state == CaseState.APPROVED
    assert wallet(services, first) == 1_000
    assert "wallet 1,000" in said(at)
    assert "line " in said(at)


def test_undo_brings_the_case_back_into_the_queue_and_nothing_happened(
    open_page: OpenPage, services: Services
) -> None:
    first = case(services, minutes=10)
    case(services, name="Bea", minutes=20)
    at = open_page(PAGE, persona=SUE)
    assert "2 cases, 20 credits" in said(at)
    button(at, "Deny").click().run()
    assert "1 case, 10 credits" in said(at)
    button(at, "Undo").click().run()
    assert on_screen(at) == str(first)
    assert "2 cases, 20 credits" in said(at)
    carried_out(services, at)
    assert get(services, first).state == CaseState.PENDING


def test_the_back_button_shows_that_the_case_is_decided_and_a_second_click_is_impossible(
    open_page: OpenPage, services: Services
) -> None:
    first, second = case(services, minutes=10), case(services, name="Bea", minutes=20)
    at = open_page(PAGE, persona=SUE)
    button(at, "Approve 10").click().run()
    at.query_params["case"] = str(first)
    at.run()
    assert "You have decided this case a moment ago" in said(at)
    assert button(at, "Approve 10").disabled
    carried_out(services, at)
    assert (get(services, first).state, get(services, second).state) == ("approved", "pending")


def test_a_key_held_down_does_not_decide_what_nobody_has_read(
    open_page: OpenPage, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = case(services, minutes=10), case(services, name="Bea", minutes=20)
    at = open_page(PAGE, persona=SUE)
    button(at, "Approve 10").click().run()
    monkeypatch.setattr(refund_place, "TOO_QUICK_SECONDS", 60.0)
    button(at, "Approve 10").click().run()
    assert "too quick" in at.error[0].value
    carried_out(services, at)
    assert (get(services, first).state, get(services, second).state) == ("approved", "pending")


def test_part_of_the_amount_with_a_note_is_what_is_paid(open_page: OpenPage, services: Services) -> None:
    number = case(services)
    at = open_page(PAGE, persona=SUE)
    at.number_input(key=f"refunds_amount_{number}_1").set_value(4).run()
    assert "4 credits came back to you; you now have 994" in said(at)
    at.text_input(key=f"refunds_note_{number}_1").set_value("half of it")
    button(at, "Approve 4").click().run()
    carried_out(services, at)
    assert wallet(services, number) == 994


def test_an_old_screen_is_told_who_moved_the_case_and_redrawn(
    open_page: OpenPage, services: Services
) -> None:
    number = case(services)
    at = open_page(PAGE, persona=SUE)
    with services.database.transaction() as session:
        session.execute(update(CompensationCase).values(claimed_by=None, claim_until=None))
        amir = persona(services.database, AMIR)
        deciding.deny(session, actor=amir, case_id=number, seen_seq=1, reason_code="refused_content")
    button(at, "Approve 10").click().run()
    assert "Amir (approver) moved case" in at.error[0].value
    assert not has_button(at, "Approve")
    assert wallet(services, number) == 990


def test_two_reviewers_the_second_is_told_who_has_the_case_and_gets_the_next(
    open_page: OpenPage, services: Services
) -> None:
    first, second = case(services, minutes=10), case(services, name="Bea", minutes=20)
    open_page(PAGE, persona=SUE)
    other = open_page(PAGE, persona=AMIR)
    assert on_screen(other) == str(second)
    other.query_params["case"] = str(first)
    other.run()
    assert "Sue (support reviewer) is working on this case" in said(other)
    assert button(other, "Approve").disabled
    assert "Also looking" in said(other)


def test_of_two_people_the_second_sees_the_firsts_amount_and_the_lower_is_paid(
    open_page: OpenPage, services: Services
) -> None:
    number = case(services, price=200)
    at = open_page(PAGE, persona=SUE)
    assert "The policy asks for two people" in said(at)
    at.number_input(key=f"refunds_amount_{number}_1").set_value(150).run()
    button(at, "Approve 150, second person").click().run()
    carried_out(services, at)
    assert get(services, number).state == CaseState.NEEDS_SECOND
    mine = open_page(PAGE, persona=SUE, query={"view": "second"})
    assert "A second, different person must decide" in said(mine)
    other = open_page(PAGE, persona=AMIR, query={"view": "second"})
    assert any("agreed to **150 credits**" in one.value for one in other.info)
    other.number_input(key=f"refunds_amount_{number}_2").set_value(180).run()
    button(other, "Approve 180").click().run()
    carried_out(services, other)
    assert wallet(services, number) == 950


def test_s_sends_a_small_case_to_a_second_person_and_a_question_sends_it_back(
    open_page: OpenPage, services: Services
) -> None:
    number = case(services)
    at = open_page(PAGE, persona=SUE)
    button(at, "Second").click().run()
    carried_out(services, at)
    other = open_page(PAGE, persona=AMIR, query={"view": "second"})
    other.text_input(key=f"refunds_note_{number}_2").set_value("which photo?")
    button(other, "Send back").click().run()
    assert "0 cases, 0 credits" in said(other)
    assert get(services, number).state == CaseState.PENDING


def test_a_refused_decision_stays_on_the_screen_until_it_is_read(
    open_page: OpenPage, services: Services
) -> None:
    number = case(services)
    at = open_page(PAGE, persona=SUE)
    button(at, "Approve 10").click().run()
    with services.database.transaction() as session:
        session.execute(update(Staff).where(Staff.name.startswith("Sue")).values(roles=["viewer"]))
    carried_out(services, at)
    assert any("could not be decided" in one.value for one in at.error)
    with services.database.transaction() as session:
        session.execute(update(Staff).where(Staff.name.startswith("Sue")).values(roles=["support"]))
    at.run()
    button(at, "I have read it").click().run()
    assert not any("could not be decided" in one.value for one in at.error)
    assert get(services, number).state == CaseState.PENDING


def test_a_viewer_sees_everything_and_decides_nothing(open_page: OpenPage, services: Services) -> None:
    number = case(services)
    at = open_page(PAGE, persona="viewer")
    assert "may not decide refunds" in said(at)
    assert button(at, "Approve").disabled
    assert button(at, "Deny").disabled
    assert get(services, number).claimed_by is None


def test_next_and_previous_move_and_release_what_was_held(open_page: OpenPage, services: Services) -> None:
    first, second = case(services, minutes=10), case(services, name="Bea", minutes=20)
    at = open_page(PAGE, persona=SUE)
    button(at, "Next").click().run()
    assert on_screen(at) == str(second)
    assert get(services, first).claimed_by is None
    button(at, "Previous").click().run()
    assert on_screen(at) == str(first)


def test_filters_tell_how_many_they_find_and_the_screen_follows(
    open_page: OpenPage, services: Services
) -> None:
    case(services, minutes=10)
    large = case(services, name="Bea", price=50, minutes=20)
    at = open_page(PAGE, persona=SUE)
    sizes = next(one for one in at.button_group if one.key == "refunds_filter_sizes")
    assert "21 to 100 · 1" in list(sizes.options)
    at.text_input(key="refunds_filter_search").set_value("Bea").run()
    assert "1 case, 50 credits" in said(at)
    button(at, "Next").click().run()
    assert on_screen(at) == str(large)


def test_a_case_that_does_not_exist_is_told_and_another_can_be_chosen(
    open_page: OpenPage, services: Services
) -> None:
    case(services, name="Bea")
    at = open_page(PAGE, query={"case": "99"})
    assert any("no case 99" in one.value for one in at.error)
    assert "No case is open" in said(at)
    assert "Nothing to decide" not in said(at)
    assert "1 case, 10 credits" in said(at)


def test_an_empty_queue_says_so(open_page: OpenPage) -> None:
    at = open_page(PAGE)
    assert not at.error
    assert "Nothing to decide" in said(at)


def test_whoever_looks_is_noted(open_page: OpenPage, services: Services) -> None:
    number = case(services)
    open_page(PAGE, persona="viewer")
    with services.database.transaction() as session:
        viewer = persona(services.database, "viewer")
        assert session.get(CaseViewer, (number, viewer.id)) is not None


def test_another_reviewers_waiting_decision_is_told(open_page: OpenPage, services: Services) -> None:
    number = case(services)
    with services.database.transaction() as session:
        sue = persona(services.database, SUE)
        claims.release(session, actor=sue, case_id=number)
        intents.intend(
            session,
            actor=sue,
            case_id=number,
            seen_seq=1,
            decision="deny",
            amount=10,
            reason_code="refused_content",
        )
    at = open_page(PAGE, persona=AMIR, query={"case": str(number)})
    assert "Sue (support reviewer) has decided this case a moment ago" in said(at)
