"""The refund report: its figures are those of the cases."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import update
from sqlalchemy.orm import Session

from core.classification.taxonomy import FailureClass
from core.desks.refunds.reports import Report, lines_csv, report
from core.refunds import deciding, doubles
from core.tables.refunds import CompensationCase, DoubleReview
from pages.refund_reports.figure import by_day, by_line
from tests.support.cases import failed_case, reviewer
from tests.support.wallets import rich


def made(session: Session, days: int = 30) -> Report:
    until = datetime.now(UTC) + timedelta(minutes=1)
    return report(session, since=until - timedelta(days=days), until=until, zone=ZoneInfo("Europe/Berlin"))


def decided(session: Session, *, approved: bool, amount: int = 10, who: str = "Sue") -> CompensationCase:
    case = failed_case(session, price=amount)
    actor = reviewer(session, who)
    if approved:
        deciding.approve(
            session,
            actor=actor,
            case_id=case.id,
            seen_seq=case.seq,
            amount=amount,
            reason_code="refused_in_error",
        )
    else:
        deciding.deny(session, actor=actor, case_id=case.id, seen_seq=case.seq, reason_code="refused_content")
    return case


def test_a_time_without_cases_is_empty_and_whole(session: Session) -> None:
    found = made(session)
    assert (found.classes, found.days, found.reviewers, found.near_limit) == ([], [], [], [])
    assert (found.automatic.cases, found.speed.decided, found.speed.oldest) == (0, 0, None)


def test_every_sum_agrees_with_the_cases(session: Session) -> None:
    decided(session, approved=True)
    decided(session, approved=True, amount=20, who="Sam")
    decided(session, approved=False)
    failed_case(session, failure_class=FailureClass.TIMEOUT)
    failed_case(session)  # still open
    found = made(session)
    lines = {
        each.name: (each.cases, each.automatic, each.approved, each.denied, each.credits)
        for each in found.classes
    }
    assert lines == {"content_policy": (3, 0, 2, 1, 30), "timeout": (1, 1, 0, 0, 10)}
    assert {each.name: each.cases for each in found.reasons} == {
        "refused_in_error": 2,
        "refused_content": 1,
        "provider_fault": 1,
    }
    assert {(each.name, each.decided, each.credits) for each in found.reviewers} == {
        ("Sue", 2, 10),
        ("Sam", 1, 20),
    }
    assert (found.automatic.hits, found.automatic.cases) == (1, 4)
    assert (found.speed.decided, found.speed.open) == (3, 1)
    assert sum(each.credits for each in found.days) == 40


def test_times_to_decide_are_from_opening_to_decision(session: Session) -> None:
    for hours in (1, 2, 9):
        case = decided(session, approved=True)
        session.execute(
            update(CompensationCase)
            .where(CompensationCase.id == case.id)
            .values(closed_at=case.opened_at + timedelta(hours=hours))
        )
    until = datetime.now(UTC) + timedelta(hours=10)
    found = report(session, since=until - timedelta(days=1), until=until, zone=ZoneInfo("UTC"))
    assert found.speed.median == timedelta(hours=2)
    assert found.speed.p95 == timedelta(hours=8.3)


def test_second_looks_count_where_they_agree(session: Session) -> None:
    first, second = decided(session, approved=True), decided(session, approved=True)
    for case in (first, second):
        session.merge(DoubleReview(case_id=case.id, first_staff_id=case.decided_by, first_outcome="approved"))
    session.flush()
    other = reviewer(session, "Amir", "approver")
    assert doubles.give_opinion(session, actor=other, case_id=first.id, outcome="approved")
    assert not doubles.give_opinion(session, actor=other, case_id=second.id, outcome="denied")
    found = made(session)
    assert (found.agreement.hits, found.agreement.cases) == (1, 2)
    assert found.reviewers[0].agreement == found.agreement


def test_payments_just_below_the_limit_for_one_person_are_shown(session: Session) -> None:
    customer = rich(session, 1_000, name="Eve")
    sue = reviewer(session)
    for price in (45, 45):
        case = failed_case(session, price=price, customer=customer)
        deciding.approve(
            session,
            actor=sue,
            case_id=case.id,
            seen_seq=case.seq,
            amount=price,
            reason_code="refused_in_error",
        )
    found = made(session).near_limit
    assert [(each.reviewer, each.customer, each.payments, each.credits, each.limit) for each in found] == [
        ("Sue", "Eve", 2, 90, 100)
    ]


def test_the_file_and_the_figures_have_every_line(session: Session) -> None:
    decided(session, approved=True)
    found = made(session)
    rows = [list(row) for row in lines_csv(found)]
    assert ["class", "content_policy", 1, 0, 1, 0, 0, 10] in rows
    assert ["reviewer", "Sue", 1, 0, 1, 0, 0, 10] in rows
    assert sum(sum(trace.y) for trace in by_day(found.days, found.first, found.last).data) == 1
    assert sum(sum(trace.x) for trace in by_line(found.classes).data) == 1
