"""Every rule of the books is proven to fire: a fault is planted past the triggers, as a superuser could."""

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from core.ledger.books import RULES, check_books
from core.ledger.books.check import run
from core.ledger.books.drill import plant, scope_of
from core.ledger.books.plants import ANCHORS, CASES, CHARGES, DOUBLE_ENTRY, PLANTS, REQUESTS, SEALING, WALLETS
from core.ledger.books.scene import Scene

UNSEALED = DOUBLE_ENTRY | WALLETS | CHARGES | CASES | REQUESTS


def test_the_books_of_a_healthy_ledger_have_no_finding(session: Session) -> None:
    Scene(session)
    assert check_books(session) == []


def test_the_books_of_an_empty_ledger_have_no_finding(session: Session) -> None:
    assert check_books(session) == []


@pytest.mark.parametrize("rule", UNSEALED)
def test_a_planted_fault_is_found_by_the_full_check_and_by_one_of_its_rows_alone(
    session: Session, rule: str
) -> None:
    names = Scene(session).names
    session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    session.execute(text("SET LOCAL session_replication_role = replica"))
    scope = scope_of(session, names)
    assert run(session, RULES, scope) == []
    for sql in PLANTS[rule]:
        planted = session.begin_nested()
        plant(session, sql, names)
        assert rule in {finding.rule for finding in check_books(session)}, sql
        assert rule in {finding.rule for finding in run(session, RULES, scope)}, sql
        planted.rollback()


def test_every_rule_has_a_planted_fault() -> None:
    assert set(UNSEALED | SEALING) == {rule.name for rule in RULES}
    assert set(PLANTS) == set(UNSEALED | SEALING | ANCHORS)


def test_a_finding_says_where_and_what(session: Session) -> None:
    wallet = Scene(session).names["wallet"]
    session.execute(text("UPDATE wallet_balance SET balance = 7 WHERE account_id = :id"), {"id": wallet})
    [finding] = check_books(session)
    assert finding.rule == "balance_drift"
    assert finding.subject == str(wallet)
    assert finding.detail == "balance=7 entries=170"
