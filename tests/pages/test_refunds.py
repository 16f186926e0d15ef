"""The Refunds page: what it promises to a reviewer."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update
from streamlit.testing.v1 import AppTest

from core.access.models import Staff
from core.access.permissions import Actor
from core.access.staff import active_staff
from core.credits import ledger
from core.credits.cases import bulk, claims, deciding, intents
from core.credits.cases.models import CaseIntent, CaseViewer, CompensationCase, DoubleReview
from core.credits.cases.states import CaseState
from core.database import Database
from core.services import Services
from pages.components import refund_place
from tests.pages.conftest import OpenPage
from tests.pages.looking import button, has_button, said
from tests.support.cases import delivered, failed_case
from tests.support.wallets import charged, rich

PAGE = "pages/refunds.py"
SUE, AMIR = "support", "approver"


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test clicks as fast as a key that is held down."""
    monkeypatch.setattr(refund_place, "TOO_QUICK_SECONDS", 0.0)


def persona(database: Database, role: str) -> Actor:
    with database.transaction() as session:
        return next(actor for actor in active_staff(session) if role in actor.roles)


def case(services: Services, *, price: int = 10, name: str = "Ada", minutes: float | None = None) -> int:
    """An open case in no incident; `minutes` is the time left."""
    with services.database.transaction() as session:
        customer = rich(session, 1_000, name=name)
        made = failed_case(session, price=price, customer=customer, fingerprint=f"v1:{name}:{price}")
        if minutes is not None:
            session.execute(
                update(CompensationCase)
                .where(CompensationCase.id == made.id)
                .values(due_at=func.now() + timedelta(minutes=minutes))
            )
        return made.id


def get(services: Services, number: int) -> CompensationCase:
    with services.database.transaction() as session:
        return session.get_one(CompensationCase, number)


def wallet(services: Services, number: int) -> int:
    with services.database.transaction() as session:
        return ledger.balance(session, customer_id=session.get_one(CompensationCase, number).customer_id)


def carried_out(services: Services, at: AppTest) -> AppTest:
    """Ten seconds later."""
    with services.database.transaction() as session:
        session.execute(update(CaseIntent).values(commit_at=func.now()))
    return at.run()


def on_screen(at: AppTest) -> str:
    return str(at.query_params["case"][0])


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


def test_undo_brings_the_case_back_and_nothing_happened(open_page: OpenPage, services: Services) -> None:
    first = case(services, minutes=10)
    case(services, name="Bea", minutes=20)
    at = open_page(PAGE, persona=SUE)
    button(at, "Deny").click().run()
    button(at, "Undo").click().run()
    assert on_screen(at) == str(first)
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


def incident(services: Services, count: int = 5) -> None:
    with services.database.transaction() as session:
        for _ in range(count):
            failed_case(session)


def test_an_incident_is_one_entry_and_one_decision_for_all_of_it(
    open_page: OpenPage, services: Services
) -> None:
    incident(services)
    alone = case(services, name="Bea", minutes=2_000)
    at = open_page(PAGE, persona=SUE)
    next(one for one in at.button if "5 cases" in one.label).click().run()
    assert "5 cases, 50 credits" in said(at)
    button(at, "Decide all 5").click().run()
    figures = {metric.label: metric.value for metric in at.metric}
    assert (figures["Cases"], figures["Credits"], figures["Customers"]) == ("5", "50", "5")
    assert not has_button(at, "Deny")
    button(at, "Approve 5 cases, 50 credits").click().run()
    assert not at.exception
    bulk.work_off(services.database)
    with services.database.transaction() as session:
        states = session.scalars(select(CompensationCase.state)).all()
    assert sorted(states) == ["approved"] * 5 + ["pending"]
    assert get(services, alone).state == CaseState.PENDING


def test_batches_tell_what_became_of_each_case(open_page: OpenPage, services: Services) -> None:
    incident(services, 3)
    with services.database.transaction() as session:
        from core.credits.cases.queue_filters import QueueFilter

        bulk.start_batch(
            session, actor=persona(services.database, SUE), filter_=QueueFilter(), decision="deny",
            reason_code="refused_content", note="spam", cases=3, total=30, key="k",
        )  # fmt: skip
    at = open_page(PAGE, persona=SUE, query={"view": "batches"})
    assert has_button(at, "Stop")
    bulk.work_off(services.database)
    at = open_page(PAGE, persona=SUE, query={"view": "batches"})
    at.toggle(key="refunds_items_1").set_value(True).run()
    assert list(at.dataframe[0].value["Outcome"]) == ["Done"] * 3
    assert not has_button(at, "Stop")


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
        from core.customers.models import Customer

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
    at = open_page("pages/generations.py", persona=SUE, query={"id": str(number)})
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


def test_a_case_that_does_not_exist_is_told(open_page: OpenPage) -> None:
    at = open_page(PAGE, query={"case": "99"})
    assert any("no case 99" in one.value for one in at.error)
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
            session, actor=sue, case_id=number, seen_seq=1, decision="deny", amount=10,
            reason_code="refused_content",
        )  # fmt: skip
    at = open_page(PAGE, persona=AMIR, query={"case": str(number)})
    assert "Sue (support reviewer) has decided this case a moment ago" in said(at)
