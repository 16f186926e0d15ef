"""A draft policy over the cases of the past: what it would have decided otherwise. Nothing is kept.

Each case is judged by what the policy in force saw of it then. The limits are applied anew, in the order of
time, for the draft and for the policy in force alike, so that only the rules make the difference. It is the
live rule that applies them (`budgets.spend`), on rows that are rolled back.
"""

import dataclasses
from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from core.refunds import budgets
from core.refunds.policy import CaseFacts, Outcome, Policy, decide
from core.tables.refund_states import CaseKind, CaseState
from core.tables.refunds import CompensationCase, PolicyDecision

DAYS = 90
# How many cases of each kind of difference are named.
EXAMPLES = 20


@dataclasses.dataclass
class Tally:
    """How many cases, how many credits, and some of their numbers."""

    cases: int = 0
    credits: int = 0
    examples: list[int] = dataclasses.field(default_factory=list)

    def add(self, case_id: int, amount: int) -> None:
        self.cases += 1
        self.credits += amount
        if len(self.examples) < EXAMPLES:
            self.examples.append(case_id)


@dataclasses.dataclass
class Replay:
    """What came of it. `moved` goes from the outcome now to that of the draft; the last three hold the draft
    against what people decided: paid what they denied, kept what they paid, spared them what they paid."""

    since: datetime
    cases: int = 0
    now: dict[Outcome, Tally] = dataclasses.field(default_factory=lambda: defaultdict(Tally))
    draft: dict[Outcome, Tally] = dataclasses.field(default_factory=lambda: defaultdict(Tally))
    moved: dict[tuple[Outcome, Outcome], Tally] = dataclasses.field(
        default_factory=lambda: defaultdict(Tally)
    )
    by_rule: dict[str, Tally] = dataclasses.field(default_factory=lambda: defaultdict(Tally))
    pays_denied: Tally = dataclasses.field(default_factory=Tally)
    keeps_paid: Tally = dataclasses.field(default_factory=Tally)
    spares_people: Tally = dataclasses.field(default_factory=Tally)


# The hours before the first case belong to what is usual then, for a trial as for the live rule.
USUAL_BEFORE = text("""
INSERT INTO refund_budget (scope, window_start, used, refunds, credit_cap, refund_cap)
    SELECT :book || scope, window_start, used, refunds, credit_cap, refund_cap FROM refund_budget
    WHERE scope = 'global:hour' AND window_start < date_trunc('hour', CAST(:since AS timestamptz), 'UTC')
        AND window_start >= CAST(:since AS timestamptz) - interval '15 days'
""")


@dataclasses.dataclass(frozen=True)
class _Trial:
    """One policy on trial. Its limits are kept by the live rule, in rows of a book of its own."""

    session: Session
    policy: Policy
    book: str

    def decide(self, seen: CaseFacts, *, customer_id: int, at: datetime) -> tuple[Outcome, str]:
        """What the policy does with a case, and by which rule."""
        verdict = decide(self.policy, seen)
        if verdict.outcome is Outcome.AUTO and self._refused(customer_id, seen.amount, at):
            return Outcome.REVIEW, "a limit is reached"
        return verdict.outcome, verdict.rule

    def _refused(self, customer_id: int, amount: int, at: datetime) -> bool:
        refused = budgets.spend(
            self.session, self.policy, customer_id=customer_id, amount=amount, at=at, book=self.book
        )
        return refused is not None


def replay(session: Session, *, draft: Policy, current: Policy, days: int = DAYS) -> Replay:
    """Put every failure case of the last `days` days to both policies."""
    # Never kept: the rows of the trials' limits exist only inside this savepoint.
    trial = session.begin_nested()
    try:
        return _replay(session, draft, current, days)
    finally:
        trial.rollback()


def _replay(session: Session, draft: Policy, current: Policy, days: int) -> Replay:
    found = Replay(since=session.scalars(select(func.now() - timedelta(days=days))).one())
    in_force = _trial(session, current, "replay:now:", found.since)
    proposed = _trial(session, draft, "replay:draft:", found.since)
    rows = session.execute(
        select(
            CompensationCase.id,
            CompensationCase.customer_id,
            CompensationCase.opened_at,
            CompensationCase.state,
            CompensationCase.decided_by,
            PolicyDecision.inputs,
        )
        .join(PolicyDecision, PolicyDecision.case_id == CompensationCase.id)
        .where(CompensationCase.kind == CaseKind.FAILURE, CompensationCase.opened_at >= found.since)
        .order_by(CompensationCase.opened_at, CompensationCase.id)
        .execution_options(yield_per=5_000)
    )
    for case_id, customer, opened_at, state, decided_by, inputs in rows:
        seen = facts_of(inputs)
        now, _ = in_force.decide(seen, customer_id=customer, at=opened_at)
        then, rule = proposed.decide(seen, customer_id=customer, at=opened_at)
        found.cases += 1
        found.now[now].add(case_id, seen.amount)
        found.draft[then].add(case_id, seen.amount)
        found.by_rule[rule].add(case_id, seen.amount)
        if now is not then:
            found.moved[now, then].add(case_id, seen.amount)
        if decided_by is not None:
            _against_people(found, case_id, seen.amount, then, CaseState(state))
    return found


def facts_of(inputs: dict[str, Any]) -> CaseFacts:
    """What a policy saw of a case, as its decision kept it."""
    return CaseFacts(**{**inputs, "kind": CaseKind(inputs["kind"])})


def _trial(session: Session, policy: Policy, book: str, since: datetime) -> _Trial:
    session.execute(USUAL_BEFORE, {"book": book, "since": since})
    return _Trial(session, policy, book)


def _against_people(found: Replay, case_id: int, amount: int, then: Outcome, state: CaseState) -> None:
    if then is Outcome.AUTO and state is CaseState.DENIED:
        found.pays_denied.add(case_id, amount)
    elif then is Outcome.DENY and state is CaseState.APPROVED:
        found.keeps_paid.add(case_id, amount)
    elif then is Outcome.AUTO and state is CaseState.APPROVED:
        found.spares_people.add(case_id, amount)
