"""The Ledger page: what it promises to whoever answers for the credits."""

import dataclasses
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, text
from streamlit.testing.v1 import AppTest

from core.access.permissions import Actor
from core.access.staff import active_staff
from core.ledger import moves as ledger
from core.ledger.anchors import AnchorState
from core.ledger.books import Finding
from core.ledger.books.promises import PROMISES
from core.ledger.books.records import STALE_AFTER, Badge, check_full
from core.ledger.seals import anchor_seals, seal_ledger
from core.ledger.transfers import TransferFilter
from core.money_requests import requests
from core.refunds import deciding
from core.services import Services
from core.tables.access import AuditEvent, Staff
from core.tables.customers import Customer
from core.tables.ledger import Transfer
from core.tables.money_requests import MoneyRequest
from core.tables.seals import BooksCheck
from pages.ledger.books import ANCHORS, verdict
from pages.ledger.remedies import REMEDIES
from pages.ledger.transfers import exporter
from tests.pages.conftest import OpenPage
from tests.pages.looking import button, has_button, said
from tests.support.cases import failed_case
from tests.support.desk import TestDesk
from tests.support.wallets import charged

PAGE = "pages/ledger/page.py"


def persona(services: Services, role: str) -> Actor:
    with services.database.transaction() as session:
        return next(actor for actor in active_staff(session) if role in actor.roles)


def a_grant(services: Services, customer_id: int, amount: int = 50) -> int:
    with services.database.transaction() as session:
        return ledger.grant(
            session, customer_id=customer_id, amount=amount, reason="hello", key=uuid4().hex, actor="Bo"
        ).transfer_id


def asked(services: Services, customer_id: int, *, role: str = "admin", amount: int = 500) -> int:
    """A large grant that somebody of this role has asked for."""
    who = persona(services, role)
    with services.database.transaction() as session:
        request = requests.grant_or_ask(
            session, actor=who, customer_id=customer_id, amount=amount, reason="a fair", key=uuid4().hex
        )
        assert request is not None
        return request.id


def state(services: Services, request_id: int) -> str:
    with services.database.transaction() as session:
        return session.get_one(MoneyRequest, request_id).state


def rows(at: AppTest) -> list[int]:
    return list(at.dataframe[0].value["id"])


def test_before_any_check_it_says_so_and_checks_when_asked(open_page: OpenPage, desk: TestDesk) -> None:
    at = open_page(PAGE)
    assert "Not checked yet" in said(at)
    button(at, "Check now").click().run()
    assert at.toast[0].value == "1 transfer checked: the books hold"
    assert "The books hold" in said(at)
    assert "1 transfer in" in said(at)


def test_the_badge_names_seal_and_anchor(open_page: OpenPage, services: Services) -> None:
    seal_ledger(services.database, services.objects)
    anchor_seals(services.database, services.objects)
    check = check_full(services.database, services.objects)
    assert check.head_hash is not None
    words = said(open_page(PAGE))
    assert f"head {check.head_hash.hex()[:12]}" in words
    assert "copied to the object store" in words
    assert "the copy outside: matches" in words


def test_edited_rows_are_told_in_words_with_what_to_do(open_page: OpenPage, services: Services) -> None:
    with services.database.transaction() as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(text("UPDATE transfer SET reason = 'another' WHERE kind = 'grant'"))
    at = open_page(PAGE)
    button(at, "Check now").click().run()
    told = [error.value for error in at.error]
    assert any("The hash of each wallet's entry follows" in error for error in told)
    assert all("backup" in error for error in told)
    assert "The books hold" not in said(at)


@pytest.mark.parametrize("role", ["viewer", "support", "tuner"])
def test_who_may_not_check_the_books_is_told_why(open_page: OpenPage, role: str) -> None:
    at = open_page(PAGE, persona=role)
    assert button(at, "Check now").disabled
    assert "may not check the books" in button(at, "Check now").help


def test_all_accounts_are_shown_and_sum_to_zero(open_page: OpenPage, desk: TestDesk) -> None:
    at = open_page(PAGE)
    shown = {metric.label: metric.value for metric in at.metric}
    assert (shown["All wallets"], shown["Issued"], shown["In flight"]) == ("1,000", "-1,000", "0")
    assert not at.error


def test_filters_narrow_the_list_and_the_address_keeps_them(open_page: OpenPage, desk: TestDesk) -> None:
    small = a_grant(desk.services, desk.customer_id, 3)
    at = open_page(PAGE)
    assert len(rows(at)) == 2
    at.number_input(key="ledger_most").set_value(10).run()
    assert rows(at) == [small]
    assert at.query_params["most"] == "10"
    again = open_page(PAGE, query={"most": "10", "kind": "grant"})
    assert rows(again) == [small]
    assert again.multiselect(key="ledger_kind").value == ["grant"]
    button(again, "Clear").click().run()
    assert len(rows(again)) == 2
    none = open_page(PAGE, query={"who": "nobody"})
    assert "No transfer matches" in said(none)


def test_a_nonsense_address_is_passed_over(open_page: OpenPage) -> None:
    query = {"most": "9" * 30, "kind": "theft", "from": "soon", "older": "x", "view": "moon", "least": "-1"}
    assert len(rows(open_page(PAGE, query=query))) == 1
    assert open_page(PAGE, query={"generation": "9" * 40}).title[0].value == "Ledger"


def test_the_list_is_turned_page_by_page(open_page: OpenPage, desk: TestDesk) -> None:
    made = [a_grant(desk.services, desk.customer_id, 1) for _ in range(60)]
    at = open_page(PAGE)
    assert rows(at) == made[:9:-1]
    button(at, "Older").click().run()
    assert rows(at)[:10] == made[9::-1]
    button(at, "Newest").click().run()
    assert rows(at)[0] == made[-1]


def test_the_file_is_made_from_what_the_filters_select(services: Services, desk: TestDesk) -> None:
    small = a_grant(services, desk.customer_id, 3)
    lines = exporter(services.database, TransferFilter(most=10))().splitlines()
    assert len(lines) == 2
    assert lines[1].startswith(f"{small},")


def test_a_generation_is_found_by_its_number_and_its_credits_are_followed(
    open_page: OpenPage, services: Services
) -> None:
    with services.database.transaction() as session:
        case = failed_case(session)
        support = next(actor for actor in active_staff(session) if "support" in actor.roles)
        deciding.approve(
            session,
            actor=support,
            case_id=case.id,
            seen_seq=case.seq,
            amount=6,
            reason_code="refused_in_error",
        )
    at = open_page(PAGE)
    at.text_input(key="ledger_search").set_value(f"generation {case.generation_id}").run()
    button(at, f"Generation {case.generation_id}").click().run()
    assert at.query_params["generation"] == str(case.generation_id)
    words = said(at)
    assert "In flight" in words
    assert "6 credits came back to you" in words
    assert "Holds" in words
    shown = {metric.label: metric.value for metric in at.metric}
    assert (shown["Charged"], shown["Kept"], shown["Given back"]) == ("10", "4", "6")
    button(at, "All transfers").click().run()
    assert len(rows(at)) >= 4


def test_what_is_not_there_is_said(open_page: OpenPage) -> None:
    at = open_page(PAGE)
    at.text_input(key="ledger_search").set_value("no such thing").run()
    assert "Nothing in the ledger is called so." in said(at)
    assert "never charged" in open_page(PAGE, query={"generation": "999999"}).error[0].value
    assert "no transfer 999999" in open_page(PAGE, query={"transfer": "999999"}).error[0].value


def test_a_statement_has_both_balances_as_of_any_moment(open_page: OpenPage, desk: TestDesk) -> None:
    with desk.database.transaction() as session:
        first = session.scalars(select(Transfer)).one()
    a_grant(desk.services, desk.customer_id, 5)
    at = open_page(PAGE, query={"view": "statement", "customer": str(desk.customer_id)})
    shown = {metric.label: metric.value for metric in at.metric}
    assert (shown["Opening balance"], shown["Change"], shown["Balance now"]) == ("0", "+1,005", "1,005")
    assert len(at.table[0].value) == 2
    yesterday = (first.created_at - timedelta(days=1)).replace(tzinfo=None, second=0, microsecond=0)
    at.datetime_input(key="ledger_until").set_value(yesterday).run()
    shown = {metric.label: metric.value for metric in at.metric}
    assert shown["Balance then"] == "0"
    assert "No credits were moved in this time." in said(at)


def test_a_small_grant_is_made_at_once_and_only_once(open_page: OpenPage, desk: TestDesk) -> None:
    at = open_page(PAGE, query={"view": "grant", "customer": str(desk.customer_id)})
    assert "The wallet holds 1,000 now and 1,100 afterwards." in said(at)
    at.text_input(key=f"ledger_grant_why_{at.session_state['ledger_grant_form_key']}").set_value("sorry")
    button(at, "Grant").click().run()
    assert at.toast[0].value == "100 credits granted"
    assert desk.wallet() == 1100
    # The form is another one now: its button is not the one that was clicked.
    assert "which you gave 100" in said(at)
    assert has_button(at, "Ask a second person")


def test_a_large_grant_is_asked_for_and_paid_when_another_agrees(open_page: OpenPage, desk: TestDesk) -> None:
    at = open_page(PAGE, query={"view": "grant", "customer": str(desk.customer_id)})
    key = at.session_state["ledger_grant_form_key"]
    at.number_input(key=f"ledger_grant_amount_{key}").set_value(700).run()
    assert "A second, different person must agree" in said(at)
    at.text_input(key=f"ledger_grant_why_{key}").set_value("a fair")
    button(at, "Ask a second person").click().run()
    assert "waits for a second person" in at.toast[0].value
    assert desk.wallet() == 1000

    mine = open_page(PAGE, query={"view": "requests"})
    assert "You asked for this; a second, different person must answer." in said(mine)
    assert not has_button(mine, "Agree")

    theirs = open_page(PAGE, persona="approver", query={"view": "requests"})
    assert "Grant 700 credits to Ada" in said(theirs)
    assert "holds 1,000 now and 1,700 afterwards" in said(theirs)
    button(theirs, "Agree").click().run()
    assert theirs.toast[0].value.startswith("Done: transfer ")
    assert desk.wallet() == 1700
    assert "Nothing waits for a second person." in theirs.info[0].value


def test_two_tabs_that_agree_pay_once_and_the_second_is_told(open_page: OpenPage, desk: TestDesk) -> None:
    request = asked(desk.services, desk.customer_id)
    with desk.database.transaction() as session:
        session.add(Staff(email="bo@desk.test", name="Bo", roles=["approver"]))
    tab = open_page(PAGE, persona="approver", query={"view": "requests"})
    other = open_page(PAGE, persona="approver", query={"view": "requests"})
    bo = next(actor for actor in [*_all_staff(desk.services)] if actor.name == "Bo")
    other.session_state["shell_staff_id"] = bo.id
    button(tab, "Agree").click().run()
    button(other, "Agree").click().run()
    assert not other.exception
    assert "Nothing waits for a second person." in other.info[0].value
    assert "Amir (approver)" in other.table[0].value.to_csv()
    assert desk.wallet() == 1500
    assert state(desk.services, request) == "done"


def _all_staff(services: Services) -> list[Actor]:
    with services.database.transaction() as session:
        return list(active_staff(session))


def test_refusing_needs_a_reason_and_withdrawing_does_not(open_page: OpenPage, desk: TestDesk) -> None:
    first = asked(desk.services, desk.customer_id)
    at = open_page(PAGE, persona="approver", query={"view": "requests"})
    button(at, "Refuse").click().run()
    assert at.error[0].value == "Say why you refuse it."
    at.text_input(key=f"ledger_refuse_why_{first}").set_value("too much")
    button(at, "Refuse").click().run()
    assert state(desk.services, first) == "refused"
    assert "too much" in at.table[0].value.to_csv()
    second = asked(desk.services, desk.customer_id)
    mine = open_page(PAGE, query={"view": "requests"})
    button(mine, "Withdraw").click().run()
    assert state(desk.services, second) == "withdrawn"


def test_a_role_without_the_right_sees_requests_but_cannot_answer(
    open_page: OpenPage, desk: TestDesk
) -> None:
    asked(desk.services, desk.customer_id)
    at = open_page(PAGE, persona="viewer", query={"view": "requests"})
    assert "may not be the second person of a refund or grant" in said(at)
    assert not has_button(at, "Agree")
    assert "may not grant credits" in open_page(PAGE, persona="viewer", query={"view": "grant"}).info[0].value


def test_taking_back_what_was_spent_shows_the_clawback_before(open_page: OpenPage, desk: TestDesk) -> None:
    transfer = a_grant(desk.services, desk.customer_id, 1000)
    with desk.database.transaction() as session:
        charged(session, session.get_one(Customer, desk.customer_id), 1400)
    at = open_page(PAGE, query={"transfer": str(transfer)})
    assert "400 credits of them are spent already and will stand as owed" in said(at)
    button(at, "Ask a second person").click().run()
    assert "Say why" in at.error[0].value
    key = f"{at.session_state['ledger_reverse_form_key']}_{transfer}"
    at.text_input(key=f"ledger_why_{key}").set_value("wrong customer")
    button(at, "Ask a second person").click().run()
    assert "Ada (admin) has asked for it already" in at.info[0].value

    theirs = open_page(PAGE, persona="approver", query={"view": "requests"})
    assert "400 credits of them are spent already" in said(theirs)
    button(theirs, "Agree").click().run()
    assert desk.wallet() == 0
    shown = {metric.label: metric.value for metric in theirs.metric}
    assert shown["Clawback"] == "-400"
    assert "taken back already" in said(open_page(PAGE, query={"transfer": str(transfer)}))


def test_whoever_decided_takes_a_refund_back_alone_for_a_while(
    open_page: OpenPage, services: Services
) -> None:
    support = persona(services, "support")
    with services.database.transaction() as session:
        case = failed_case(session)
        deciding.approve(
            session,
            actor=support,
            case_id=case.id,
            seen_seq=case.seq,
            amount=10,
            reason_code="refused_in_error",
        )
        refund = session.scalars(select(Transfer.id).where(Transfer.case_id == case.id)).one()
    at = open_page(PAGE, persona="support", query={"transfer": str(refund)})
    key = f"{at.session_state['ledger_reverse_form_key']}_{refund}"
    at.text_input(key=f"ledger_why_{key}").set_value("wrong click")
    button(at, "Take back now").click().run()
    assert at.toast[0].value == "10 credits taken back"
    assert "taken back already" in said(at)


def test_a_ledger_that_moved_is_explained_by_somebody(open_page: OpenPage, services: Services) -> None:
    seal_ledger(services.database, services.objects)
    with services.database.transaction() as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(text("UPDATE ledger_epoch SET home = 'elsewhere'"))
    seal_ledger(services.database, services.objects)
    at = open_page(PAGE)
    button(at, "Check now").click().run()
    at.text_input(key="ledger_moved").set_value("restored the backup of Tuesday")
    button(at, "It was us").click().run()
    assert not any("says why it moved" in error.value or "lives where" in error.value for error in at.error)
    with services.database.transaction() as session:
        assert "books.epoch" in session.scalars(select(AuditEvent.action)).all()


def test_every_alarm_and_anchor_has_its_words() -> None:
    assert set(REMEDIES) >= set(PROMISES)
    assert set(ANCHORS) == set(AnchorState)


def test_books_that_nobody_checked_lately_are_not_called_sound() -> None:
    now = datetime.now(UTC)
    check = BooksCheck(
        kind="full", started_at=now, took_seconds=1.0, transfers=1, findings=0, anchor="matches"
    )
    sound = Badge(full=check, latest=check, standing=(), seal=None, anchored_at=None)
    assert "The books hold" in verdict(sound, now)
    assert "Not checked lately" in verdict(sound, now + STALE_AFTER + timedelta(seconds=1))
    found = dataclasses.replace(sound, standing=(Finding("broken_chain", "7", "version=1"),))
    assert "do not hold" in verdict(found, now)
