"""What becomes of a case: paid by the policy, decided by people, appealed, reversed, left to the clock."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from core.classification.taxonomy import TAXONOMY, FailureClass, RefundRule
from core.foundation.database import Database
from core.foundation.errors import Conflict, InvalidInput, NotAllowed
from core.ledger import moves as ledger
from core.refunds import clock, deciding, opening, reversing
from core.tables.generation import Generation
from core.tables.ledger import Account, Entry, Transfer
from core.tables.refund_states import CaseState
from core.tables.refunds import CaseLog, CompensationCase, CustomerReceipt, PolicyDecision
from tests.support.cases import OneTransaction, delivered, failed_case, reviewer
from tests.support.wallets import charged, rich


def held(session: Session, case: CompensationCase) -> int:
    return ledger.balance(session, customer_id=case.customer_id)


def account(session: Session, kind: str) -> int:
    return int(
        session.scalar(
            select(func.coalesce(func.sum(Entry.amount), 0))
            .join(Account, Account.id == Entry.account_id)
            .where(Account.kind == kind)
        )
        or 0
    )


def moves(session: Session, case: CompensationCase) -> list[str]:
    return list(
        session.scalars(select(CaseLog.to_state).where(CaseLog.case_id == case.id).order_by(CaseLog.seq))
    )


def approve(
    session: Session, case: CompensationCase, who: str = "Sue", amount: int = 10, role: str = "support"
) -> deciding.Decided:
    return deciding.approve(
        session,
        actor=reviewer(session, who, role),
        case_id=case.id,
        seen_seq=case.seq,
        amount=amount,
        reason_code="refused_in_error",
    )


def deny(
    session: Session, case: CompensationCase, who: str = "Sue", role: str = "support"
) -> deciding.Decided:
    return deciding.deny(
        session,
        actor=reviewer(session, who, role),
        case_id=case.id,
        seen_seq=case.seq,
        reason_code="refused_content",
    )


@pytest.mark.parametrize("failure_class", list(FailureClass))
def test_the_default_policy_does_what_the_taxonomy_says(
    session: Session, failure_class: FailureClass
) -> None:
    case = failed_case(session, failure_class=failure_class)
    automatic = TAXONOMY[failure_class].refund is RefundRule.AUTO
    assert case.state == (CaseState.AUTO_APPROVED if automatic else CaseState.PENDING)
    assert held(session, case) == (1_000 if automatic else 990)
    seen = session.scalars(select(PolicyDecision).where(PolicyDecision.case_id == case.id)).one()
    assert (seen.outcome, seen.rule) == ("auto" if automatic else "review", case.rule)


def test_one_person_pays_all_of_it_and_the_customer_gets_a_receipt(session: Session) -> None:
    case = failed_case(session)
    done = approve(session, case)
    assert (done.state, done.amount, done.balance) == (CaseState.APPROVED, 10, 1_000)
    receipt = session.scalars(select(CustomerReceipt).where(CustomerReceipt.case_id == case.id)).one()
    assert (receipt.transfer_id, receipt.amount, receipt.balance_after) == (done.transfer_id, 10, 1_000)
    assert "10 credits came back to you; you now have 1,000 credits." in receipt.sentence


def test_what_a_part_leaves_is_kept(session: Session) -> None:
    case = failed_case(session)
    approve(session, case, amount=4)
    assert held(session, case) == 994
    assert (account(session, "in_flight"), account(session, "revenue")) == (0, 6)


def test_denied_is_kept_and_an_appeal_by_another_brings_it_back_in_flight(session: Session) -> None:
    case = failed_case(session)
    deny(session, case)
    assert (account(session, "in_flight"), account(session, "revenue")) == (0, 10)
    with pytest.raises(Conflict, match="yourself"):
        deciding.appeal(
            session, actor=reviewer(session), case_id=case.id, seen_seq=case.seq, note="look again"
        )
    deciding.appeal(
        session,
        actor=reviewer(session, "Amir", "approver"),
        case_id=case.id,
        seen_seq=case.seq,
        note="mistake",
    )
    assert (account(session, "in_flight"), account(session, "revenue")) == (10, 0)
    deny(session, case, "Amir", "approver")
    assert (account(session, "in_flight"), account(session, "revenue")) == (0, 10)
    assert moves(session, case) == ["pending", "denied", "pending", "denied"]


def test_of_two_amounts_the_lower_is_paid_and_never_by_one_person_alone(session: Session) -> None:
    case = failed_case(session, price=200)
    assert case.required_approvals == 2
    assert approve(session, case, amount=150).state == CaseState.NEEDS_SECOND
    assert held(session, case) == 800
    with pytest.raises(NotAllowed):
        approve(session, case, amount=150)
    boss = ("Amir", "approver")
    done = approve(session, case, boss[0], 120, boss[1])
    assert (done.state, done.amount, held(session, case)) == (CaseState.APPROVED, 120, 920)


def test_the_first_person_cannot_be_the_second_whatever_the_role(session: Session) -> None:
    case = failed_case(session, price=200)
    approve(session, case, "Amir", 150, "approver")
    with pytest.raises(Conflict, match="different person"):
        approve(session, case, "Amir", 150, "approver")
    with pytest.raises(Conflict, match="different person"):
        deny(session, case, "Amir", "approver")


def test_splitting_below_the_limit_needs_a_second_person_too(session: Session) -> None:
    customer = rich(session, 1_000)
    first = failed_case(session, price=60, customer=customer)
    second = failed_case(session, price=60, customer=customer)
    assert approve(session, first, amount=60).state == CaseState.APPROVED
    assert approve(session, second, amount=60).state == CaseState.NEEDS_SECOND


def test_sent_back_begins_a_new_round(session: Session) -> None:
    case = failed_case(session, price=200)
    approve(session, case, amount=150)
    boss = reviewer(session, "Amir", "approver")
    deciding.send_back(session, actor=boss, case_id=case.id, seen_seq=case.seq, note="which photo?")
    assert approve(session, case, amount=100).state == CaseState.NEEDS_SECOND
    assert approve(session, case, "Amir", 200, "approver").amount == 100


def test_an_old_screen_is_told_who_moved_the_case(session: Session) -> None:
    case = failed_case(session)
    seen = case.seq
    deny(session, case)
    with pytest.raises(Conflict, match="Sue moved case"):
        deciding.approve(
            session,
            actor=reviewer(session, "Amir", "approver"),
            case_id=case.id,
            seen_seq=seen,
            amount=10,
            reason_code="refused_in_error",
        )


@pytest.mark.parametrize("amount", [0, -1, 11, True, 1.5])
def test_an_impossible_amount_is_refused(session: Session, amount: int) -> None:
    case = failed_case(session)
    with pytest.raises(InvalidInput, match="from 1 to 10"):
        approve(session, case, amount=amount)


def test_a_reason_must_fit_the_decision(session: Session) -> None:
    case = failed_case(session)
    with pytest.raises(InvalidInput, match="reason"):
        deciding.deny(
            session, actor=reviewer(session), case_id=case.id, seen_seq=case.seq, reason_code="provider_fault"
        )


def test_goodwill_pays_a_part_of_a_delivered_avatar_and_never_more_than_its_price(session: Session) -> None:
    number = delivered(session)
    sue = reviewer(session)
    case = opening.open_goodwill(session, actor=sue, generation_id=number, amount=6, note="blurred", key="a")
    assert (
        opening.open_goodwill(session, actor=sue, generation_id=number, amount=6, note="blurred", key="a").id
        == case.id
    )
    with pytest.raises(Conflict, match="open already"):
        opening.open_goodwill(session, actor=sue, generation_id=number, amount=1, note="again", key="b")
    deciding.approve(
        session, actor=sue, case_id=case.id, seen_seq=case.seq, amount=6, reason_code="poor_quality"
    )
    assert (held(session, case), account(session, "goodwill")) == (996, -6)
    with pytest.raises(Conflict, match="at most 4"):
        opening.open_goodwill(session, actor=sue, generation_id=number, amount=5, note="more", key="c")


def test_a_reversal_takes_back_what_is_there_and_notes_the_rest_as_owed(session: Session) -> None:
    customer = rich(session, 10)
    case = failed_case(session, customer=customer)
    approve(session, case)
    charged(session, customer, 7)  # spends most of it again
    sue = reviewer(session)
    before = reversing.preview(session, actor=sue, case_id=case.id)
    assert (before.amount, before.from_wallet, before.clawback, before.alone) == (10, 3, 7, True)
    reversing.reverse_case(session, actor=sue, case_id=case.id, seen_seq=case.seq, reason="wrong customer")
    assert (held(session, case), account(session, "clawback"), account(session, "revenue")) == (0, -7, 10)
    assert case.state == CaseState.REVERSED


def test_after_a_quarter_of_an_hour_a_reversal_needs_two_people(session: Session) -> None:
    case = failed_case(session, failure_class=FailureClass.TIMEOUT)
    boss = reviewer(session, "Amir", "approver")
    with pytest.raises(NotAllowed, match="two people"):
        reversing.reverse_case(session, actor=boss, case_id=case.id, seen_seq=case.seq, reason="late")
    other = reviewer(session, "Ada", "admin")
    reversing.reverse_case(
        session, actor=boss, case_id=case.id, seen_seq=case.seq, reason="late", asked_by=other.id
    )
    assert held(session, case) == 990


def test_over_the_daily_limit_of_a_customer_a_person_looks(session: Session) -> None:
    customer = rich(session, 1_000)
    cases = [failed_case(session, failure_class=FailureClass.TIMEOUT, customer=customer) for _ in range(4)]
    assert [case.state for case in cases] == ["auto_approved"] * 3 + ["pending"]
    assert "per customer and day" in (cases[-1].why or "")


def test_silence_counts_for_the_customer_when_the_amount_is_small(
    session: Session, shared_database: Database
) -> None:
    small, large = failed_case(session), failed_case(session, price=50)
    session.execute(update(CompensationCase).values(due_at=func.now() - timedelta(minutes=1)))
    session.expire_all()
    assert clock.lapse(OneTransaction.of(shared_database, session)) == 1
    assert (small.state, large.state) == (CaseState.AUTO_APPROVED, CaseState.PENDING)


def test_those_that_a_limit_refuses_do_not_stand_in_the_way_of_others(
    session: Session, shared_database: Database
) -> None:
    heavy = rich(session, 1_000)
    first = [failed_case(session, customer=heavy) for _ in range(5)]
    other = failed_case(session)
    session.execute(update(CompensationCase).values(due_at=func.now() - timedelta(minutes=1)))
    session.expire_all()
    assert clock.lapse(OneTransaction.of(shared_database, session), limit=4) == 4
    assert [case.state for case in first] == ["auto_approved"] * 3 + ["pending"] * 2
    assert other.state == CaseState.AUTO_APPROVED


def test_past_its_last_hour_a_case_is_overdue_and_still_decided_by_people(
    session: Session, shared_database: Database
) -> None:
    case = failed_case(session, price=50)
    session.execute(update(CompensationCase).values(hard_limit_at=func.now() - timedelta(minutes=1)))
    session.expire_all()
    assert clock.lapse(OneTransaction.of(shared_database, session)) == 1
    assert case.state == CaseState.EXPIRED
    assert approve(session, case, amount=50).state == CaseState.APPROVED


def test_a_picture_that_came_after_all_withdraws_the_case_and_its_credits_stay_in_flight(
    session: Session,
) -> None:
    case = failed_case(session)
    generation = session.get_one(Generation, case.generation_id)
    generation.state, generation.finished_at = "storing", None
    assert clock.withdraw(session, generation_id=case.generation_id, note="the picture came after all")
    assert (case.state, account(session, "in_flight"), held(session, case)) == ("withdrawn", 10, 990)
    assert not clock.withdraw(session, generation_id=case.generation_id, note="again")


def test_every_transfer_of_a_case_names_it(session: Session) -> None:
    case = failed_case(session)
    approve(session, case, amount=4)
    named = session.scalars(select(Transfer.kind).where(Transfer.case_id == case.id).order_by(Transfer.id))
    assert list(named) == ["refund", "capture"]
