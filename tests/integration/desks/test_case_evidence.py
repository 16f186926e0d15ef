"""All evidence of a case in one read, and why it was not decided automatically."""

import dataclasses
from datetime import timedelta

import pytest
from sqlalchemy import func, update
from sqlalchemy.orm import Session

from core.classification.taxonomy import FailureClass
from core.desks.refunds import claims
from core.desks.refunds.decided import decided_page, lately, second_looks
from core.desks.refunds.evidence import case_evidence, cases_of_generation, moved_since, pictures_of
from core.desks.refunds.evidence_records import Evidence
from core.foundation.errors import NotFound
from core.refunds import deciding, intents, opening
from core.refunds.policy import DEFAULT, CaseFacts, Outcome, Policy, Rule, decide
from core.refunds.why_not import smallest_change
from core.tables.customers import Customer
from core.tables.generation import Avatar, Generation
from core.tables.refund_states import CaseKind, CaseState
from core.tables.refunds import CaseLog, CaseViewer, CompensationCase, DoubleReview
from tests.support.cases import delivered, failed_case, reviewer
from tests.support.failures import make_attempt
from tests.support.wallets import rich


def evidence(session: Session, case: CompensationCase, who: str = "Sue") -> Evidence:
    return case_evidence(session, actor=reviewer(session, who), case_id=case.id)


def seen(**changes: object) -> CaseFacts:
    given: dict[str, object] = {
        "kind": CaseKind.FAILURE,
        "failure_class": "content_policy",
        "fault": "customer",
        "amount": 10,
        "refunds": 6,
        "refund_share": 0.5,
    }
    return CaseFacts(**given | changes)  # type: ignore[arg-type]


def with_rules(*rules: Rule) -> Policy:
    return dataclasses.replace(DEFAULT, rules=rules)


def test_one_read_holds_what_happened_what_it_cost_and_what_the_policy_said(session: Session) -> None:
    customer = rich(session, 1_000, name="Bea")
    failed_case(session, failure_class=FailureClass.TIMEOUT, customer=customer)
    delivered(session, customer=customer, price=30)
    case = failed_case(session, customer=customer)
    generation = session.get_one(Generation, case.generation_id)
    make_attempt(
        session, generation, status="failed", failure_class="content_policy", failure_detail="no (E005)"
    )
    found = evidence(session, case)
    assert (found.customer, found.failure_class, found.requested, found.state) == (
        "Bea",
        "content_policy",
        10,
        CaseState.PENDING,
    )
    assert [(each.words, each.failure_class) for each in found.tries] == [("no (E005)", "content_policy")]
    assert found.failure_detail == "flagged as sensitive (E005)"
    assert [(line.kind, line.amount) for line in found.lines] == [("charge", 10)]
    # The rows were all written in one transaction, whose time they bear: none is older than 30 days.
    assert found.history.generations == {"failed": 1, "succeeded": 1}
    assert (found.history.charged, found.history.came_back, found.history.refunds) == (40, 10, 1)
    assert found.history.balance == 960
    assert [each.state for each in found.earlier] == [CaseState.AUTO_APPROVED]
    assert found.why is not None
    assert (found.why.outcome, found.why.rule) == ("review", "the customer's content or input")
    assert found.why.change is not None
    assert "pay at once" in found.why.change.words
    assert [move.to for move in found.log] == [CaseState.PENDING]
    assert (found.one_person_left, found.mates, found.avatar) == (100, 1, None)


def test_old_history_does_not_count(session: Session) -> None:
    customer = rich(session, 1_000)
    old = delivered(session, customer=customer)
    session.execute(
        update(Generation).where(Generation.id == old).values(created_at=func.now() - timedelta(days=31))
    )
    assert evidence(session, failed_case(session, customer=customer)).history.generations == {}


def test_it_says_who_looks_who_holds_and_whose_decision_waits(session: Session) -> None:
    case = failed_case(session)
    sue, amir = reviewer(session), reviewer(session, "Amir", "approver")
    claims.claim(session, actor=amir, case_id=case.id)
    claims.looks_at(session, actor=amir, case_id=case.id)
    found = evidence(session, case)
    assert (found.held_by, found.held_by_me, found.held_elsewhere, list(found.viewers)) == (
        "Amir",
        False,
        True,
        ["Amir"],
    )
    session.execute(update(CaseViewer).values(seen_at=func.now() - timedelta(minutes=1)))
    intents.intend(
        session,
        actor=amir,
        case_id=case.id,
        seen_seq=1,
        decision="approve",
        amount=7,
        reason_code="refused_in_error",
    )
    found = case_evidence(session, actor=sue, case_id=case.id)
    assert list(found.viewers) == []
    assert found.deciding is not None
    assert (found.deciding.name, found.deciding.decision, found.deciding.amount) == ("Amir", "approve", 7)


def test_the_second_person_sees_what_the_first_agreed_to(session: Session) -> None:
    case = failed_case(session, price=200)
    deciding.approve(
        session,
        actor=reviewer(session),
        case_id=case.id,
        seen_seq=1,
        amount=150,
        reason_code="refused_in_error",
    )
    found = evidence(session, case, "Amir")
    assert found.first is not None
    assert (found.first.name, found.first.amount) == ("Sue", 150)


def test_what_one_person_may_still_give_shrinks_with_what_they_gave(session: Session) -> None:
    customer = rich(session, 1_000)
    first, second = (failed_case(session, customer=customer, price=60) for _ in range(2))
    deciding.approve(
        session,
        actor=reviewer(session),
        case_id=first.id,
        seen_seq=1,
        amount=60,
        reason_code="refused_in_error",
    )
    assert evidence(session, second).one_person_left == 40
    assert evidence(session, second, "Amir").one_person_left == 100


def test_a_decided_case_bears_its_receipt_and_an_old_screen_learns_who_moved_it(session: Session) -> None:
    case = failed_case(session)
    assert moved_since(session, case.id, 1) is None
    deciding.approve(
        session,
        actor=reviewer(session),
        case_id=case.id,
        seen_seq=1,
        amount=10,
        reason_code="refused_in_error",
    )
    found = evidence(session, case)
    assert [receipt.balance_after for receipt in found.receipts] == [1_000]
    assert (found.decider, found.open) == ("Sue", False)
    assert "Sue moved case" in (moved_since(session, case.id, 1) or "")


def test_a_generations_cases_are_listed_newest_first(session: Session) -> None:
    number = delivered(session)
    made = opening.open_goodwill(
        session, actor=reviewer(session), generation_id=number, amount=6, note="blurred", key="a"
    )
    assert [(case.id, case.kind, case.requested) for case in cases_of_generation(session, number)] == [
        (made.id, CaseKind.GOODWILL, 6)
    ]


def test_its_pictures_are_those_that_its_evidence_shows(session: Session) -> None:
    case = failed_case(session)
    assert pictures_of(session, case.id) == [evidence(session, case).selfie]
    attempt = make_attempt(session, session.get_one(Generation, case.generation_id), number=1)
    session.add(
        Avatar(
            generation_id=attempt.generation_id,
            attempt_id=attempt.id,
            object_key="avatars/1.png",
            thumbnail_key="avatars/1.webp",
            content_type="image/png",
            sha256="ab" * 32,
            width=1024,
            height=1024,
            size_bytes=2_000,
        )
    )
    session.flush()
    shown = evidence(session, case)
    assert pictures_of(session, case.id) == [shown.selfie, shown.avatar]
    assert pictures_of(session, 4_000) == []
    # Of somebody who was erased neither the evidence nor the fetching of what comes next has one.
    session.get_one(Customer, case.customer_id).erased_at = case.opened_at
    session.flush()
    shown = evidence(session, case)
    assert (shown.selfie, shown.avatar, shown.erased) == (None, None, True)
    assert pictures_of(session, case.id) == []


@pytest.mark.parametrize("number", [0, -1, 4_000, 2**70])
def test_a_case_that_is_not_there_is_told(session: Session, number: int) -> None:
    with pytest.raises(NotFound, match="no case"):
        case_evidence(session, actor=reviewer(session), case_id=number)


def test_a_threshold_is_moved_just_so_far_that_the_case_passes() -> None:
    policy = with_rules(Rule("many refunds", Outcome.REVIEW, refunds_over=5), Rule("all else", Outcome.AUTO))
    change = smallest_change(policy, seen(), "many refunds")
    assert change is not None
    assert change.words == "Rule “many refunds”: from 7 refunds in 30 days on, instead of 6."
    moved = with_rules(Rule("many refunds", Outcome.REVIEW, refunds_over=6), policy.rules[1])
    assert decide(moved, seen()).outcome is Outcome.AUTO


def test_where_the_next_rule_would_stop_it_too_the_rule_itself_is_named() -> None:
    policy = with_rules(Rule("large", Outcome.REVIEW, amount_over=5), Rule("the customer's", Outcome.REVIEW))
    change = smallest_change(policy, seen(), "large")
    assert change is not None
    assert (change.rule, change.words) == (
        "large",
        "Let rule “large” pay at once instead of asking a person.",
    )


def test_where_no_rule_fits_one_is_proposed() -> None:
    change = smallest_change(with_rules(), seen(), "no rule fits")
    assert change is not None
    assert "Add a rule that pays the class content_policy at once" in change.words


def test_a_limit_that_held_it_back_is_named_with_its_new_value() -> None:
    change = smallest_change(DEFAULT, seen(), "limit per customer and day")
    assert change is not None
    assert "4 refunds instead of 3 or 1,010 credits instead of 1,000" in change.words


def test_goodwill_is_never_automatic_so_no_change_is_named() -> None:
    assert smallest_change(DEFAULT, seen(kind=CaseKind.GOODWILL, failure_class=None), "goodwill") is None


def test_decided_cases_come_newest_first_page_by_page_and_by_whom(session: Session) -> None:
    sue = reviewer(session)
    cases = [failed_case(session) for _ in range(3)]
    for case in cases:
        deciding.deny(session, actor=sue, case_id=case.id, seen_seq=1, reason_code="refused_content")
    automatic = failed_case(session, failure_class=FailureClass.TIMEOUT)
    rows, further = decided_page(session, limit=2)
    assert [row.id for row in rows] == [automatic.id, cases[2].id]
    rest, end = decided_page(session, after=further, limit=2)
    assert ([row.id for row in rest], end) == ([cases[1].id, cases[0].id], None)
    mine, _ = decided_page(session, decided_by=sue.id)
    assert {row.id for row in mine} == {case.id for case in cases}
    paid, _ = decided_page(session, states=(CaseState.AUTO_APPROVED,))
    assert [row.id for row in paid] == [automatic.id]
    found, _ = decided_page(session, search=f"#{cases[0].id}")
    assert cases[0].id in {row.id for row in found}


def test_what_one_decided_lately_bears_ledger_line_and_balance(session: Session) -> None:
    sue = reviewer(session)
    paid, denied = failed_case(session), failed_case(session)
    done = deciding.approve(
        session, actor=sue, case_id=paid.id, seen_seq=1, amount=4, reason_code="refused_in_error"
    )
    deciding.deny(session, actor=sue, case_id=denied.id, seen_seq=1, reason_code="refused_content")
    last, first = lately(session, actor=sue)
    assert (first.transfer_id, first.balance, first.amount) == (done.transfer_id, 994, 4)
    assert (last.state, last.balance, last.transfer_id is not None) == (CaseState.DENIED, None, True)
    assert lately(session, actor=reviewer(session, "Amir")) == []


def test_a_second_look_is_never_for_whoever_decided(session: Session) -> None:
    sue, case = reviewer(session), failed_case(session)
    session.add(DoubleReview(case_id=case.id, first_staff_id=sue.id, first_outcome="denied"))
    session.flush()
    assert second_looks(session, actor=sue) == []
    assert [look.case_id for look in second_looks(session, actor=reviewer(session, "Amir"))] == [case.id]


def test_the_log_is_read_whole(session: Session) -> None:
    case = failed_case(session)
    deciding.deny(
        session, actor=reviewer(session), case_id=case.id, seen_seq=1, reason_code="abuse", note="n"
    )
    found = evidence(session, case).log
    rows = session.query(CaseLog).filter(CaseLog.case_id == case.id).count()
    assert (len(found), found[-1].reason_code, found[-1].note) == (rows, "abuse", "n")
