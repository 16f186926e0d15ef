"""The database itself refuses what must never happen, whoever asks."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from core.foundation.database import Database
from core.ledger import moves as ledger
from core.ledger import views
from core.refunds import deciding, opening
from tests.support.cases import case_of, failed_case, reviewer
from tests.support.factories import make_customer, make_generation
from tests.support.wallets import charged, ended, rich

BY_HAND = """
INSERT INTO transfer (key, kind, from_account, to_account, amount, actor, reason)
SELECT 'by hand', 'grant', house_account('issued'), id, 5, 'Sam', 'r'
FROM account WHERE customer_id IS NOT DISTINCT FROM :customer AND kind IN ('wallet', 'revenue')"""


def refused(session: Session, sql: str, **values: object) -> str | None:
    """The SQLSTATE with which a statement is refused; None when it was not."""
    try:
        with session.begin_nested():
            session.execute(text(sql), values)
            session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
            session.execute(text("SET CONSTRAINTS ALL DEFERRED"))
    except DBAPIError as exc:
        return str(getattr(exc.orig, "sqlstate", ""))
    return None


def post(session: Session, key: str, kind: str, amount: int | None = None, **references: int) -> str | None:
    named = "".join(f", p_{name} => {number}" for name, number in references.items())
    return refused(
        session,
        f"SELECT * FROM post_transfer(:key, :kind, 'Sam', 'r', cast(:amount AS bigint){named})",  # noqa: S608
        key=key,
        kind=kind,
        amount=amount,
    )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE transfer SET actor = 'nobody'",
        "DELETE FROM transfer",
        "TRUNCATE transfer CASCADE",
        "UPDATE entry SET amount = amount",
        "DELETE FROM entry",
        "TRUNCATE entry",
        "UPDATE account SET customer_id = NULL, kind = 'revenue'",
        "DELETE FROM account",
        "TRUNCATE account CASCADE",
        "DELETE FROM wallet_balance",
        "TRUNCATE wallet_balance",
        "DELETE FROM charge",
        "TRUNCATE charge CASCADE",
        "DELETE FROM generation",
    ],
)
def test_what_was_written_is_never_changed(database: Database, statement: str) -> None:
    with database.transaction() as session:
        charged(session, rich(session))
    with database.transaction() as session:
        assert refused(session, statement) == "IK001"


@pytest.mark.parametrize(
    "legs", ["('issued', 5)", "('issued', 5), ('goodwill', -5)"], ids=["a third one", "two that sum to zero"]
)
def test_no_leg_is_added_to_a_transfer(session: Session, legs: str) -> None:
    number = charged(session, rich(session))
    insert = f"""
        INSERT INTO entry (transfer_id, account_id, amount)
        SELECT t.id, house_account(legs.kind), legs.amount
        FROM transfer t, (VALUES {legs}) AS legs (kind, amount) WHERE t.key = :key"""  # noqa: S608
    assert refused(session, insert, key=f"charge:{number}") == "IK002"


def test_a_transfer_written_by_hand_is_entered_like_any_other(session: Session) -> None:
    customer = rich(session, 100)
    assert refused(session, BY_HAND, customer=customer.id) is None
    assert ledger.balance(session, customer_id=customer.id) == 105
    named = "SELECT id FROM transfer WHERE key = 'by hand'"
    entered = session.execute(text(f"SELECT amount, version FROM entry WHERE transfer_id = ({named})"))  # noqa: S608
    assert sorted(map(tuple, entered)) == [(-5, None), (5, 2)]


def test_what_no_wallet_takes_part_in_is_no_grant(session: Session) -> None:
    assert refused(session, BY_HAND, customer=None) == "IK005"


def test_a_key_is_never_used_for_another_transfer(session: Session) -> None:
    customer, other = rich(session), rich(session, name="Eve")
    assert post(session, "k", "grant", 5, customer=customer.id) is None
    assert post(session, "k", "grant", 5, customer=customer.id) is None
    assert post(session, "k", "grant", 6, customer=customer.id) == "IK003"
    assert post(session, "k", "grant", 5, customer=other.id) == "IK003"
    assert ledger.balance(session, customer_id=customer.id) == 105


def test_a_wallet_is_never_overdrawn(session: Session) -> None:
    customer = rich(session, 4)
    assert refused(session, "UPDATE wallet_balance SET balance = -1") == "23514"
    grant = session.execute(text("SELECT id FROM transfer")).scalar_one()
    assert post(session, "x", "grant", 5, customer=customer.id) is None
    charged(session, customer, 7)
    assert post(session, f"reverse:{grant}", "reversal", reverses=grant) == "IK005"


def test_a_charge_is_settled_once_whatever_the_key(session: Session) -> None:
    customer = rich(session)
    kept = ended(session, charged(session, customer), "succeeded")
    returned = ended(session, charged(session, customer), "failed")
    case = case_of(session, returned).id
    assert post(session, "a", "capture", generation=kept) == "IK006"
    assert post(session, "b", "refund", generation=kept, case=case) == "IK006"
    assert post(session, "c", "refund", generation=returned, case=case) == "IK006"
    assert post(session, "d", "capture", generation=returned) == "IK006"
    charge = {"generation": kept, "customer": customer.id}
    assert post(session, "e", "charge", 10, **charge) == "23505"
    assert ledger.balance(session, customer_id=customer.id) == 90


def test_no_more_than_the_charge_comes_back(session: Session) -> None:
    case = failed_case(session)
    named = {"generation": case.generation_id, "case": case.id}
    assert post(session, "a", "refund", 11, **named) == "IK006"
    session.execute(text("SET LOCAL session_replication_role = replica"))
    for counters in (
        "refunded = 11",
        "refunded = -1",
        "captured = 11",
        "captured = -1",
        "captured = 10, refunded = 1",
        "goodwill = 11",
        "goodwill = -1",
        "goodwill = 8, refunded = 3",
    ):
        assert refused(session, f"UPDATE charge SET {counters}") == "23514", counters  # noqa: S608


def test_no_charge_is_written_without_its_transfer(session: Session) -> None:
    customer = rich(session)
    charged(session, customer)
    free = make_generation(session, customer=customer, credits=10).id
    opened = f"INSERT INTO charge (generation_id, customer_id, amount) VALUES ({free}, {customer.id}, 10)"  # noqa: S608
    for statement in (
        opened,
        "UPDATE charge SET captured = 10",
        "UPDATE charge SET customer_id = customer_id",
    ):
        assert refused(session, statement) == "IK002", statement


@pytest.mark.parametrize(("kind", "state"), [("charge", "23505"), ("refund", "IK010")])
def test_two_charges_of_a_generation_or_payments_of_a_case_cannot_both_be_written(
    session: Session, kind: str, state: str
) -> None:
    """Not even where the charge would allow it: each payment of a case has the key of that case."""
    case, sue = failed_case(session, price=20), reviewer(session)
    deciding.approve(
        session, actor=sue, case_id=case.id, seen_seq=case.seq, amount=8, reason_code="our_fault"
    )
    session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    session.execute(text("SET LOCAL session_replication_role = replica"))
    session.execute(text("UPDATE charge SET captured = 0"))
    session.execute(text("SET LOCAL session_replication_role = origin"))
    copy = """
        INSERT INTO transfer
            (key, kind, from_account, to_account, amount, generation_id, case_id,
             actor, reason)
        SELECT 'again', kind, from_account, to_account, amount, generation_id, case_id,
            actor, 'r'
        FROM transfer WHERE kind = :kind"""
    assert refused(session, copy, kind=kind) == state


def test_a_refund_has_a_case(session: Session) -> None:
    number = charged(session, rich(session))
    assert post(session, "a", "refund", generation=number) == "23514"
    assert post(session, "b", "goodwill", generation=number) == "23514"
    delivered = ended(session, charged(session, rich(session)), "succeeded")
    assert post(session, "c", "goodwill", generation=delivered, case=999_999) == "IK010"


def test_what_a_case_did_not_decide_is_not_paid_by_hand(session: Session) -> None:
    """Whole or in part, by its own kind or the other one, for its own generation or another one."""
    case = failed_case(session)
    named = {"generation": case.generation_id, "case": case.id}
    other = {"generation": ended(session, charged(session, rich(session)), "succeeded"), "case": case.id}
    assert post(session, "a", "refund", 4, **named) == "IK010"
    assert post(session, "b", "goodwill", 4, **named) == "IK010"
    assert post(session, "c", "goodwill", 4, **other) == "IK010"
    assert post(session, "d", "capture", 4, **named) == "IK009"
    assert ledger.balance(session, customer_id=case.customer_id) == 990


def test_a_goodwill_is_not_taken_back_past_its_case(session: Session) -> None:
    sue = reviewer(session)
    number = ended(session, charged(session, rich(session)), "succeeded")
    case = opening.open_goodwill(session, actor=sue, generation_id=number, amount=4, note="n", key="k")
    deciding.approve(
        session, actor=sue, case_id=case.id, seen_seq=case.seq, amount=4, reason_code="poor_quality"
    )
    session.flush()
    paid = session.execute(text("SELECT id FROM transfer WHERE kind = 'goodwill'")).scalar_one()
    back = {"generation": number, "reverses": paid}
    assert post(session, "a", "reversal", **back) == "IK010"
    assert post(session, "b", "reversal", **back, case=case.id) == "IK010"


def test_a_key_that_is_used_again_counts_nothing_twice(session: Session) -> None:
    """The charge's caps are raised before the key is known to be used: then they come down again."""
    sue = reviewer(session)
    number = ended(session, charged(session, rich(session)), "succeeded")
    case = opening.open_goodwill(session, actor=sue, generation_id=number, amount=4, note="n", key="k")
    deciding.approve(
        session, actor=sue, case_id=case.id, seen_seq=case.seq, amount=4, reason_code="poor_quality"
    )
    session.flush()
    key = f"refund:case:{case.id}"
    assert post(session, key, "goodwill", 4, generation=number, case=case.id) is None
    assert post(session, key, "goodwill", 5, generation=number, case=case.id) == "IK003"
    counted = session.execute(text("SELECT captured, refunded, goodwill FROM charge")).one()
    assert tuple(counted) == (10, 0, 4)


def test_credits_stay_in_flight_until_the_generation_and_its_case_are_decided(session: Session) -> None:
    running = charged(session, rich(session))
    assert post(session, "a", "capture", generation=running) == "IK009"
    case = failed_case(session)
    named = {"generation": case.generation_id, "case": case.id}
    assert post(session, "b", "capture", **named) == "IK009"
    assert post(session, "c", "refund", **named) == "IK010"


def test_a_charge_comes_from_the_customer_of_its_generation(session: Session) -> None:
    stranger = rich(session, name="Eve")
    number = charged(session, rich(session))
    assert post(session, "a", "charge", 10, customer=stranger.id, generation=number) == "IK007"
    assert post(session, "b", "refund", customer=stranger.id, generation=number) == "IK007"
    assert post(session, "c", "capture", generation=number + 1) == "IK007"


def test_a_grant_is_reversed_once(session: Session) -> None:
    customer = rich(session, 50)
    grant = session.execute(text("SELECT id FROM transfer")).scalar_one()
    assert post(session, "r1", "reversal", reverses=grant) is None
    assert ledger.balance(session, customer_id=customer.id) == 0
    assert views.account_totals(session)["issued"] == 0
    assert post(session, "r1", "reversal", reverses=grant) is None
    assert post(session, "r2", "reversal", reverses=grant) == "23505"


def test_neither_a_charge_nor_a_reversal_is_reversed(session: Session) -> None:
    customer = rich(session, 50)
    grant = session.execute(text("SELECT id FROM transfer")).scalar_one()
    number = charged(session, customer)
    charge = session.execute(text("SELECT max(id) FROM transfer")).scalar_one()
    assert post(session, "r1", "reversal", reverses=charge) == "IK008"
    assert post(session, "r2", "reversal", reverses=charge + 1000) == "IK008"
    assert post(session, "r3", "reversal", 49, reverses=grant) == "IK008"
    ended(session, number, "canceled")
    assert post(session, "r4", "reversal", reverses=grant) is None
    reversal = session.execute(text("SELECT max(id) FROM transfer")).scalar_one()
    assert post(session, "r5", "reversal", reverses=reversal) == "IK008"


def test_goodwill_goes_to_the_wallet_that_was_charged(session: Session) -> None:
    customer = rich(session, 50)
    number = ended(session, charged(session, customer), "succeeded")
    sue = reviewer(session)
    case = opening.open_goodwill(session, actor=sue, generation_id=number, amount=4, note="n", key="k")
    deciding.approve(
        session, actor=sue, case_id=case.id, seen_seq=case.seq, amount=4, reason_code="poor_quality"
    )
    assert ledger.balance(session, customer_id=customer.id) == 44
    assert views.account_totals(session)["goodwill"] == -4


@pytest.mark.parametrize(
    ("kind", "actor", "reason", "amount", "state"),
    [
        ("gift", "Sam", "r", 5, "23514"),
        ("grant", " ", "r", 5, "23514"),
        ("grant", "Sam", None, 5, "23514"),
        ("grant", "Sam", "", 5, "23514"),
        ("grant", "Sam", "r", 0, "23514"),
        ("grant", "Sam", "r", -5, "23514"),
        ("grant", "Sam", "r", None, "23502"),
    ],
)
def test_a_transfer_says_who_what_and_why(
    session: Session, kind: str, actor: str, reason: str | None, amount: int | None, state: str
) -> None:
    customer = rich(session)
    call = "SELECT * FROM post_transfer('k', :kind, :actor, :reason, cast(:amount AS bigint), :customer)"
    values = {"kind": kind, "actor": actor, "reason": reason, "amount": amount}
    assert refused(session, call, customer=customer.id, **values) == state


def test_nothing_is_granted_to_who_has_no_wallet(session: Session) -> None:
    assert post(session, "k", "grant", 5, customer=make_customer(session).id) == "IK004"


@pytest.mark.parametrize(
    ("kind", "target", "generation", "reverses"),
    [
        ("grant", 1, None, None),
        ("grant", 2, 7, None),
        ("capture", 2, None, None),
        ("goodwill", 2, None, None),
        ("reversal", 2, None, None),
        ("grant", 2, None, 7),
    ],
)
def test_a_transfer_names_two_accounts_and_what_its_kind_is_about(
    session: Session, kind: str, target: int, generation: int | None, reverses: int | None
) -> None:
    session.execute(text("SET LOCAL session_replication_role = replica"))
    insert = """
        INSERT INTO transfer (key, kind, from_account, to_account, amount,
                              generation_id, reverses_id, actor, reason)
        VALUES ('by hand', :kind, 1, :target, 5, :generation, :reverses, 'Sam', 'r')"""
    values = {"kind": kind, "target": target, "generation": generation, "reverses": reverses}
    assert refused(session, insert, **values) == "23514"
    values = {"kind": "grant", "target": 2, "generation": None, "reverses": None}
    assert refused(session, insert, **values) is None


def test_two_entries_of_a_wallet_never_bear_the_same_number(session: Session) -> None:
    rich(session)
    session.execute(text("SET LOCAL session_replication_role = replica"))
    copy = """
        INSERT INTO entry SELECT transfer_id + 1000, account_id, amount, version, balance_after, hash
        FROM entry WHERE version IS NOT NULL"""
    assert refused(session, copy) == "23505"


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ("('wallet', {customer})", "23505"),
        ("('revenue', NULL)", "23505"),
        ("('wallet', NULL)", "23514"),
        ("('revenue', {other})", "23514"),
        ("('pocket', NULL)", "23514"),
    ],
)
def test_a_customer_has_one_wallet_and_the_house_one_account_of_each_kind(
    session: Session, values: str, state: str
) -> None:
    row = values.format(customer=rich(session).id, other=make_customer(session).id)
    assert refused(session, f"INSERT INTO account (kind, customer_id) VALUES {row}") == state  # noqa: S608
