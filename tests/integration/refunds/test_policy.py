"""The refund policy: rules in order, limits that hold under concurrency, versions, and drafts on the past."""

import dataclasses
import threading
from datetime import timedelta

import pytest
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.orm import Session

from core.classification.taxonomy import FailureClass, Fault
from core.foundation.database import Database
from core.foundation.errors import Conflict, InvalidInput, NotAllowed
from core.refunds import budgets, deciding
from core.refunds.policy import DEFAULT, Cap, CaseFacts, Outcome, Rule, check, decide, from_json, to_json
from core.refunds.policy_views import differences, limit_use, versions
from core.refunds.replay import replay
from core.refunds.versions import activate, in_force, save_draft
from core.tables.refund_states import CaseKind
from core.tables.refunds import CompensationCase, PolicyDecision, RefundBudget
from tests.support.cases import failed_case, reviewer
from tests.support.wallets import rich

REFUSED = CaseFacts(CaseKind.FAILURE, FailureClass.CONTENT_POLICY, Fault.CUSTOMER, 10)
OUTAGE = CaseFacts(CaseKind.FAILURE, FailureClass.PROVIDER_OUTAGE, Fault.PROVIDER, 10)
GENEROUS = dataclasses.replace(
    DEFAULT,
    rules=(Rule("lenient", Outcome.AUTO, classes=(FailureClass.CONTENT_POLICY,)), *DEFAULT.rules),
)


def test_the_first_rule_that_fits_decides_and_says_why() -> None:
    verdict = decide(GENEROUS, REFUSED)
    assert (verdict.outcome, verdict.rule) == (Outcome.AUTO, "lenient")
    assert verdict.why == "Rule “lenient”: the class is content_policy."


def test_what_fits_no_rule_goes_to_a_person() -> None:
    assert decide(dataclasses.replace(DEFAULT, rules=()), OUTAGE).outcome is Outcome.REVIEW


def test_a_customer_with_many_refunds_is_looked_at_even_in_an_outage() -> None:
    often = dataclasses.replace(OUTAGE, refunds=6, refund_share=0.5)
    assert decide(DEFAULT, OUTAGE).outcome is Outcome.AUTO
    assert decide(DEFAULT, often).rule == "many refunds lately"
    assert decide(DEFAULT, dataclasses.replace(often, refund_share=0.1)).outcome is Outcome.AUTO


def test_a_policy_survives_its_way_through_the_table() -> None:
    assert from_json(to_json(GENEROUS)) == GENEROUS


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (dataclasses.replace(DEFAULT, rules=(Rule("", Outcome.AUTO),)), "name of its own"),
        (dataclasses.replace(DEFAULT, rules=(DEFAULT.rules[0],) * 2), "name of its own"),
        (dataclasses.replace(DEFAULT, rules=(Rule("a", Outcome.AUTO, classes=("gone",)),)), "does not exist"),
        (dataclasses.replace(DEFAULT, rules=(Rule("a", Outcome.AUTO, kinds=("goodwill",)),)), "goodwill"),
        (dataclasses.replace(DEFAULT, rules=(Rule("a", Outcome.DENY, share_over=2.0),)), "between 0 and 1"),
        (dataclasses.replace(DEFAULT, customer_day=Cap(-1, 10)), "whole numbers"),
        (dataclasses.replace(DEFAULT, due_hours=80.0), "due time"),
        (dataclasses.replace(DEFAULT, breaker_factor=0.5), "breaker"),
    ],
)
def test_an_impossible_policy_is_refused_in_words(broken: object, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        check(broken)  # type: ignore[arg-type]


def test_a_draft_decides_nothing_until_it_is_put_in_force(session: Session) -> None:
    boss = reviewer(session, "Amir", "approver")
    first, _ = in_force(session)
    number = save_draft(session, actor=boss, policy=GENEROUS, note="lenient with photos")
    assert failed_case(session).state == "pending"
    activate(session, actor=boss, number=number, reason="agreed in the meeting", seen=first)
    assert failed_case(session).state == "auto_approved"
    assert versions(session)[0].activated_by == "Amir"


def test_a_policy_is_not_put_in_force_from_an_old_screen_nor_by_anyone(session: Session) -> None:
    boss, sue = reviewer(session, "Amir", "approver"), reviewer(session)
    first, _ = in_force(session)
    one = save_draft(session, actor=boss, policy=GENEROUS, note="one")
    other = save_draft(session, actor=boss, policy=DEFAULT, note="other")
    activate(session, actor=boss, number=one, reason="first", seen=first)
    with pytest.raises(Conflict, match=f"Version {one}"):
        activate(session, actor=boss, number=other, reason="second", seen=first)
    with pytest.raises(NotAllowed):
        save_draft(session, actor=sue, policy=DEFAULT, note="mine")
    with pytest.raises(InvalidInput, match="reason"):
        activate(session, actor=boss, number=other, reason=" ", seen=one)


def test_limits_hold_when_many_ask_at_once(database: Database) -> None:
    policy = dataclasses.replace(DEFAULT, customer_day=Cap(5, 1_000))
    granted: list[bool] = []

    def ask() -> None:
        with database.transaction() as session:
            granted.append(budgets.spend(session, policy, customer_id=7, amount=10) is None)

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(granted) == [False] * 7 + [True] * 5
    with database.transaction() as session:
        used = dict(session.execute(select(RefundBudget.scope, RefundBudget.used)).all())
    assert used == {
        "customer:7:day": 50,
        "customer:7:month": 50,
        "global:hour": 50,
        "provider:replicate:hour": 50,
    }


def test_three_times_the_usual_hour_stops_automatic_refunds_and_says_so(session: Session) -> None:
    policy = dataclasses.replace(DEFAULT, breaker_floor=2)
    session.execute(delete(RefundBudget).where(RefundBudget.scope == "none"))
    for hours_ago in (1, 2, 3):
        _hour_with_refunds(session, hours_ago, 1)
    refused = [budgets.spend(session, policy, customer_id=n, amount=10) for n in range(4)]
    assert [limit.scope if limit else None for limit in refused] == [None, None, None, "global:hour"]
    whole = next(each for each in limit_use(session) if each.title == "All customers")
    assert (whole.refunds, whole.refund_cap) == (3, 3)
    assert whole.tripped_at is not None


def test_a_refused_limit_takes_nothing_out_of_the_others(session: Session) -> None:
    policy = dataclasses.replace(DEFAULT, global_hour=Cap(0, 0))
    assert budgets.spend(session, policy, customer_id=7, amount=10) is not None
    assert session.scalar(select(func.coalesce(func.sum(RefundBudget.used), 0))) == 0


def test_a_replay_tells_what_a_draft_would_have_done_and_writes_nothing(session: Session) -> None:
    sue = reviewer(session)
    denied, paid, waiting = (failed_case(session, customer=rich(session, 100)) for _ in range(3))
    failed_case(session, failure_class=FailureClass.TIMEOUT)
    deciding.deny(session, actor=sue, case_id=denied.id, seen_seq=denied.seq, reason_code="refused_content")
    deciding.approve(
        session, actor=sue, case_id=paid.id, seen_seq=paid.seq, amount=10, reason_code="refused_in_error"
    )
    before = session.scalar(select(func.count()).select_from(PolicyDecision))
    found = replay(session, draft=GENEROUS, current=DEFAULT)
    assert found.cases == 4
    assert found.moved[Outcome.REVIEW, Outcome.AUTO].cases == 3
    assert found.moved[Outcome.REVIEW, Outcome.AUTO].credits == 30
    assert found.pays_denied.examples == [denied.id]
    assert found.spares_people.examples == [paid.id]
    assert waiting.state == "pending"
    assert session.scalar(select(func.count()).select_from(PolicyDecision)) == before


def test_a_replay_applies_the_limits_in_the_order_of_time(session: Session) -> None:
    customer = rich(session, 1_000)
    for _ in range(5):
        failed_case(session, failure_class=FailureClass.TIMEOUT, customer=customer)
    strict = dataclasses.replace(DEFAULT, customer_day=Cap(1, 1_000))
    found = replay(session, draft=strict, current=DEFAULT)
    assert (found.now[Outcome.AUTO].cases, found.draft[Outcome.AUTO].cases) == (3, 1)


WIDE = Cap(10_000, 10_000_000)
# Only the breaker can hold anything back.
BREAKER = dataclasses.replace(
    DEFAULT,
    breaker_floor=1,
    breaker_factor=2,
    customer_day=WIDE,
    customer_month=WIDE,
    global_hour=WIDE,
    provider_hour=WIDE,
)


@pytest.mark.parametrize(
    ("hours", "paid"),
    [
        # Hours of 2 and 10 refunds: a usual hour has 6, and twice that is 12.
        ({30: 2, 29: 10}, 12),
        # The median of three is the middle one.
        ({5: 1, 4: 3, 3: 40}, 6),
        # Thirteen days ago is still usual, fifteen days ago is not.
        ({13 * 24: 7}, 14),
        ({15 * 24: 7}, 1),
        ({}, 1),
    ],
)
def test_a_replay_trips_the_breaker_where_the_live_rule_does(
    session: Session, hours: dict[int, int], paid: int
) -> None:
    """`hours`: how many refunds there were, by how many hours ago."""
    for hours_ago, refunds in hours.items():
        _hour_with_refunds(session, hours_ago, refunds)
    customer = rich(session, 1_000)
    for _ in range(16):
        failed_case(session, failure_class=FailureClass.TIMEOUT, customer=customer)
    # All its cases are of this very transaction.
    found = replay(session, draft=DEFAULT, current=BREAKER, days=0)
    _forget_this_hour(session)
    live = [budgets.spend(session, BREAKER, customer_id=n, amount=10) for n in range(16)]
    assert (found.now[Outcome.AUTO].cases, live.count(None)) == (paid, paid)


def test_a_replay_knows_no_usual_hour_of_two_months_ago(session: Session) -> None:
    customer = rich(session, 1_000)
    first, *_ = [
        failed_case(session, failure_class=FailureClass.TIMEOUT, customer=customer) for _ in range(9)
    ]
    session.execute(text("SET LOCAL session_replication_role = replica"))
    session.execute(
        update(CompensationCase)
        .where(CompensationCase.id == first.id)
        .values(opened_at=func.now() - timedelta(days=60))
    )
    found = replay(session, draft=DEFAULT, current=dataclasses.replace(BREAKER, breaker_factor=5))
    # One then, and one now: five times the only hour that is known would have been five.
    assert found.now[Outcome.AUTO].cases == 2


def test_a_replay_takes_nothing_out_of_the_limits_that_are_in_force(session: Session) -> None:
    failed_case(session, failure_class=FailureClass.TIMEOUT)
    rows = select(RefundBudget.scope, RefundBudget.refunds, RefundBudget.used).order_by(RefundBudget.scope)
    before = session.execute(rows).all()
    replay(session, draft=GENEROUS, current=DEFAULT)
    assert before
    assert session.execute(rows).all() == before


def _hour_with_refunds(session: Session, hours_ago: int, refunds: int) -> None:
    start = func.date_trunc("hour", func.now(), "UTC") - func.make_interval(0, 0, 0, 0, hours_ago)
    session.add(
        RefundBudget(
            scope="global:hour",
            window_start=start,
            refunds=refunds,
            used=10 * refunds,
            credit_cap=10_000,
            refund_cap=10_000,
        )
    )
    session.flush()


def _forget_this_hour(session: Session) -> None:
    """As if no case of this test had been paid yet; only a superuser can delete a budget."""
    session.execute(text("SET LOCAL session_replication_role = replica"))
    session.execute(
        delete(RefundBudget).where(RefundBudget.window_start >= func.date_trunc("hour", func.now(), "UTC"))
    )


def test_differences_are_told_in_words() -> None:
    strict = dataclasses.replace(GENEROUS, rules=GENEROUS.rules[:-1], small_limit=5)
    told = " ".join(differences(DEFAULT, strict))
    assert "Rule “lenient” is new: class content_policy: paid at once." in told
    assert "Rule “the customer's content or input” is gone." in told
    assert "Silence pays up to: 20, now 5." in told
