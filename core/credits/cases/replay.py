"""A draft policy over the cases of the past: what it would have decided otherwise. Nothing is written.

Each case is judged by what the policy in force saw of it then. The limits are applied anew, in the order of
time, for the draft and for the policy in force alike, so that only the rules make the difference.
"""

import dataclasses
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.credits.cases.models import CompensationCase, PolicyDecision
from core.credits.cases.policy import CaseFacts, Outcome, Policy, decide
from core.credits.cases.states import CaseKind, CaseState

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


class _Limits:
    """The budget rows of one policy, in memory."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._refunds: dict[tuple[str, int, datetime], int] = defaultdict(int)
        self._credits: dict[tuple[str, int, datetime], int] = defaultdict(int)
        self._usual: list[int] = []
        self._hour: datetime | None = None

    def spend(self, at: datetime, customer: int, amount: int) -> bool:
        """Take one refund out of every limit, or out of none; says whether all of them held."""
        there = at.astimezone(UTC)
        day = there.replace(hour=0, minute=0, second=0, microsecond=0)
        hour = there.replace(minute=0, second=0, microsecond=0)
        self._turn(hour)
        policy = self._policy
        rows = (
            (("customer_day", customer, day), policy.customer_day.refunds, policy.customer_day.credits),
            (
                ("customer_month", customer, day.replace(day=1)),
                policy.customer_month.refunds,
                policy.customer_month.credits,
            ),
            (
                ("global_hour", 0, hour),
                min(policy.global_hour.refunds, self._breaker()),
                policy.global_hour.credits,
            ),
            (("provider_hour", 0, hour), policy.provider_hour.refunds, policy.provider_hour.credits),
        )
        if any(
            self._refunds[key] + 1 > refunds or self._credits[key] + amount > credits_cap
            for key, refunds, credits_cap in rows
        ):
            return False
        for key, _, _ in rows:
            self._refunds[key] += 1
            self._credits[key] += amount
        return True

    def _turn(self, hour: datetime) -> None:
        """With a new hour the former one joins what is usual, for two weeks of hours with refunds."""
        if hour == self._hour:
            return
        if self._hour is not None and (former := self._refunds["global_hour", 0, self._hour]):
            self._usual = [*self._usual, former][-14 * 24 :]
        self._hour = hour

    def _breaker(self) -> int:
        usual = sorted(self._usual)
        middle = usual[len(usual) // 2] if usual else 0
        return max(self._policy.breaker_floor, int(self._policy.breaker_factor * middle))


def replay(session: Session, *, draft: Policy, current: Policy, days: int = DAYS) -> Replay:
    """Put every failure case of the last `days` days to both policies."""
    found = Replay(since=session.scalars(select(func.now() - timedelta(days=days))).one())
    limits_now, limits_draft = _Limits(current), _Limits(draft)
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
        now, _ = _decide(current, limits_now, seen, opened_at, customer)
        then, rule = _decide(draft, limits_draft, seen, opened_at, customer)
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


def _decide(
    policy: Policy, limits: _Limits, seen: CaseFacts, at: datetime, customer: int
) -> tuple[Outcome, str]:
    verdict = decide(policy, seen)
    if verdict.outcome is Outcome.AUTO and not limits.spend(at, customer, seen.amount):
        return Outcome.REVIEW, "a limit is reached"
    return verdict.outcome, verdict.rule


def _against_people(found: Replay, case_id: int, amount: int, then: Outcome, state: CaseState) -> None:
    if then is Outcome.AUTO and state is CaseState.DENIED:
        found.pays_denied.add(case_id, amount)
    elif then is Outcome.DENY and state is CaseState.APPROVED:
        found.keeps_paid.add(case_id, amount)
    elif then is Outcome.AUTO and state is CaseState.APPROVED:
        found.spares_people.add(case_id, amount)
