"""Finding transfers, following a generation's credits, receipts that can be checked, the file of it all."""

import csv
import io
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from core.foundation.database import Database
from core.foundation.errors import NotFound
from core.ledger import moves as ledger
from core.ledger.books_desk import totals
from core.ledger.lookup import Found, look_up
from core.ledger.receipts import mark_delivered, receipts, undelivered, verify
from core.ledger.trace import trace
from core.ledger.transfers import TransferFilter, export_transfers, page_of_transfers
from core.refunds import deciding
from core.tables.customers import Customer
from core.tables.ledger import Transfer
from core.tables.refunds import CompensationCase, CustomerReceipt
from tests.support.cases import delivered, failed_case, reviewer
from tests.support.factories import make_customer
from tests.support.wallets import charged, rich


def grants(session: Session, customer: Customer, amounts: list[int]) -> list[int]:
    return [
        ledger.grant(
            session, customer_id=customer.id, amount=amount, reason="hello", key=uuid4().hex, actor="Sam"
        ).transfer_id
        for amount in amounts
    ]


def paid(session: Session, amount: int = 6, customer: Customer | None = None) -> CompensationCase:
    """A failed generation of 10 credits, of which a part was given back."""
    case = failed_case(session, customer=customer)
    deciding.approve(
        session,
        actor=reviewer(session),
        case_id=case.id,
        seen_seq=case.seq,
        amount=amount,
        reason_code="refused_in_error",
    )
    return case


def ids(session: Session, filter_: TransferFilter, **cursor: int) -> list[int]:
    return [row.id for row in page_of_transfers(session, filter_, **cursor).rows]


def only(customer: Customer, **changes: object) -> TransferFilter:
    return TransferFilter(customer=customer.reference, **changes)  # type: ignore[arg-type]


def test_pages_lead_through_all_transfers_and_back_without_losing_one(session: Session) -> None:
    customer = make_customer(session)
    made = grants(session, customer, [1, 2, 3, 4, 5])[::-1]
    first = page_of_transfers(session, only(customer), limit=2)
    assert ([row.id for row in first.rows], first.newer) == (made[:2], None)
    second = page_of_transfers(session, only(customer), older=first.older, limit=2)
    last = page_of_transfers(session, only(customer), older=second.older, limit=2)
    assert [row.id for row in second.rows + last.rows] == made[2:]
    assert last.older is None
    back = page_of_transfers(session, only(customer), newer=last.newer, limit=2)
    assert [row.id for row in back.rows] == made[2:4]
    # At the top it is shown whole, with what came meanwhile.
    [newest] = grants(session, customer, [6])
    top = page_of_transfers(session, only(customer), newer=back.newer, limit=3)
    assert [row.id for row in top.rows] == [newest, *made[:2]]


def test_every_filter_narrows_and_captures_are_found_by_their_customer(session: Session) -> None:
    customer = rich(session, 100)
    number = delivered(session, customer=customer)
    granted, charge, capture = sorted(ids(session, only(customer)))
    assert ids(session, only(customer, kinds=("capture",))) == [capture]
    assert ids(session, only(customer, kinds=("grant", "charge"))) == [charge, granted]
    assert ids(session, only(customer, actor="work")) == [capture]
    assert ids(session, only(customer, least=11)) == [granted]
    assert ids(session, only(customer, most=10)) == [capture, charge]
    assert ids(session, TransferFilter(key=f"charge:{number}")) == [charge]
    assert ids(session, TransferFilter(customer="nobody is called so")) == []
    assert ids(session, TransferFilter(key="%")) == []


def test_a_span_of_time_holds_exactly_what_was_made_in_it(session: Session) -> None:
    customer = make_customer(session)
    made = grants(session, customer, [1, 2, 3])
    moments = [session.get_one(Transfer, number).created_at for number in made]
    assert ids(session, only(customer, since=moments[1])) == [made[2], made[1]]
    assert ids(session, only(customer, until=moments[1])) == [made[0]]
    assert ids(session, only(customer, since=moments[1], until=moments[2])) == [made[1]]
    later = datetime.now(UTC) + timedelta(hours=1)
    assert ids(session, only(customer, since=later)) == []
    assert ids(session, only(customer, until=moments[0] - timedelta(days=400))) == []


def test_the_file_has_the_whole_selection_and_says_where_it_was_cut(session: Session) -> None:
    customer = make_customer(session, name="=cmd()|calc")
    made = grants(session, customer, [1, 2, 3])[::-1]
    lines = list(csv.DictReader(io.StringIO(export_transfers(session, only(customer)))))
    assert [int(line["id"]) for line in lines] == made
    # A spreadsheet must not take a name for a formula.
    assert {line["customer"] for line in lines} == {"'=cmd()|calc"}
    assert lines[0]["at"].endswith("+00:00")
    cut = export_transfers(session, only(customer), most=2).splitlines()
    assert len(cut) == 4
    assert cut[-1].startswith("Only the newest 2")


def test_a_trace_shows_every_step_to_where_the_credits_rest(session: Session) -> None:
    case = paid(session, 6)
    found = trace(session, case.generation_id)
    assert (found.charged, found.in_flight, found.kept, found.returned) == (10, 0, 4, 6)
    way = [(step.transfer.kind, step.transfer.from_name, step.transfer.to_name) for step in found.steps]
    assert way == [
        ("charge", "Wallet", "In flight"),
        ("refund", "In flight", "Wallet"),
        ("capture", "In flight", "Revenue"),
    ]
    told = [step.told for step in found.steps]
    assert told[0] is None
    assert told[1] is not None
    assert told[1].proof.holds
    assert [step.transfer.case_id for step in found.steps] == [None, case.id, case.id]
    assert [each.id for each in found.cases] == [case.id]


def test_a_preview_has_no_trace(session: Session) -> None:
    with pytest.raises(NotFound, match="never charged"):
        trace(session, 10**9)


def test_a_running_generation_has_its_credits_in_flight(session: Session) -> None:
    assert trace(session, charged(session, rich(session))).in_flight == 10


def test_a_number_stands_for_everything_that_has_it(session: Session) -> None:
    case = paid(session)
    found = look_up(session, f"case {case.id}")
    assert [(hit.what, hit.id, hit.generation_id) for hit in found] == [
        (Found.CASE, case.id, case.generation_id)
    ]
    assert Found.GENERATION in {hit.what for hit in look_up(session, f"  #{case.generation_id} ")}
    kinds = {hit.what for hit in look_up(session, str(case.customer_id))}
    assert Found.CUSTOMER in kinds


def test_a_key_and_a_reference_are_found_exactly(session: Session) -> None:
    case = paid(session)
    [hit] = look_up(session, f"charge:{case.generation_id}")
    assert (hit.what, hit.generation_id) == (Found.TRANSFER, case.generation_id)
    customer = session.get_one(Customer, case.customer_id)
    assert [hit.id for hit in look_up(session, customer.reference)] == [customer.id]


@pytest.mark.parametrize("words", ["", "   ", "no such thing", "9" * 19, "case 99999999", "'; DROP", "%"])
def test_what_is_not_there_is_not_found(session: Session, words: str) -> None:
    assert look_up(session, words) == []


def test_a_receipt_follows_from_the_line_before_it(session: Session) -> None:
    customer = rich(session, 1_000)
    case = paid(session, customer=customer)
    [receipt] = receipts(session, customer.id)
    proof = verify(session, receipt)
    assert proof.holds
    assert (proof.version, proof.hash) == (3, receipt.entry_hash.hex())
    previous = session.execute(
        text(
            "SELECT hash FROM entry e JOIN account a ON a.id = e.account_id"
            " WHERE a.customer_id = :customer AND e.version = 2"
        ),
        {"customer": customer.id},
    ).scalar_one()
    assert proof.previous == previous.hex()
    assert receipt.case_id == case.id


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("UPDATE transfer SET reason = 'another' WHERE id = :t", "changed after it was written"),
        ("UPDATE entry SET balance_after = 5000 WHERE transfer_id = :t AND version > 0", "changed after"),
        ("DELETE FROM entry WHERE transfer_id = :t", "no line of transfer"),
        ("UPDATE customer_receipt SET amount = 9 WHERE transfer_id = :t", "says something else"),
        ("UPDATE customer_receipt SET entry_hash = '\\x00' WHERE transfer_id = :t", "another line"),
        ("DELETE FROM entry WHERE transfer_id < :t AND version = 2", "line before it is missing"),
    ],
)
def test_a_receipt_of_edited_books_does_not_hold(session: Session, change: str, problem: str) -> None:
    case = paid(session)
    session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    given = {"t": session.scalars(select(CustomerReceipt.transfer_id)).all()[-1]}
    with session.begin_nested() as edited:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(text(change), given)
        session.expire_all()
        [receipt] = receipts(session, case.customer_id)
        assert problem in (verify(session, receipt).problem or "")
        edited.rollback()


def test_what_a_customer_was_told_cannot_be_changed_and_is_delivered_once(session: Session) -> None:
    case = paid(session)
    [receipt] = receipts(session, case.customer_id)
    assert receipt.id in [each.id for each in undelivered(session, limit=1_000)]
    with pytest.raises(DBAPIError, match="is refused"), session.begin_nested():
        session.execute(text("UPDATE customer_receipt SET sentence = 'x' WHERE id = :id"), {"id": receipt.id})
    assert mark_delivered(session, [receipt.id]) == 1
    assert mark_delivered(session, [receipt.id]) == 0
    assert receipt.id not in [each.id for each in undelivered(session, limit=1_000)]


def test_two_that_deliver_at_once_get_different_receipts(database: Database) -> None:
    with database.transaction() as session:
        for _ in range(2):
            paid(session)
    with database.transaction() as first, database.transaction() as second:
        mine, theirs = undelivered(first, limit=1), undelivered(second, limit=10)
        assert len(mine) == len(theirs) == 1
        assert mine[0].id != theirs[0].id


def test_all_accounts_together_hold_nothing(session: Session) -> None:
    before = totals(session)
    paid(session, 6)
    held = totals(session)
    assert held.difference == 0
    assert held.system["revenue"] - before.system["revenue"] == 4
    assert held.wallets - before.wallets == 996


def test_a_number_within_references_does_not_find_them_but_a_whole_one_does(session: Session) -> None:
    customer = make_customer(session, reference="88001234")
    make_customer(session, reference="880012345")
    assert [hit.id for hit in look_up(session, "88001234")] == [customer.id]
