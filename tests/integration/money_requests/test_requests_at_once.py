"""Requests that two people, or two windows of one, answer or make at once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

from core.foundation.database import Database
from core.foundation.errors import Conflict, OperatorError
from core.ledger.books import check_books
from core.money_requests import requests
from core.tables.money_requests import MoneyRequest
from tests.support.cases import reviewer
from tests.support.factories import make_customer
from tests.support.requests import (
    LARGE,
    a_request,
    ada,
    amir,
    give,
    granted,
    held,
    take_back,
)


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
