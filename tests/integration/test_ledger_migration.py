"""The ledger comes to a database that holds data already, and goes from it."""

import pytest
from sqlalchemy import inspect, select, text
from sqlalchemy.orm import Session

from core.credits import ledger, views
from core.credits.books import check_books
from core.credits.cases import deciding, reversing
from core.credits.models import Transfer
from core.customers.models import Customer
from core.database import Database
from core.failures.absorb import absorb_batch
from core.failures.models import RefundRollup
from core.migrate import downgrade, upgrade
from tests.support.cases import came_after_all, case_of, failed_case, reviewer
from tests.support.factories import make_customer, make_generation
from tests.support.schema import todays_columns
from tests.support.wallets import charged, ended, rich

pytestmark = pytest.mark.slow

# The last revision before there were cases, and how money moved then.
BEFORE_CASES = "r0006"
# The last revisions in which entries, and charges, were written beside their transfer.
BESIDE = pytest.mark.parametrize("before", ["r0028", "r0029"], ids=["entries", "charges"])
# All that the database itself promises, as it says it.
PROMISES = text("""
SELECT proname, pg_get_functiondef(oid) FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace AND prokind = 'f'
UNION ALL SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT conname, conrelid::regclass || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace
""")
POST = text(
    "SELECT posted_id FROM post_transfer("
    ":key, :kind, 'worker', 'r', CAST(:amount AS bigint), :customer, :generation)"
)


def test_the_ledger_comes_to_a_database_with_customers_in_it(database: Database) -> None:
    downgrade(database, "r0001")
    assert "transfer" not in inspect(database.engine).get_table_names()
    with todays_columns(database), database.transaction() as session:
        customer = make_customer(session).id
        make_generation(session, customer=session.get_one(Customer, customer), credits=0)
    upgrade(database)
    with database.transaction() as session:
        ledger.grant(session, customer_id=customer, amount=5, reason="r", key="k", actor="Sam")
        assert views.account_totals(session)["wallet"] == 5
        assert check_books(session) == []


def test_the_ledger_goes_with_all_its_rows_and_leaves_the_rest(database: Database) -> None:
    with database.transaction() as session:
        customer = rich(session)
        ended(session, charged(session, customer), "succeeded")
    downgrade(database, "r0001")
    with todays_columns(database), database.transaction() as session:
        left = "SELECT count(*) FROM pg_proc WHERE proname IN ('post_transfer','open_wallet','entry_hash')"
        assert session.execute(text(left)).scalar_one() == 0
        assert session.get_one(Customer, customer.id).name == "Ada"
    upgrade(database)
    with database.transaction() as session:
        assert ledger.balance(session, customer_id=customer.id) == 0


def test_cases_come_to_a_ledger_in_use_and_what_was_in_flight_ends_by_them(database: Database) -> None:
    customer, numbers = ledger_before_cases(database)
    upgrade(database)
    with database.transaction() as session:
        assert check_books(session) == []
        assert ledger.balance(session, customer_id=customer) == 60
        old = select(Transfer.key, Transfer.case_id).where(Transfer.kind == "refund").order_by(Transfer.id)
        keys = [(f"refund:{numbers[name]}", None) for name in ("failed", "canceled")]
        assert [tuple(row) for row in session.execute(old)] == keys
    with database.transaction() as session:
        ended(session, numbers["queued"], "succeeded")
        ended(session, numbers["rendering"], "failed")
        assert case_of(session, numbers["rendering"]).state == "auto_approved"
        ended(session, numbers["storing"], "canceled")
    with database.transaction() as session:
        assert ledger.balance(session, customer_id=customer) == 80
        assert check_books(session) == []


def test_cases_go_from_a_ledger_in_use_and_come_again(database: Database) -> None:
    customer, numbers = ledger_before_cases(database)
    for _ in range(2):
        upgrade(database)
        downgrade(database, BEFORE_CASES)
    with database.transaction() as session:
        done = "UPDATE generation SET state = 'succeeded', finished_at = now() WHERE id = :id"
        session.execute(text(done), {"id": numbers["queued"]})
        moved = {"key": f"capture:{numbers['queued']}", "kind": "capture", "amount": None}
        session.execute(POST, moved | {"customer": None, "generation": numbers["queued"]})
    upgrade(database)
    with database.transaction() as session:
        assert ledger.balance(session, customer_id=customer) == 60
        assert views.account_totals(session)["revenue"] == 20
        assert check_books(session) == []


def test_every_kind_of_transfer_outlives_the_cases_that_it_belonged_to(database: Database) -> None:
    with database.transaction() as session:
        sue, amir = reviewer(session), reviewer(session, "Amir", "approver")
        paid, denied, part, came, back = (failed_case(session) for _ in range(5))
        for case, amount in ((paid, 10), (part, 4), (back, 10)):
            terms = {"case_id": case.id, "seen_seq": case.seq, "amount": amount, "reason_code": "our_fault"}
            deciding.approve(session, actor=sue, **terms)  # type: ignore[arg-type]
        for who in (sue, amir):
            deciding.deny(
                session, actor=who, case_id=denied.id, seen_seq=denied.seq, reason_code="other_denied"
            )
            if who is sue:
                deciding.appeal(session, actor=amir, case_id=denied.id, seen_seq=denied.seq, note="n")
        assert came_after_all(session, came.generation_id)
        charged(session, session.get_one(Customer, back.customer_id), 995)
        reversing.reverse_case(session, actor=sue, case_id=back.id, seen_seq=back.seq, reason="mistake")
    with database.transaction() as session:
        totals = views.account_totals(session)
        assert check_books(session) == []
    downgrade(database, BEFORE_CASES)
    with database.transaction() as session:
        assert views.account_totals(session) == totals
    upgrade(database)
    with database.transaction() as session:
        assert views.account_totals(session) == totals
        # The money is all there; the books say which decisions are not known any more.
        assert {finding.rule for finding in check_books(session)} <= LOST_WITH_CASES


@BESIDE
def test_a_ledger_in_use_goes_back_to_what_was_written_beside_its_transfers_and_comes_again(
    database: Database, before: str
) -> None:
    with database.transaction() as session:
        customer = rich(session)
        ended(session, charged(session, customer), "succeeded")
        failed = failed_case(session)
    downgrade(database, before)
    with database.transaction() as session:
        assert check_books(session) == []
        ended(session, charged(session, session.get_one(Customer, customer.id)), "succeeded")
        sue = reviewer(session)
        terms = {"case_id": failed.id, "seen_seq": failed.seq, "amount": 10, "reason_code": "our_fault"}
        deciding.approve(session, actor=sue, **terms)  # type: ignore[arg-type]
    upgrade(database)
    with database.transaction() as session:
        ended(session, charged(session, session.get_one(Customer, customer.id)), "succeeded")
        assert ledger.balance(session, customer_id=customer.id) == 70
        assert ledger.balance(session, customer_id=failed.customer_id) == 1000
    with database.transaction() as session:
        assert check_books(session) == []


@BESIDE
def test_the_way_back_leaves_every_promise_as_it_was(database: Database, before: str) -> None:
    with database.transaction() as session:
        now = promises(session)
    downgrade(database, before)
    with database.transaction() as session:
        back = promises(session)
    upgrade(database)
    with database.transaction() as session:
        assert promises(session) == now
    downgrade(database, "base")
    upgrade(database, before)
    with database.transaction() as session:
        assert back == promises(session)


def test_refunds_that_wait_for_the_charts_wait_on_both_ways(database: Database) -> None:
    with database.transaction() as session:
        for _ in range(3):
            ended(session, charged(session, rich(session)), "canceled")
        waiting = session.scalars(select(RefundRollup.transfer_id)).all()
        assert len(waiting) == 3
    downgrade(database, "r0029")
    with database.transaction() as session:
        queued = "SELECT subject_id FROM rollup_queue WHERE kind = 'refund' ORDER BY id"
        assert session.scalars(text(queued)).all() == waiting
    upgrade(database)
    with database.transaction() as session:
        assert session.scalars(select(RefundRollup.transfer_id)).all() == waiting
        assert session.scalars(text(queued)).all() == []
    with database.transaction() as session:
        assert absorb_batch(session).refunds == 3


def promises(session: Session) -> set[tuple[str, str]]:
    return {(name, told) for name, told in session.execute(PROMISES)}


LOST_WITH_CASES = {"case_of_another", "failed_not_refunded", "case_missing"}


def ledger_before_cases(database: Database) -> tuple[int, dict[str, int]]:
    """A customer with a hundred credits and a generation in each state, as before there were cases."""
    downgrade(database, BEFORE_CASES)
    states = ("queued", "rendering", "storing", "succeeded", "failed", "canceled")
    ends = {"succeeded": "capture", "failed": "refund", "canceled": "refund"}
    with todays_columns(database), database.transaction() as session:
        row = make_customer(session)
        ledger.open_wallet(session, customer_id=row.id)
        granted = {"key": "grant:g", "kind": "grant", "amount": 100, "customer": row.id, "generation": None}
        session.execute(POST, granted)
        numbers = {
            state: make_generation(session, state=state, customer=row, credits=10).id for state in states
        }
        for state, number in numbers.items():
            moved = {"key": f"charge:{number}", "kind": "charge", "amount": 10}
            session.execute(POST, moved | {"customer": row.id, "generation": number})
            if state in ends:
                moved = {"key": f"{ends[state]}:{number}", "kind": ends[state], "amount": None}
                session.execute(POST, moved | {"customer": None, "generation": number})
    return row.id, numbers
