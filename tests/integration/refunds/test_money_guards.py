"""Every constraint, trigger and unique index on the tables of money is needed: alone it refuses a bad write,
and without it the write goes through. One that is dropped, or added without a bad write, turns a test red.
"""

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from core.classification.taxonomy import FailureClass
from core.desks.refunds import claims
from core.foundation.database import Database
from core.ledger import moves as ledger
from core.refunds import deciding, intents, opening, reversing
from core.tables.ledger import Transfer
from core.tables.refunds import CustomerReceipt
from tests.support import by_hand
from tests.support.cases import delivered, failed_case, reviewer
from tests.support.wallets import charged, rich

pytestmark = pytest.mark.slow

LEDGER = "account wallet_balance charge transfer entry"
DECISIONS = (
    "compensation_case case_log case_approval case_state case_edge case_intent case_viewer double_review"
)
RULES = "refund_budget refund_policy refund_policy_activation policy_decision customer_receipt"
TABLES = [*LEDGER.split(), *DECISIONS.split(), *RULES.split()]

# One row of a table, so that a write breaks one promise and not the uniqueness of several rows.
ONE = "ctid = (SELECT ctid FROM {table} WHERE {where} LIMIT 1)"


def one(change: str, where: str = "true") -> str:
    """An UPDATE of one row: `table SET ...`."""
    table = change.split(maxsplit=1)[0]
    return f"UPDATE {change} WHERE {ONE.format(table=table, where=where)}"


CHECKS = {
    "account_kind_known": one("account SET kind = 'pocket'", "kind = 'goodwill'"),
    "account_wallets_owned": one("account SET customer_id = NULL", "kind = 'wallet'"),
    "wallet_balance_not_negative": one("wallet_balance SET balance = -1"),
    "compensation_case_amount_within": one("compensation_case SET amount = requested + 1", "amount > 0"),
    "compensation_case_approvals_known": one("compensation_case SET required_approvals = 3"),
    "compensation_case_class_told": one("compensation_case SET failure_class = NULL", "kind = 'failure'"),
    "compensation_case_closed_when": one("compensation_case SET closed_at = NULL", "state = 'denied'"),
    "compensation_case_kind_known": one("compensation_case SET kind = 'gift'", "kind = 'failure'"),
    "compensation_case_paid_amount": one("compensation_case SET amount = NULL", "state = 'approved'"),
    "compensation_case_requested_positive": one("compensation_case SET requested = 0", "state = 'pending'"),
    "case_log_actor_told": one("case_log SET actor = ' '"),
    "case_log_begins": one("case_log SET from_state = 'pending'", "seq = 1"),
    "case_log_seq_positive": one("case_log SET seq = 0", "seq = 2"),
    "case_log_staff_told": one("case_log SET staff_id = NULL", "actor_kind = 'staff'"),
    "case_approval_amount_positive": one("case_approval SET amount = 0"),
    "case_edge_actor_known": one("case_edge SET actor_kind = 'ghost'"),
    "refund_budget_credits_within": one("refund_budget SET used = credit_cap + 1"),
    "refund_budget_refunds_within": one("refund_budget SET refunds = refund_cap + 1"),
    "refund_policy_activation_reason_told": one("refund_policy_activation SET reason = ' '"),
    "policy_decision_outcome_known": one("policy_decision SET outcome = 'maybe'"),
    "case_intent_amount_positive": one("case_intent SET amount = 0"),
    "case_intent_decision_known": one("case_intent SET decision = 'maybe'"),
    "double_review_first_known": one("double_review SET first_outcome = 'maybe'"),
    "double_review_second_known": one("double_review SET second_outcome = 'maybe'"),
    "double_review_two_people": one("double_review SET second_staff_id = first_staff_id"),
    "double_review_whole": one("double_review SET second_outcome = NULL"),
}

# One guard over several promises: each of these breaks another one of them.
MORE = {
    "transfer_told": [
        one("transfer SET actor = ' '"),
        one("transfer SET amount = 0"),
        one("transfer SET to_account = from_account"),
        one("transfer SET generation_id = NULL", "kind = 'charge'"),
        one("transfer SET kind = 'gift'", "kind = 'refund'"),
        one("transfer SET reason = NULL", "kind = 'grant'"),
        one("transfer SET reverses_id = NULL", "kind = 'reversal'"),
        one("transfer SET case_id = NULL", "kind = 'refund'"),
    ],
    "charge_told": [
        one("charge SET (amount, captured, refunded, goodwill) = (0, 0, 0, 0)"),
        one("charge SET captured = -1", "refunded = 0"),
        one("charge SET refunded = -1", "captured = 0"),
        one("charge SET goodwill = -1", "refunded = 0"),
        one("charge SET captured = 11", "amount = 10 AND refunded = 0"),
        one("charge SET goodwill = 11", "amount = 10 AND refunded = 0"),
        one("charge SET (captured, refunded) = (6, 6)", "amount = 10 AND goodwill = 0"),
        one("charge SET (captured, refunded, goodwill) = (0, 6, 6)", "amount = 10"),
    ],
}

# Foreign keys over several columns, or of some rows only; every other one gets a number that nobody has.
KEYS = {
    "case_log_edge_fkey": one(
        "case_log SET (actor_kind, staff_id) = ('clock', NULL)", "to_state = 'approved'"
    ),
    "case_log_goes_on": one("case_log SET seq = seq + 5", "seq = 2"),
    "compensation_case_logged": one("compensation_case SET seq = seq + 1"),
    "compensation_case_state_fkey": one("compensation_case SET state = 'nowhere'", "state = 'denied'"),
    "case_edge_from_state_fkey": one("case_edge SET from_state = 'nowhere'"),
    "case_edge_to_state_fkey": one("case_edge SET to_state = 'nowhere'"),
    "transfer_reverses_id_fkey": one("transfer SET reverses_id = 999999999", "kind = 'reversal'"),
    "case_log_staff_id_fkey": one("case_log SET staff_id = 999999999", "actor_kind = 'staff'"),
    "account_customer_id_fkey": one("account SET customer_id = 999999999", "kind = 'wallet'"),
}

# A row that falls under the index, to be written twice.
TWINS = {
    "account_system_kind": "customer_id IS NULL",
    "account_customer_id_key": "kind = 'wallet'",
    "compensation_case_one_open": "closed_at IS NULL",
    "entry_account_id_version": "version IS NOT NULL",
    "transfer_reversed_once": "kind = 'reversal'",
}

TRIGGERS = {
    "charge_terms_stay": one("charge SET amount = amount + 1"),
    "compensation_case_terms_stay": one("compensation_case SET requested = requested + 1"),
    "compensation_case_paid": one(
        "compensation_case SET (state, amount, closed_at) = ('approved', 5, now())", "state = 'pending'"
    ),
    "customer_receipt_terms_stay": one("customer_receipt SET amount = amount + 1"),
    "customer_receipt_delivered_once": one(
        "customer_receipt SET delivered_at = now() + interval '1 hour'", "delivered_at IS NOT NULL"
    ),
    "wallet_balance_owner_stays": one("wallet_balance SET account_id = account_id + 1000000"),
}

# A payment that is not reversed, and a case that nobody has decided.
PAID = "FROM transfer t WHERE kind = 'refund'"
WAITING = "FROM compensation_case k WHERE state = 'pending'"
RUNNING = "FROM generation WHERE state NOT IN ('succeeded', 'failed', 'canceled')"
# A trigger that holds several promises: each of these breaks another one of them.
SEVERAL = {
    "entry_by_transfer": [
        by_hand.leg("max(id)", -1, 5) + " FROM transfer",
        by_hand.leg("max(id) + 1000", 1, 5) + " FROM transfer",
        by_hand.transfer("grant", legs="(1, -5), (2, 4)"),
        by_hand.transfer("grant", legs="(1, 5), (2, -5)"),
    ],
    "charge_by_transfer": [
        one("charge SET captured = amount", "captured + refunded = 0"),
        "INSERT INTO charge SELECT 999999999, id, 10 FROM customer LIMIT 1",
    ],
    "transfer_entered": [
        by_hand.transfer("grant", legs=""),
        by_hand.transfer(
            "reversal", generation="generation_id", reverses="id", legs="", of=f"{PAID} LIMIT 1"
        ),
        by_hand.transfer("charge", generation="999999999", legs=""),
        by_hand.transfer("capture", generation="id", legs="", of=f"{RUNNING} LIMIT 1"),
        by_hand.transfer("capture", generation="generation_id", legs="", of=f"{WAITING} LIMIT 1"),
        by_hand.transfer(
            "clawback", generation="generation_id + 1", case="id", legs="", of=f"{WAITING} LIMIT 1"
        ),
        by_hand.transfer("goodwill", generation="generation_id", case="id", legs="", of=f"{WAITING} LIMIT 1"),
        by_hand.transfer("refund", generation="generation_id", case="id", legs="", of=f"{WAITING} LIMIT 1"),
    ],
    "transfer_taken_back": [
        by_hand.transfer(
            "reversal", generation="generation_id", reverses="id", case="case_id", of=f"{PAID} LIMIT 1"
        ),
    ],
}

GUARDS = """
SELECT conrelid::regclass::text AS "table", conname AS name, CASE contype WHEN 't' THEN 'trigger'
       WHEN 'c' THEN 'check' WHEN 'f' THEN 'key' ELSE 'unique' END AS kind
FROM pg_constraint WHERE contype IN ('c','f','p','t','u') AND conrelid = ANY (CAST(:tables AS regclass[]))
UNION ALL SELECT tgrelid::regclass::text, tgname, 'trigger' FROM pg_trigger
WHERE NOT tgisinternal AND tgconstraint = 0 AND tgrelid = ANY (CAST(:tables AS regclass[]))
UNION ALL SELECT i.indrelid::regclass::text, c.relname, 'unique'
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indisunique AND i.indrelid = ANY (CAST(:tables AS regclass[]))
  AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid AND contype IN ('p','u'))
"""
COLUMNS = """
SELECT attname FROM pg_attribute
WHERE attrelid = CAST(:table AS regclass) AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
"""


def guards(session: Session) -> dict[str, tuple[str, str]]:
    """Each guard's table and kind, as the database has them."""
    rows = session.execute(text(GUARDS), {"tables": TABLES})
    return {row.name: (row.table, row.kind) for row in rows}


def everything(session: Session) -> None:
    """At least one row in every table of money, and of every sort that a bad write below begins with."""
    sue, amir = reviewer(session, "Sue"), reviewer(session, "Amir", "approver")
    waiting = failed_case(session)
    claims.looks_at(session, actor=sue, case_id=waiting.id)
    intents.intend(
        session,
        actor=sue,
        case_id=waiting.id,
        seen_seq=waiting.seq,
        decision="approve",
        amount=10,
        reason_code="our_fault",
    )
    paid, denied = failed_case(session), failed_case(session)
    deciding.approve(
        session, actor=sue, case_id=paid.id, seen_seq=paid.seq, amount=10, reason_code="our_fault"
    )
    deciding.deny(session, actor=sue, case_id=denied.id, seen_seq=denied.seq, reason_code="other_denied")
    failed_case(session, failure_class=FailureClass.TIMEOUT)  # by the policy, within its limits
    kind = opening.open_goodwill(
        session, actor=sue, generation_id=delivered(session), amount=4, note="n", key="k"
    )
    deciding.approve(
        session, actor=amir, case_id=kind.id, seen_seq=kind.seq, amount=4, reason_code="poor_quality"
    )
    reversing.reverse_case(
        session, actor=amir, case_id=kind.id, seen_seq=kind.seq, reason="mistake", asked_by=sue.id
    )
    charged(session, rich(session))
    session.execute(
        text(
            "INSERT INTO double_review (case_id, first_staff_id, first_outcome, second_staff_id,"
            " second_outcome, reviewed_at) VALUES (:case, :sue, 'approved', :amir, 'denied', now())"
        ),
        {"case": paid.id, "sue": sue.id, "amir": amir.id},
    )
    grant = session.scalars(select(Transfer.id).where(Transfer.kind == "grant")).first()
    assert grant is not None
    ledger.reverse(session, transfer_id=grant, actor="Sam", reason="typed wrongly")
    session.execute(update(CustomerReceipt).values(delivered_at=func.now()))
    session.flush()
    session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))


def refused(session: Session, sql: str) -> tuple[str, str] | None:
    """By which SQLSTATE and which constraint a write is refused; None when it went through. Never kept."""
    held = session.begin_nested()
    try:
        with session.begin_nested():
            done = session.execute(text(sql))
            assert done.rowcount != 0, "the write found no row to begin with"  # type: ignore[attr-defined]
            session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    except DBAPIError as exc:
        return str(exc.orig.sqlstate), str(exc.orig.diag.constraint_name)  # type: ignore[union-attr]
    finally:
        held.rollback()
    return None


def drop(session: Session, table: str, name: str, kind: str) -> None:
    if kind == "trigger":
        session.execute(text(f"DROP TRIGGER {name} ON {table}"))
    elif name in TWINS and not name.endswith("_key"):
        session.execute(text(f"DROP INDEX {name}"))
    else:
        session.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT {name} CASCADE"))


def leave_alone(session: Session, table: str, name: str, kind: str) -> None:
    """Take every other guard out of the way that would refuse the same write."""
    known = guards(session)
    if kind == "trigger":
        # All tables: a TRUNCATE goes on to whatever refers to the first one.
        for other in session.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")):
            session.execute(text(f"ALTER TABLE {other} DISABLE TRIGGER ALL"))
        session.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER {name}"))
        return
    for other in TABLES:
        session.execute(text(f"ALTER TABLE {other} DISABLE TRIGGER USER"))
    for other, (its_table, its_kind) in known.items():
        same = its_kind == "key" if kind != "unique" else its_table == table and its_kind == "unique"
        if other != name and same and other in guards(session):
            drop(session, its_table, other, its_kind)
    if kind == "unique":
        leave_alone(session, table, name, "check")


def bad_writes(session: Session, table: str, name: str, kind: str) -> list[str]:
    several = MORE | SEVERAL
    return several[name] if name in several else [bad_write(session, table, name, kind)]


def bad_write(session: Session, table: str, name: str, kind: str) -> str:
    if name.endswith("_no_truncate"):
        return f"TRUNCATE {table} CASCADE"
    if name.endswith("_kept"):
        return f"DELETE FROM {table}"  # noqa: S608
    known = CHECKS | KEYS | TRIGGERS
    if name in known:
        return known[name]
    if kind == "key":
        column = session.execute(
            text(
                "SELECT a.attname FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid"
                " AND a.attnum = c.conkey[1] WHERE c.conname = :name"
            ),
            {"name": name},
        ).scalar_one()
        return one(f"{table} SET {column} = 999999999")
    columns = ", ".join(session.scalars(text(COLUMNS), {"table": table}))
    row = TWINS.get(name, "true")
    return (
        f"INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE"  # noqa: S608
        f" SELECT {columns} FROM {table} WHERE {row} LIMIT 1"
    )


@pytest.mark.parametrize("table", TABLES)
def test_each_guard_of_a_table_refuses_what_nothing_else_does(shared_database: Database, table: str) -> None:
    with shared_database.sessions() as session:
        everything(session)
        mine = {name: kind for name, (where, kind) in guards(session).items() if where == table}
        for name, kind in mine.items():
            tried = session.begin_nested()
            leave_alone(session, table, name, kind)
            writes = bad_writes(session, table, name, kind)
            for write in writes:
                by = refused(session, write)
                assert by is not None, f"{name} lets through: {write}"
                assert by[1] == name or (kind == "trigger" and by[0].startswith("IK")), (by, write)
            drop(session, table, name, kind)
            for write in writes:
                assert refused(session, write) is None, f"without {name}: {write}"
            tried.rollback()
        session.rollback()


def test_every_bad_write_is_of_a_guard_that_is_there(session: Session) -> None:
    known = guards(session)
    assert {*CHECKS, *MORE, *KEYS, *TRIGGERS, *SEVERAL, *TWINS} <= set(known)
    assert {name for name, (_, kind) in known.items() if kind == "check"} == {*CHECKS, *MORE}
