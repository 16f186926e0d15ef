"""Two people for taking back: after spending, from old screens, and never twice."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.foundation.errors import Conflict
from core.ledger import moves as ledger
from core.ledger.books import check_books
from core.money_requests import requests
from core.money_requests.plans import plan_reversal
from core.money_requests.requests import OwesMore
from core.money_requests.views import waiting_requests
from core.refunds import deciding, reversing
from core.tables.ledger import Transfer
from core.tables.money_requests import MoneyRequest, RequestKind, RequestState
from core.tables.refund_states import CaseState
from core.tables.refunds import CompensationCase
from tests.support.cases import failed_case
from tests.support.factories import make_customer
from tests.support.requests import ada, amir, granted, held, owed, sue, take_back
from tests.support.wallets import charged, ended, rich


def test_a_grant_is_taken_back_by_two_people(session: Session) -> None:
    customer = make_customer(session)
    transfer = granted(session, customer.id)
    request = take_back(session, transfer)
    assert held(session, customer.id) == 50
    done = requests.agree(session, actor=amir(session), request_id=request.id)
    assert (done.state, held(session, customer.id)) == (RequestState.DONE, 0)
    assert session.get_one(Transfer, done.posted_id).reverses_id == transfer
    with pytest.raises(Conflict, match="taken back already"):
        take_back(session, transfer)


def test_a_grant_that_was_spent_leaves_a_clawback_which_was_shown_before(session: Session) -> None:
    customer = rich(session, 50)
    transfer = session.scalars(select(Transfer.id).order_by(Transfer.id.desc()).limit(1)).one()
    charged(session, customer, 30)
    request = take_back(session, transfer)
    assert (request.preview["balance"], request.preview["clawback"]) == (20, 30)
    line = next(each for each in waiting_requests(session) if each.id == request.id)
    assert (line.balance, line.clawback, line.moved) == (20, 30, None)
    before = owed(session)
    requests.agree(session, actor=amir(session), request_id=request.id, seen_clawback=30)
    assert (held(session, customer.id), owed(session) - before) == (0, 30)
    assert check_books(session) == []


def test_whoever_agrees_on_an_old_screen_is_told_that_more_would_be_owed(session: Session) -> None:
    customer = rich(session, 50)
    transfer = session.scalars(select(Transfer.id).order_by(Transfer.id.desc()).limit(1)).one()
    request = take_back(session, transfer)
    charged(session, customer, 30)
    with pytest.raises(OwesMore, match="30 credits would stand as owed"), session.begin_nested():
        requests.agree(session, actor=amir(session), request_id=request.id, seen_clawback=0)
    session.expire_all()
    assert held(session, customer.id) == 20
    assert session.get_one(MoneyRequest, request.id).state == RequestState.WAITING


def paid_case(session: Session) -> CompensationCase:
    case = failed_case(session)
    deciding.approve(
        session,
        actor=sue(session),
        case_id=case.id,
        seen_seq=case.seq,
        amount=10,
        reason_code="refused_in_error",
    )
    return case


def payment(session: Session, case: CompensationCase) -> int:
    return session.scalars(
        select(Transfer.id).where(Transfer.case_id == case.id, Transfer.kind == "refund")
    ).one()


def test_a_refund_is_taken_back_by_two_people_and_its_case_says_so(session: Session) -> None:
    case = paid_case(session)
    request = take_back(session, payment(session, case), sue(session), seen_seq=case.seq)
    assert request.kind == RequestKind.REVERSE_CASE
    done = requests.agree(session, actor=amir(session), request_id=request.id)
    assert (done.state, case.state) == (RequestState.DONE, CaseState.REVERSED)
    assert held(session, case.customer_id) == 990


def test_the_plan_says_who_may_still_do_it_alone(session: Session) -> None:
    transfer = payment(session, paid_case(session))
    assert plan_reversal(session, actor=sue(session), transfer_id=transfer).alone
    plan = plan_reversal(session, actor=amir(session), transfer_id=transfer)
    assert (plan.alone, plan.amount, plan.balance, plan.balance_after, plan.clawback) == (
        False,
        10,
        1_000,
        990,
        0,
    )


def test_a_case_that_moved_makes_the_request_stale(session: Session) -> None:
    case = paid_case(session)
    transfer = payment(session, case)
    request = take_back(session, transfer, amir(session))
    # Sue has decided it a moment ago and may undo it alone.
    reversing.reverse_case(
        session, actor=sue(session), case_id=case.id, seen_seq=case.seq, reason="wrong click"
    )
    line = next(each for each in waiting_requests(session) if each.id == request.id)
    assert line.moved is not None
    answered = requests.agree(session, actor=ada(session), request_id=request.id)
    assert answered.state == RequestState.STALE
    assert "Sue moved case" in (answered.note or "")
    assert held(session, case.customer_id) == 990


def test_an_old_screen_cannot_ask(session: Session) -> None:
    case = paid_case(session)
    with pytest.raises(Conflict, match="has moved"):
        take_back(session, payment(session, case), seen_seq=case.seq - 1)


def test_a_grant_reversed_meanwhile_makes_the_request_stale(session: Session) -> None:
    customer = make_customer(session)
    transfer = granted(session, customer.id)
    request = take_back(session, transfer)
    ledger.reverse(session, transfer_id=transfer, actor="Bo", reason="mistake")
    answered = requests.agree(session, actor=amir(session), request_id=request.id)
    assert (answered.state, held(session, customer.id)) == (RequestState.STALE, 0)


def test_what_is_asked_for_already_is_not_asked_for_twice(session: Session) -> None:
    transfer = granted(session, make_customer(session).id)
    take_back(session, transfer)
    with pytest.raises(Conflict, match="asked for already"):
        take_back(session, transfer, amir(session))


@pytest.mark.parametrize("kind", ["charge", "capture"])
def test_charges_and_what_was_kept_are_not_taken_back_here(session: Session, kind: str) -> None:
    number = charged(session, rich(session))
    if kind == "capture":
        ended(session, number, "succeeded")
    transfer = session.scalars(
        select(Transfer.id).where(Transfer.generation_id == number, Transfer.kind == kind)
    ).one()
    with pytest.raises(Conflict, match="not taken back"):
        take_back(session, transfer)
