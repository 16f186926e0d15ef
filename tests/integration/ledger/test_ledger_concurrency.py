"""Many connections at once: one key is one transfer, a charge is settled once, no wallet goes below zero."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from core.foundation.database import Database
from core.foundation.errors import Conflict, InsufficientCredits, OperatorError
from core.ledger import moves as ledger
from core.ledger import views
from core.ledger.books import check_books
from core.ledger.posting import SETTLED, Posted, post
from core.refunds.steps import locked, staff, step
from core.tables.ledger import Transfer
from core.tables.refund_states import CaseState
from core.tables.refunds import CaseApproval, CompensationCase
from tests.support.cases import failed_case, reviewer
from tests.support.factories import make_customer, make_generation
from tests.support.wallets import charged, ended, rich

pytestmark = pytest.mark.slow

CLIENTS = 16
T = TypeVar("T")


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(CLIENTS) as threads:
        yield threads


def attempt(database: Database, call: Callable[[Session], T]) -> T | OperatorError:
    """One call in its own transaction: what it gave, or the sentence with which it was refused."""
    try:
        with database.transaction() as session:
            return call(session)
    except OperatorError as exc:
        return exc


def storm(
    database: Database, pool: ThreadPoolExecutor, calls: list[Callable[[Session], T]]
) -> list[T | OperatorError]:
    return list(pool.map(lambda call: attempt(database, call), calls))


def check(database: Database, *, but: str = "") -> None:
    with database.transaction() as session:
        assert [found for found in check_books(session) if found.rule != but] == []


def wait_until_blocked(database: Database) -> None:
    """Wait until some other connection waits for a lock."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    for _ in range(1000):
        with database.engine.connect() as connection:
            if connection.execute(waiting).scalar_one():
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits")


def test_two_hundred_calls_on_five_keys_make_five_transfers(
    database: Database, pool: ThreadPoolExecutor
) -> None:
    with database.transaction() as session:
        customer = make_customer(session).id

    def grant(key: int) -> Callable[[Session], Posted]:
        return lambda session: ledger.grant(
            session, customer_id=customer, amount=7, reason="r", key=f"form-{key}", actor="Sam"
        )

    answers = storm(database, pool, [grant(number % 5) for number in range(200)])
    posted = [answer for answer in answers if isinstance(answer, Posted)]
    assert len(posted) == 200
    assert sum(not answer.replayed for answer in posted) == 5
    assert len({answer.transfer_id for answer in posted}) == 5
    with database.transaction() as session:
        assert session.scalar(select(func.count(Transfer.id))) == 5
        assert ledger.balance(session, customer_id=customer) == 35
    check(database)


@pytest.mark.parametrize("first_commits", [True, False])
def test_a_twin_under_way_is_waited_for(
    database: Database, pool: ThreadPoolExecutor, first_commits: bool
) -> None:
    with database.transaction() as session:
        customer = rich(session)
        number = make_generation(session, customer=customer, credits=10).id

    def charge(session: Session) -> Posted:
        return ledger.charge(session, generation_id=number, customer_id=customer.id, amount=10, actor="Sam")

    with database.sessions() as first:
        posted = charge(first)
        twin: Future[Posted | OperatorError] = pool.submit(attempt, database, charge)
        wait_until_blocked(database)
        if first_commits:
            first.commit()
        else:
            first.rollback()
    answer = twin.result(timeout=120)
    assert isinstance(answer, Posted)
    assert answer.replayed is first_commits
    assert (answer.transfer_id == posted.transfer_id) is first_commits
    with database.transaction() as session:
        assert ledger.balance(session, customer_id=customer.id) == 90
    check(database)


def test_many_charges_at_once_never_overdraw_a_wallet(database: Database, pool: ThreadPoolExecutor) -> None:
    with database.transaction() as session:
        customer = rich(session, 95)
        numbers = [make_generation(session, customer=customer, credits=10).id for _ in range(32)]

    def charge(number: int) -> Callable[[Session], Posted]:
        return lambda session: ledger.charge(
            session, generation_id=number, customer_id=customer.id, amount=10, actor="Sam"
        )

    answers = storm(database, pool, [charge(number) for number in numbers])
    assert sum(isinstance(answer, Posted) for answer in answers) == 9
    assert sum(isinstance(answer, InsufficientCredits) for answer in answers) == 23
    with database.transaction() as session:
        assert ledger.balance(session, customer_id=customer.id) == 5
        uncharged = {finding.rule for finding in check_books(session)}
    # The refused ones stand here without a charge only because nothing rolled their rows back.
    assert uncharged == {"uncharged_generation", "settled_early"}


def test_of_capture_and_refund_at_once_one_wins(database: Database, pool: ThreadPoolExecutor) -> None:
    with database.transaction() as session:
        customer = rich(session, 1000)
        cases = [failed_case(session, customer=customer) for _ in range(20)]
        sue = staff(reviewer(session))
    gate = threading.Barrier(4)

    def terms(case: CompensationCase) -> dict[str, Any]:
        return {
            "case_id": case.id,
            "generation_id": case.generation_id,
            "amount": 10,
            "actor": "Sam",
            "reason": "r",
        }

    def capture(session: Session, case: CompensationCase) -> Posted:
        close(session, case, CaseState.DENIED)
        return ledger.keep(session, decision="1", **terms(case))

    def refund(session: Session, case: CompensationCase) -> Posted:
        close(session, case, CaseState.APPROVED)
        return ledger.refund(session, **terms(case))

    def close(session: Session, case: CompensationCase, to: CaseState) -> None:
        mine = locked(session, case.id)
        if mine.closed_at is None:
            mine.amount = 10 if to == CaseState.APPROVED else None
            if to == CaseState.APPROVED:
                session.add(CaseApproval(case_id=case.id, round=1, staff_id=sue.staff_id, amount=10))
            step(session, mine, to, by=sue)

    def run(
        case: CompensationCase, settle: Callable[[Session, CompensationCase], Posted]
    ) -> Posted | OperatorError:
        gate.wait(timeout=120)
        return attempt(database, lambda session: settle(session, case))

    captured = 0
    for case in cases:
        racers = [pool.submit(run, case, settle) for settle in (capture, refund, capture, refund)]
        answers = [racer.result(timeout=120) for racer in racers]
        assert sum(isinstance(answer, Posted) and not answer.replayed for answer in answers) == 1
        assert sum(isinstance(answer, Posted) and answer.replayed for answer in answers) == 1
        assert sum(isinstance(answer, Conflict) for answer in answers) == 2
        captured += isinstance(answers[0], Posted)
    with database.transaction() as session:
        totals = views.account_totals(session)
        assert totals["in_flight"] == 0
        assert totals["revenue"] == 10 * captured
        assert totals["wallet"] == 1000 - 10 * captured
    check(database, but="receipt_untrue")  # receipts are written by the services that this test goes around


def test_of_captures_under_other_keys_at_once_one_is_counted(
    database: Database, pool: ThreadPoolExecutor
) -> None:
    """Whoever waits for the charge finds it settled, though the transfer was written already."""
    with database.transaction() as session:
        customer = rich(session, 1000)
        numbers = [charged(session, customer) for _ in range(20)]
        session.execute(text("UPDATE generation SET state = 'succeeded', finished_at = now()"))
    gate = threading.Barrier(4)

    def run(number: int, key: str) -> Posted | OperatorError:
        gate.wait(timeout=120)
        refusals = {SETTLED: Conflict("It is settled already.")}
        return attempt(
            database,
            lambda session: post(
                session,
                key=f"capture:{number}:{key}",
                kind="capture",
                actor="Sam",
                generation_id=number,
                refusals=refusals,
            ),
        )

    for number in numbers:
        racers = [pool.submit(run, number, key) for key in "abab"]
        answers = [racer.result(timeout=120) for racer in racers]
        assert sorted(answer.replayed for answer in answers if isinstance(answer, Posted)) == [False, True]
        assert sum(isinstance(answer, Conflict) for answer in answers) == 2
    with database.transaction() as session:
        totals = views.account_totals(session)
        assert (totals["in_flight"], totals["revenue"], totals["wallet"]) == (0, 200, 800)
    check(database)


def test_credits_that_come_and_go_between_the_same_accounts_never_deadlock(
    database: Database, pool: ThreadPoolExecutor
) -> None:
    with database.transaction() as session:
        customers = [rich(session, 1000) for _ in range(2)]
        running = [charged(session, customers[turn % 2]) for turn in range(60)]
        queued = [make_generation(session, customer=customers[turn % 2], credits=10) for turn in range(60)]

    def come(number: int) -> Callable[[Session], object]:
        return lambda session: ended(session, number, "canceled")

    def go(number: int, customer: int) -> Callable[[Session], object]:
        return lambda session: ledger.charge(
            session, generation_id=number, customer_id=customer, amount=10, actor="Sam"
        )

    def give(customer: int) -> Callable[[Session], object]:
        return lambda session: ledger.grant(
            session, customer_id=customer, amount=1, reason="r", key=uuid.uuid4().hex, actor="Sam"
        )

    calls = [
        call
        for number, generation in zip(running, queued, strict=True)
        for call in (
            come(number),
            go(generation.id, generation.customer_id),
            give(generation.customer_id),
        )
    ]
    # A deadlock would be an error of the database, which `attempt` lets through.
    answers = storm(database, pool, calls)
    assert [answer for answer in answers if isinstance(answer, OperatorError)] == []
    with database.transaction() as session:
        assert [ledger.balance(session, customer_id=customer.id) for customer in customers] == [730, 730]


def test_a_wallet_that_two_open_at_once_is_one(database: Database, pool: ThreadPoolExecutor) -> None:
    with database.transaction() as session:
        customer = make_customer(session).id
    with database.sessions() as first:
        number = ledger.open_wallet(first, customer_id=customer)

        def open_too() -> int:
            with database.transaction() as session:
                return ledger.open_wallet(session, customer_id=customer)

        second = pool.submit(open_too)
        wait_until_blocked(database)
        first.commit()
    assert second.result(timeout=120) == number
    check(database)
