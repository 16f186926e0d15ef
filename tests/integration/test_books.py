"""Every rule of the books is proven to fire: a fault is planted past the triggers, as a superuser could."""

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from core.credits.books import RULES, check_books
from core.credits.models import Account
from tests.support.factories import make_generation
from tests.support.wallets import charged, ended, rich

COPY_TRANSFER = """
INSERT INTO transfer (key, request_hash, kind, from_account, to_account, amount, generation_id, reverses_id,
                      actor, reason)
SELECT key || '-again', request_hash, {kind}, from_account, to_account, amount, generation_id, reverses_id,
       actor, coalesce(reason, 'r') FROM transfer WHERE {which}"""

# The names in braces are those of `ledger_with_everything`.
PLANTS = {
    "unbalanced_transfer": [
        "DELETE FROM entry WHERE transfer_id = {charge} AND account_id = {in_flight}",
        "UPDATE entry SET amount = amount + 1 WHERE transfer_id = {charge} AND account_id = {in_flight}",
        "UPDATE entry SET account_id = {revenue} WHERE transfer_id = {charge} AND account_id = {in_flight}",
        "UPDATE transfer SET amount = amount + 1 WHERE id = {charge}",
        "DELETE FROM entry WHERE transfer_id = {charge}",
    ],
    "stray_entry": [
        "INSERT INTO entry (transfer_id, account_id, amount) VALUES (999999, {issued}, 5)",
        "UPDATE entry SET account_id = 999999 WHERE transfer_id = {capture} AND account_id = {revenue}",
    ],
    "not_conserved": ["INSERT INTO entry (transfer_id, account_id, amount) VALUES (999999, {issued}, 5)"],
    "wrong_accounts": [
        "UPDATE transfer SET to_account = {clawback} WHERE id = {capture}",
        "UPDATE transfer SET to_account = 999999 WHERE id = {capture}",
    ],
    "edited_request": ["UPDATE transfer SET amount = amount + 1 WHERE id = {capture}"],
    "reversal_no_mirror": [
        "UPDATE transfer SET amount = amount + 1 WHERE kind = 'reversal'",
        "UPDATE transfer SET to_account = {revenue} WHERE kind = 'reversal'",
        "UPDATE transfer SET reverses_id = 999999 WHERE kind = 'reversal'",
        "DROP INDEX transfer_reversed_once;"
        + COPY_TRANSFER.replace("{kind}", "kind").replace("{which}", "kind = 'reversal'"),
    ],
    "wallet_without_balance": [
        "DELETE FROM wallet_balance WHERE account_id = {wallet}",
        "INSERT INTO wallet_balance (account_id) VALUES ({revenue})",
        "INSERT INTO wallet_balance (account_id) VALUES (999999)",
    ],
    "balance_drift": [
        "UPDATE wallet_balance SET balance = balance + 1 WHERE account_id = {wallet}",
        "DELETE FROM entry WHERE account_id = {wallet}",
    ],
    "unnumbered_entry": [
        "UPDATE entry SET version = NULL, balance_after = NULL, hash = NULL WHERE account_id = {wallet}",
        "UPDATE entry SET (version, balance_after, hash) = (1, 0, '') WHERE account_id = {revenue}",
    ],
    "broken_run": [
        "UPDATE entry SET balance_after = balance_after + 1 WHERE account_id = {wallet} AND version = 2",
        "UPDATE entry SET amount = amount - 1 WHERE account_id = {wallet} AND version = 2",
        "UPDATE entry SET version = 99 WHERE account_id = {wallet} AND version = 2",
        "DELETE FROM entry WHERE account_id = {wallet} AND version = 1",
    ],
    "negative_history": [
        """ALTER TABLE entry DROP CONSTRAINT entry_never_negative;
           UPDATE entry SET balance_after = -1 WHERE account_id = {wallet} AND version = 2""",
        """ALTER TABLE wallet_balance DROP CONSTRAINT wallet_balance_not_negative;
           UPDATE wallet_balance SET balance = -1 WHERE account_id = {wallet}""",
    ],
    "broken_chain": [
        "UPDATE transfer SET reason = 'another' WHERE id = {grant}",
        "UPDATE transfer SET actor = 'nobody' WHERE id = {charge}",
        "UPDATE transfer SET created_at = created_at - interval '1 microsecond' WHERE id = {refund}",
        "UPDATE transfer SET key = 'another' WHERE id = {charge}",
        "UPDATE entry SET hash = 'forged' WHERE account_id = {wallet} AND version = 2",
        "DELETE FROM entry WHERE account_id = {wallet} AND version = 1",
    ],
    "wrong_head": [
        "UPDATE wallet_balance SET version = version + 1 WHERE account_id = {wallet}",
        "UPDATE wallet_balance SET head_hash = 'forged' WHERE account_id = {wallet}",
        """DELETE FROM entry USING wallet_balance w
           WHERE entry.account_id = {wallet} AND w.account_id = {wallet} AND entry.version = w.version""",
    ],
    "charge_counter": [
        "UPDATE charge SET refunded = 0 WHERE generation_id = {failed}",
        "UPDATE charge SET captured = 0 WHERE generation_id = {done}",
        "UPDATE charge SET refunded = 1 WHERE generation_id = {running}",
        "UPDATE charge SET amount = amount + 1 WHERE generation_id = {running}",
        "DELETE FROM transfer WHERE id = {capture}",
        "DELETE FROM charge WHERE generation_id = {running}",
    ],
    "settled_twice": [
        COPY_TRANSFER.replace("{kind}", "'refund'").replace("{which}", "id = {capture}"),
        "DROP INDEX transfer_once_per_charge;"
        + COPY_TRANSFER.replace("{kind}", "kind").replace("{which}", "id = {refund}"),
        "DROP INDEX transfer_once_per_charge;"
        + COPY_TRANSFER.replace("{kind}", "kind").replace("{which}", "id = {charge}"),
        "UPDATE transfer SET amount = amount + 1 WHERE id = {refund}",
    ],
    "another_wallet": [
        "UPDATE transfer SET to_account = {other_wallet} WHERE id = {refund}",
        "UPDATE charge SET customer_id = {other} WHERE generation_id = {running}",
    ],
    "uncharged_generation": [
        "DELETE FROM charge WHERE generation_id = {running}",
        "UPDATE generation SET credits = credits + 1 WHERE id = {running}",
        "UPDATE charge SET customer_id = {other} WHERE generation_id = {running}",
        "INSERT INTO charge (generation_id, customer_id, amount) VALUES ({preview}, {customer}, 10)",
        "INSERT INTO charge (generation_id, customer_id, amount) VALUES (999999, {customer}, 10)",
    ],
    "in_flight_at_rest": [
        "UPDATE generation SET state = 'canceled', finished_at = now() WHERE id = {running}",
        "UPDATE generation SET state = 'succeeded', finished_at = now() WHERE id = {running}",
        "INSERT INTO entry (transfer_id, account_id, amount) VALUES (999999, {in_flight}, 5)",
    ],
    "settled_early": [
        "UPDATE generation SET state = 'storing', finished_at = NULL WHERE id = {done}",
        "UPDATE generation SET state = 'queued', finished_at = NULL WHERE id = {failed}",
    ],
    "succeeded_not_captured": [
        "UPDATE generation SET state = 'succeeded', finished_at = now() WHERE id IN ({running}, {failed})",
    ],
    "failed_not_refunded": [
        "UPDATE generation SET state = 'canceled', finished_at = now() WHERE id = {running}",
        """UPDATE generation SET state = 'failed', failure_class = 'timeout', failure_message = 'Late'
           WHERE id = {done}""",
    ],
}


def ledger_with_everything(session: Session) -> dict[str, int]:
    """A ledger in which every kind of row stands, and the numbers of its rows."""
    customer, other = rich(session, 200), rich(session, 50, name="Eve")
    names = {
        "customer": customer.id,
        "other": other.id,
        "running": charged(session, customer),
        "done": ended(session, charged(session, customer), "succeeded"),
        "failed": ended(session, charged(session, customer), "failed"),
        "canceled": ended(session, charged(session, customer), "canceled"),
        "preview": make_generation(session, customer=customer, credits=0).id,
    }
    names |= {account.kind: account.id for account in session.query(Account).filter_by(customer_id=None)}
    names["wallet"] = session.query(Account).filter_by(customer_id=customer.id).one().id
    names["other_wallet"] = session.query(Account).filter_by(customer_id=other.id).one().id
    for kind, subject in (("charge", "running"), ("capture", "done"), ("refund", "failed")):
        names[kind] = _number(
            session, "SELECT id FROM transfer WHERE key = :key", key=f"{kind}:{names[subject]}"
        )
    names["grant"] = _number(
        session, "SELECT id FROM transfer WHERE kind = 'grant' AND to_account = :to", to=names["wallet"]
    )
    mistaken = rich(session, 5, name="Bo")
    _number(
        session,
        "SELECT posted_id FROM transfer t JOIN account a ON a.id = t.to_account,"
        " post_transfer('reversal', 'reversal', 'Sam', 'typed wrongly', NULL, p_reverses => t.id)"
        " WHERE a.customer_id = :bo",
        bo=mistaken.id,
    )
    return names


def _number(session: Session, sql: str, **values: object) -> int:
    return int(session.execute(text(sql), values).scalar_one())


def test_the_books_of_a_healthy_ledger_have_no_finding(session: Session) -> None:
    ledger_with_everything(session)
    assert check_books(session) == []


def test_the_books_of_an_empty_ledger_have_no_finding(session: Session) -> None:
    assert check_books(session) == []


@pytest.mark.parametrize("rule", [rule.name for rule in RULES])
def test_a_planted_fault_is_found(session: Session, rule: str) -> None:
    names = ledger_with_everything(session)
    session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    session.execute(text("SET LOCAL session_replication_role = replica"))
    for plant in PLANTS[rule]:
        planted = session.begin_nested()
        for statement in plant.format(**names).split(";"):
            session.execute(text(statement))
        assert rule in {finding.rule for finding in check_books(session)}, plant
        planted.rollback()


def test_every_rule_has_a_planted_fault() -> None:
    assert list(PLANTS) == [rule.name for rule in RULES]


def test_a_finding_says_where_and_what(session: Session) -> None:
    wallet = ledger_with_everything(session)["wallet"]
    session.execute(text("UPDATE wallet_balance SET balance = 7 WHERE account_id = :id"), {"id": wallet})
    [finding] = check_books(session)
    assert finding.rule == "balance_drift"
    assert finding.subject == str(wallet)
    assert finding.detail == "balance=7 entries=180"
