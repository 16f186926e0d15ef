"""Two people for large grants: in every wrong order, late, and never twice."""

from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from core.foundation.errors import Conflict, InvalidInput, NotAllowed, NotFound
from core.money_requests import requests
from core.money_requests.grants import grant_credits
from core.money_requests.views import count_waiting, past_requests, waiting_requests
from core.tables.access import AuditEvent, Staff
from core.tables.ledger import Transfer
from core.tables.money_requests import MoneyRequest, RequestState
from tests.support.cases import reviewer
from tests.support.factories import make_customer
from tests.support.requests import (
    LARGE,
    a_day_later,
    a_request,
    ada,
    amir,
    give,
    granted,
    held,
    sue,
    take_back,
)


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


@pytest.mark.parametrize("change", [{"active": False}, {"roles": ["viewer"]}])
def test_a_request_dies_with_the_rights_of_whoever_asked(session: Session, change: dict[str, Any]) -> None:
    request = a_request(session)
    row = session.get_one(Staff, ada(session).id)
    for name, value in change.items():
        setattr(row, name, value)
    session.flush()
    answered = requests.agree(session, actor=amir(session), request_id=request.id)
    assert (answered.state, held(session, request.customer_id)) == (RequestState.STALE, 0)


def test_each_is_told_how_many_wait_for_them(session: Session) -> None:
    a_request(session)
    mine = waiting_requests(session)
    assert count_waiting(session, amir(session)) == len(mine)
    assert count_waiting(session, ada(session)) == 0
    assert count_waiting(session, sue(session)) == 0
