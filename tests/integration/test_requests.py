"""Two people for large grants and for taking back: in every wrong order, late, at once, after spending."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from core.access.models import AuditEvent, Staff
from core.access.permissions import Actor
from core.credits import ledger, requests
from core.credits.books import check_books
from core.credits.cases import deciding, reversing
from core.credits.cases.models import CompensationCase
from core.credits.cases.states import CaseState
from core.credits.grants import grant_credits
from core.credits.models import Account, Entry, Transfer
from core.credits.request_models import MoneyRequest
from core.credits.request_plans import RequestKind, plan_reversal
from core.credits.request_views import count_waiting, past_requests, waiting_requests
from core.credits.requests import OwesMore, RequestState
from core.database import Database
from core.errors import Conflict, InvalidInput, NotAllowed, NotFound, OperatorError
from tests.support.cases import failed_case, reviewer
from tests.support.factories import make_customer
from tests.support.wallets import charged, ended, rich

LARGE = 500


def ada(session: Session) -> Actor:
    return reviewer(session, "Ada", "admin")


def amir(session: Session) -> Actor:
    return reviewer(session, "Amir", "approver")


def sue(session: Session) -> Actor:
    return reviewer(session, "Sue", "support")


def held(session: Session, customer_id: int) -> int:
    return ledger.balance(session, customer_id=customer_id)


def give(session: Session, actor: Actor, customer_id: int, amount: int, **changes: Any) -> Any:
    given = {"reason": "fair promotion", "key": uuid4().hex} | changes
    return requests.grant_or_ask(session, actor=actor, customer_id=customer_id, amount=amount, **given)


def a_request(session: Session, customer_id: int | None = None) -> MoneyRequest:
    """Ada has asked for a large grant."""
    request = give(session, ada(session), customer_id or make_customer(session).id, LARGE)
    assert isinstance(request, MoneyRequest)
    return request


def granted(session: Session, customer_id: int, amount: int = 50) -> int:
    """The number of the transfer of a grant."""
    return ledger.grant(
        session, customer_id=customer_id, amount=amount, reason="hello", key=uuid4().hex, actor="Ada"
    ).transfer_id


def take_back(session: Session, transfer_id: int, actor: Actor | None = None, **changes: Any) -> MoneyRequest:
    given = {"reason": "granted to the wrong person", "key": uuid4().hex} | changes
    return requests.ask_reversal(session, actor=actor or ada(session), transfer_id=transfer_id, **given)


def owed(session: Session) -> int:
    query = (
        select(func.coalesce(func.sum(Entry.amount), 0))
        .join(Account, Account.id == Entry.account_id)
        .where(Account.kind == "clawback")
    )
    return -int(session.scalars(query).one())


def a_day_later(session: Session, request: MoneyRequest) -> None:
    """Let a request grow old, past the guard that keeps its terms."""
    session.execute(text("ALTER TABLE money_request DISABLE TRIGGER money_request_terms_stay"))
    late = {"id": request.id}
    session.execute(
        text("UPDATE money_request SET expires_at = now() - interval '1 second' WHERE id = :id"), late
    )
    session.execute(text("ALTER TABLE money_request ENABLE TRIGGER money_request_terms_stay"))


def test_a_small_grant_needs_nobody_else(session: Session) -> None:
    customer = make_customer(session)
    assert give(session, ada(session), customer.id, 100) is None
    assert held(session, customer.id) == 100


def test_a_large_grant_waits_for_a_second_person_and_is_paid_in_their_transaction(session: Session) -> None:
    request = a_request(session)
    assert held(session, request.customer_id) == 0
    done = requests.agree(session, actor=amir(session), request_id=request.id)
    assert (done.state, held(session, request.customer_id)) == (RequestState.DONE, LARGE)
    posted = session.get_one(Transfer, done.posted_id)
    assert (posted.key, posted.actor, posted.reason) == (
        f"grant:request:{request.id}",
        "Amir",
        "fair promotion",
    )
    told = session.scalars(select(AuditEvent.action).order_by(AuditEvent.id.desc()).limit(2)).all()
    assert told == ["request.done", "request.ask"]


def test_a_large_grant_cannot_be_split_into_small_ones(session: Session) -> None:
    customer = make_customer(session)
    assert give(session, ada(session), customer.id, 60) is None
    request = give(session, ada(session), customer.id, 60)
    assert request is not None
    assert held(session, customer.id) == 60
    with pytest.raises(NotAllowed, match="need a second person"):
        grant_credits(session, actor=ada(session), customer_id=customer.id, amount=60, reason="more", key="k")
    # What two people agreed to does not count against what one may give.
    requests.agree(session, actor=amir(session), request_id=request.id)
    assert give(session, ada(session), customer.id, 40) is None
    assert held(session, customer.id) == 160


def test_whoever_asked_cannot_agree_or_refuse_whatever_the_role(session: Session) -> None:
    request = a_request(session)
    with pytest.raises(NotAllowed, match="different person"):
        requests.agree(session, actor=ada(session), request_id=request.id)
    with pytest.raises(NotAllowed, match="different person"):
        requests.refuse(session, actor=ada(session), request_id=request.id, note="no")
    assert held(session, request.customer_id) == 0


def test_the_database_itself_refuses_one_person_for_both(session: Session) -> None:
    request = a_request(session)
    with pytest.raises(DBAPIError, match="money_request_two_people"), session.begin_nested():
        session.execute(
            text(
                "UPDATE money_request SET state = 'refused', answered_by = asked_by, answered_at = now()"
                " WHERE id = :id"
            ),
            {"id": request.id},
        )


def test_the_database_refuses_a_request_that_was_not_carried_out_so(session: Session) -> None:
    request = a_request(session)
    other = granted(session, request.customer_id, LARGE)
    with pytest.raises(DBAPIError, match="was not carried out by"), session.begin_nested():
        session.execute(
            text(
                "UPDATE money_request SET state = 'done', answered_by = :who, answered_at = now(),"
                " posted_id = :other WHERE id = :id"
            ),
            {"id": request.id, "who": amir(session).id, "other": other},
        )


@pytest.mark.parametrize("role", ["viewer", "support", "tuner", "operator"])
def test_only_who_may_be_second_answers(session: Session, role: str) -> None:
    request = a_request(session)
    with pytest.raises(NotAllowed, match="may not be the second person"):
        requests.agree(session, actor=reviewer(session, role, role), request_id=request.id)


def test_a_support_reviewer_may_not_grant_and_so_not_ask(session: Session) -> None:
    with pytest.raises(NotAllowed, match="may not grant"):
        give(session, sue(session), make_customer(session).id, LARGE)


def test_agreeing_twice_pays_once_and_says_the_same(session: Session) -> None:
    request = a_request(session)
    first = requests.agree(session, actor=amir(session), request_id=request.id).posted_id
    assert requests.agree(session, actor=amir(session), request_id=request.id).posted_id == first
    assert held(session, request.customer_id) == LARGE


def test_a_third_person_is_told_who_was_first(session: Session) -> None:
    request = a_request(session)
    requests.agree(session, actor=amir(session), request_id=request.id)
    with pytest.raises(Conflict, match="by Amir"):
        requests.agree(session, actor=reviewer(session, "Bo", "approver"), request_id=request.id)


def test_refused_needs_a_reason_and_is_an_end(session: Session) -> None:
    request = a_request(session)
    with pytest.raises(InvalidInput):
        requests.refuse(session, actor=amir(session), request_id=request.id, note=" ")
    requests.refuse(session, actor=amir(session), request_id=request.id, note="too much")
    with pytest.raises(Conflict, match="is refused"):
        requests.agree(session, actor=amir(session), request_id=request.id)
    assert held(session, request.customer_id) == 0


def test_only_whoever_asked_withdraws_and_then_nobody_agrees(session: Session) -> None:
    request = a_request(session)
    with pytest.raises(NotAllowed, match="Only whoever asked"):
        requests.withdraw(session, actor=amir(session), request_id=request.id)
    requests.withdraw(session, actor=ada(session), request_id=request.id)
    with pytest.raises(Conflict, match="is withdrawn"):
        requests.agree(session, actor=amir(session), request_id=request.id)


def test_after_a_day_nobody_agrees_and_it_is_listed_as_expired(session: Session) -> None:
    request = a_request(session)
    a_day_later(session, request)
    with pytest.raises(Conflict, match="has expired"):
        requests.agree(session, actor=amir(session), request_id=request.id)
    assert request.id not in [line.id for line in waiting_requests(session)]
    assert next(line.state for line in past_requests(session) if line.id == request.id) == "expired"


def test_what_expired_can_be_asked_for_again(session: Session) -> None:
    transfer = granted(session, make_customer(session).id)
    first = take_back(session, transfer)
    a_day_later(session, first)
    session.expire(first)
    second = take_back(session, transfer)
    assert (session.get_one(MoneyRequest, first.id).state, second.state) == ("expired", "waiting")


@pytest.mark.parametrize("amount", [0, -1, 1_000_001, True, 10.5])
def test_impossible_amounts_are_refused(session: Session, amount: Any) -> None:
    with pytest.raises(InvalidInput):
        give(session, ada(session), make_customer(session).id, amount)


def test_without_a_reason_or_a_customer_nothing_is_asked(session: Session) -> None:
    with pytest.raises(InvalidInput):
        give(session, ada(session), make_customer(session).id, LARGE, reason=" ")
    with pytest.raises(NotFound):
        give(session, ada(session), 10**9, LARGE)
    with pytest.raises(NotFound):
        requests.agree(session, actor=amir(session), request_id=10**9)


def test_one_form_asks_once(session: Session) -> None:
    customer = make_customer(session)
    first = give(session, ada(session), customer.id, LARGE, key="form")
    assert give(session, ada(session), customer.id, LARGE, key="form").id == first.id
    with pytest.raises(Conflict, match="something else"):
        give(session, ada(session), customer.id, LARGE + 1, key="form")


def test_one_form_grants_once_also_at_the_limit(session: Session) -> None:
    customer = make_customer(session)
    for _ in range(2):
        assert give(session, ada(session), customer.id, 60, key="form") is None
    assert held(session, customer.id) == 60


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


@pytest.mark.parametrize("change", [{"active": False}, {"roles": ["viewer"]}])
def test_a_request_dies_with_the_rights_of_whoever_asked(session: Session, change: dict[str, Any]) -> None:
    request = a_request(session)
    row = session.get_one(Staff, ada(session).id)
    for name, value in change.items():
        setattr(row, name, value)
    session.flush()
    answered = requests.agree(session, actor=amir(session), request_id=request.id)
    assert (answered.state, held(session, request.customer_id)) == (RequestState.STALE, 0)


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


def test_each_is_told_how_many_wait_for_them(session: Session) -> None:
    a_request(session)
    mine = waiting_requests(session)
    assert count_waiting(session, amir(session)) == len(mine)
    assert count_waiting(session, ada(session)) == 0
    assert count_waiting(session, sue(session)) == 0


def both_at_once(database: Database, calls: list[Any]) -> list[Any]:
    gate = threading.Barrier(len(calls))

    def run(call: Any) -> Any:
        gate.wait()
        try:
            with database.transaction() as session:
                return call(session)
        except OperatorError as exc:
            return exc

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_of_two_who_agree_at_once_one_pays_and_the_other_is_told(database: Database) -> None:
    with database.transaction() as session:
        request = a_request(session)
        people = [reviewer(session, name, "approver") for name in ("Amir", "Bo", "Cem", "Di")]
    answers = both_at_once(
        database,
        [lambda s, who=who: requests.agree(s, actor=who, request_id=request.id) for who in people],
    )
    assert sum(isinstance(answer, MoneyRequest) for answer in answers) == 1
    assert sum(isinstance(answer, Conflict) for answer in answers) == 3
    with database.transaction() as session:
        assert held(session, request.customer_id) == LARGE
        assert check_books(session) == []


def test_agreeing_and_withdrawing_at_once_end_in_one_of_both(database: Database) -> None:
    with database.transaction() as session:
        request = a_request(session)
        asker, second = ada(session), amir(session)
    answers = both_at_once(
        database,
        [
            lambda s: requests.agree(s, actor=second, request_id=request.id),
            lambda s: requests.withdraw(s, actor=asker, request_id=request.id),
        ],
    )
    assert sum(isinstance(answer, Conflict) for answer in answers) == 1
    with database.transaction() as session:
        state = session.get_one(MoneyRequest, request.id).state
        assert held(session, request.customer_id) == (LARGE if state == "done" else 0)


def test_two_forms_at_once_ask_for_one_reversal(database: Database) -> None:
    with database.transaction() as session:
        transfer = granted(session, make_customer(session).id)
        people = [ada(session), amir(session)]
    answers = both_at_once(
        database, [lambda s, who=who: take_back(s, transfer, who, key=uuid4().hex) for who in people]
    )
    assert sum(isinstance(answer, MoneyRequest) for answer in answers) == 1
    assert sum(isinstance(answer, Conflict) for answer in answers) == 1


def test_two_tabs_of_one_form_ask_for_one_grant(database: Database) -> None:
    with database.transaction() as session:
        customer, who = make_customer(session).id, ada(session)
    give_it = lambda s: give(s, who, customer, LARGE, key="form")  # noqa: E731
    answers = both_at_once(database, [give_it] * 4)
    assert len({answer.id for answer in answers}) == 1


def test_two_grants_at_once_do_not_both_pass_below_the_limit(database: Database) -> None:
    with database.transaction() as session:
        customer, who = make_customer(session).id, ada(session)
    answers = both_at_once(database, [lambda s: give(s, who, customer, 60)] * 4)
    assert sum(answer is None for answer in answers) == 1
    with database.transaction() as session:
        assert held(session, customer) == 60
