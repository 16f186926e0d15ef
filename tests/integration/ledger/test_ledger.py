"""Credits move once, between the accounts that their kind names, and every answer is a sentence."""

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.foundation.errors import Conflict, InsufficientCredits, InvalidInput, NotFound
from core.ledger import moves as ledger
from core.ledger import views
from core.ledger.books import check_books
from core.refunds import deciding
from core.tables.ledger import Charge
from tests.support.cases import case_of, failed_case, reviewer
from tests.support.factories import make_customer, make_generation
from tests.support.wallets import charged, ended, rich


def test_a_customer_without_a_wallet_has_no_credits(session: Session) -> None:
    assert ledger.balance(session, customer_id=make_customer(session).id) == 0


def test_a_wallet_is_opened_once(session: Session) -> None:
    customer = make_customer(session)
    first = ledger.open_wallet(session, customer_id=customer.id)
    assert ledger.open_wallet(session, customer_id=customer.id) == first


def test_nobody_gets_a_wallet_who_is_no_customer(session: Session) -> None:
    with pytest.raises(NotFound, match="no customer 1000000000"):
        ledger.open_wallet(session, customer_id=1_000_000_000)


def test_granted_credits_can_be_spent(session: Session) -> None:
    customer = rich(session, 100)
    assert ledger.balance(session, customer_id=customer.id) == 100
    charged(session, customer, 30)
    assert ledger.balance(session, customer_id=customer.id) == 70
    assert views.account_totals(session)["in_flight"] == 30


def test_the_same_grant_again_is_the_first_one(session: Session) -> None:
    customer = make_customer(session)
    terms: dict[str, Any] = {"customer_id": customer.id, "amount": 5, "key": "form-1", "actor": "Sam"}
    first = ledger.grant(session, reason="welcome", **terms)
    again = ledger.grant(session, reason="worded otherwise", **terms)
    assert not first.replayed
    assert again.replayed
    assert again.transfer_id == first.transfer_id
    assert ledger.balance(session, customer_id=customer.id) == 5


def test_a_form_that_granted_something_else_is_refused(session: Session) -> None:
    customer = make_customer(session)
    terms: dict[str, Any] = {"customer_id": customer.id, "reason": "r", "key": "form-1", "actor": "Sam"}
    ledger.grant(session, amount=5, **terms)
    with pytest.raises(Conflict, match="Reload the page"):
        ledger.grant(session, amount=6, **terms)
    assert ledger.balance(session, customer_id=customer.id) == 5


@pytest.mark.parametrize("amount", [0, -1, 1_000_001, 2.5, True, "7"])
def test_a_grant_that_is_no_whole_number_of_credits_is_refused(session: Session, amount: Any) -> None:
    customer = make_customer(session)
    with pytest.raises(InvalidInput, match=r"from 1 to 1,000,000\."):
        ledger.grant(session, customer_id=customer.id, amount=amount, reason="r", key="k", actor="Sam")


@pytest.mark.parametrize(("reason", "key"), [("  ", "k"), ("welcome", " ")])
def test_a_grant_without_reason_or_key_is_refused(session: Session, reason: str, key: str) -> None:
    customer = make_customer(session)
    with pytest.raises(InvalidInput, match="A grant needs"):
        ledger.grant(session, customer_id=customer.id, amount=1, reason=reason, key=key, actor="Sam")


def test_a_grant_cannot_take_the_key_of_a_charge(session: Session) -> None:
    customer = rich(session)
    generation = make_generation(session, customer=customer, credits=10)
    key = f"charge:{generation.id}"
    ledger.grant(session, customer_id=customer.id, amount=10, reason="r", key=key, actor="Sam")
    posted = ledger.charge(
        session, generation_id=generation.id, customer_id=customer.id, amount=10, actor="Sam"
    )
    assert not posted.replayed


def test_too_few_credits_say_how_many_are_missing_and_leave_the_session_usable(session: Session) -> None:
    customer = rich(session, 4)
    generation = make_generation(session, customer=customer, credits=10)
    with pytest.raises(InsufficientCredits) as refused:
        ledger.charge(session, generation_id=generation.id, customer_id=customer.id, amount=10, actor="Sam")
    assert str(refused.value) == "Ada has 4 credits; this needs 10. Grant 6 more."
    assert ledger.balance(session, customer_id=customer.id) == 4
    assert session.scalars(select(Charge)).all() == []


def test_a_customer_who_never_had_credits_is_told_so(session: Session) -> None:
    generation = make_generation(session, credits=10, customer=make_customer(session, name="Bo"))
    with pytest.raises(InsufficientCredits, match=r"^Bo has 0 credits; this needs 10\. Grant 10 more\.$"):
        ledger.charge(
            session,
            generation_id=generation.id,
            customer_id=generation.customer_id,
            amount=10,
            actor="Sam",
        )


def test_a_generation_is_charged_once(session: Session) -> None:
    customer = rich(session)
    number = charged(session, customer, 10)
    again = ledger.charge(session, generation_id=number, customer_id=customer.id, amount=10, actor="another")
    assert again.replayed
    assert ledger.balance(session, customer_id=customer.id) == 90


@pytest.mark.parametrize("before", [False, True], ids=["never charged", "charged already"])
def test_a_charge_of_another_price_or_customer_is_refused(session: Session, before: bool) -> None:
    customer, stranger = rich(session), rich(session, name="Eve")
    number = (
        charged(session, customer) if before else make_generation(session, customer=customer, credits=10).id
    )
    for who, price in ((customer, 11), (stranger, 10)):
        with pytest.raises(Conflict, match="another customer or price"):
            ledger.charge(session, generation_id=number, customer_id=who.id, amount=price, actor="Sam")
    assert ledger.balance(session, customer_id=stranger.id) == 100


def test_a_delivered_generation_is_paid_for(session: Session) -> None:
    customer = rich(session)
    number = charged(session, customer, 10)
    ended(session, number, "succeeded")
    again = ledger.capture(session, generation_id=number, actor="another worker")
    assert again.replayed
    assert views.account_totals(session) == {
        "issued": -100,
        "wallet": 90,
        "in_flight": 0,
        "revenue": 10,
        "goodwill": 0,
        "clawback": 0,
    }
    assert session.get_one(Charge, number).captured == 10
    assert check_books(session) == []


@pytest.mark.parametrize("state", ["failed", "canceled"])
def test_a_generation_without_an_avatar_costs_nothing(session: Session, state: str) -> None:
    customer = rich(session)
    number = charged(session, customer, 10)
    ended(session, number, state)
    again = ledger.refund(
        session,
        case_id=case_of(session, number).id,
        generation_id=number,
        amount=10,
        actor="another worker",
        reason="late",
    )
    assert again.replayed
    assert ledger.balance(session, customer_id=customer.id) == 100
    assert check_books(session) == []


def test_what_was_given_back_cannot_be_captured(session: Session) -> None:
    number = ended(session, charged(session, rich(session)), "failed")
    with pytest.raises(Conflict, match="cannot be kept"):
        ledger.capture(session, generation_id=number, actor="worker")
    assert views.account_totals(session)["revenue"] == 0


def test_what_was_captured_cannot_be_refunded(session: Session) -> None:
    case = failed_case(session)
    deciding.deny(
        session, actor=reviewer(session), case_id=case.id, seen_seq=case.seq, reason_code="refused_content"
    )
    with pytest.raises(Conflict, match="cannot be given back"):
        ledger.refund(
            session,
            case_id=case.id,
            generation_id=case.generation_id,
            amount=10,
            actor="worker",
            reason="late",
        )
    assert ledger.balance(session, customer_id=case.customer_id) == 990


def test_what_was_never_charged_is_neither_captured_nor_refunded(session: Session) -> None:
    number = make_generation(session, credits=0).id
    with pytest.raises(NotFound, match="never charged"):
        ledger.capture(session, generation_id=number, actor="worker")
    with pytest.raises(NotFound, match="never charged"):
        ledger.refund(session, case_id=1, generation_id=number, amount=1, actor="worker", reason="timeout")


def test_a_refund_needs_a_reason(session: Session) -> None:
    case = failed_case(session)
    with pytest.raises(InvalidInput, match="needs a reason"):
        ledger.refund(
            session, case_id=case.id, generation_id=case.generation_id, amount=10, actor="worker", reason=" "
        )


def test_the_lines_of_a_generation_tell_where_its_credits_went(session: Session) -> None:
    number = ended(session, charged(session, rich(session, 100), 10), "failed")
    lines = views.lines_of_generation(session, number)
    assert [(line.kind, line.from_name, line.to_name, line.amount) for line in lines] == [
        ("charge", "Wallet of Ada", "In flight", 10),
        ("refund", "In flight", "Wallet of Ada", 10),
    ]
    assert [(line.actor, line.reason, line.wallet_after) for line in lines] == [
        ("Sam", None, 90),
        ("policy", f"case {case_of(session, number).id}: provider_fault, not the customer's doing", 100),
    ]


def test_a_statement_has_the_newest_lines_of_one_wallet(session: Session) -> None:
    customer = rich(session, 100)
    charged(session, rich(session, name="Eve"))
    ended(session, charged(session, customer, 10), "succeeded")  # its capture moves nothing in the wallet
    charged(session, customer, 20)
    newest = views.statement(session, customer.id, limit=2)
    assert [(line.kind, line.amount, line.wallet_after) for line in newest] == [
        ("charge", 20, 70),
        ("charge", 10, 90),
    ]
    assert len(views.statement(session, customer.id)) == 3
