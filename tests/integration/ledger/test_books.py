"""Every rule of the books is proven to fire: a fault is injected past the triggers, as a superuser could."""

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from core.ledger.books import RULES, check_books
from core.ledger.books.check import run
from core.ledger.books.promises import ANCHOR_PROMISES
from tests.support.books.faults import (
    ANCHORS,
    CASES,
    CHARGES,
    DOUBLE_ENTRY,
    FAULTS,
    REQUESTS,
    SEALING,
    WALLETS,
)
from tests.support.books.inject import inject, past_the_triggers, scope_of
from tests.support.books.scene import Scene

UNSEALED = DOUBLE_ENTRY | WALLETS | CHARGES | CASES | REQUESTS


def test_the_books_of_a_healthy_ledger_have_no_finding(session: Session) -> None:
    Scene(session)
    assert check_books(session) == []


def test_the_books_of_an_empty_ledger_have_no_finding(session: Session) -> None:
    assert check_books(session) == []


@pytest.mark.parametrize("rule", UNSEALED)
def test_an_injected_fault_is_found_by_the_full_check_and_by_one_of_its_rows_alone(
    session: Session, rule: str
) -> None:
    names = Scene(session).names
    past_the_triggers(session)
    scope = scope_of(session, names)
    assert run(session, RULES, scope) == []
    for sql in FAULTS[rule]:
        planted = session.begin_nested()
        inject(session, sql, names)
        assert rule in {finding.rule for finding in check_books(session)}, sql
        assert rule in {finding.rule for finding in run(session, RULES, scope)}, sql
        planted.rollback()


def test_every_rule_has_a_fault_that_proves_it() -> None:
    assert set(UNSEALED | SEALING) == {rule.name for rule in RULES}
    assert set(FAULTS) == set(UNSEALED | SEALING | ANCHORS)
    assert set(ANCHORS) == set(ANCHOR_PROMISES)


def test_a_finding_says_where_and_what(session: Session) -> None:
    wallet = Scene(session).names["wallet"]
    session.execute(text("UPDATE wallet_balance SET balance = 7 WHERE account_id = :id"), {"id": wallet})
    [finding] = check_books(session)
    assert finding.rule == "balance_drift"
    assert finding.subject == str(wallet)
    assert finding.detail == "balance=7 entries=170"
