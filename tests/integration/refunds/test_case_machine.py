"""Whatever is done to cases in whatever order, credits and states are those of a small model in plain Python.

`make prove` runs 10,000 sequences.
"""

import contextlib
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as given_seed
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine
from sqlalchemy import select, text, update

from core.access.permissions import Actor
from core.classification.taxonomy import FailureClass
from core.desks.refunds import claims
from core.foundation.database import Database
from core.foundation.errors import InsufficientCredits, OperatorError
from core.ledger import moves as ledger
from core.ledger import views
from core.ledger.books import check_books
from core.refunds import clock, deciding, intents, opening, reversing, versions
from core.refunds.policy import Cap, Outcome, Policy, Rule
from core.tables.customers import Customer
from core.tables.generation import Generation
from core.tables.refunds import CompensationCase
from tests.support import case_model as plain
from tests.support.cases import OneTransaction, came_after_all, reviewer
from tests.support.factories import NOON, make_customer, make_generation
from tests.support.running.lengths import length
from tests.support.running.run import seed

# `make prove` makes 10,000 sequences, in parts of so many.
SEQUENCES = length(short=48, full=250)
PARTS = 6

RULES = Policy(
    rules=(
        Rule("canceled", Outcome.AUTO, classes=(FailureClass.CANCELED,)),
        Rule("many", Outcome.REVIEW, refunds_over=plain.SEES_AUTO),
        *(
            Rule(name, Outcome(outcome), classes=(FailureClass(name),))
            for name, outcome in plain.OUTCOMES.items()
        ),
    ),
    customer_day=Cap(*plain.DAY),
    customer_month=Cap(*plain.MONTH),
    provider_hour=Cap(*plain.HOUR),
    global_hour=Cap(*plain.HOUR),
    second_over=plain.SECOND_OVER,
    small_limit=plain.SMALL,
    due_hours=1.0,
    hard_limit_hours=2.0,
    breaker_factor=1.0,
    breaker_floor=plain.HOUR[0],
)

wallets = st.integers(0, 1)
amounts = st.one_of(st.integers(1, 12), st.sampled_from([0, 29, 30, 31, 45]))
prices = st.sampled_from([1, 3, 8, 9, 10, 20, 40])
people = st.sampled_from(sorted(plain.STAFF))
picks = st.integers(0, 30)
# Mostly the newest screen, sometimes one that the case has left behind.
screens = st.sampled_from([0, 0, 0, 0, 0, 0, 1])
parts = st.sampled_from([0, 0, 0, 1, 5, -1])


class Machine(RuleBasedStateMachine):
    """The services, beside the model; each rule does the same to both."""

    database: Database

    def __init__(self) -> None:
        super().__init__()
        self.session = self.database.sessions()
        self.one = OneTransaction.of(self.database, self.session)
        self.model = plain.Model()
        self.customers = [make_customer(self.session, name=name).id for name in ("Ada", "Bo")]
        self.people = {name: reviewer(self.session, name, role) for name, role in plain.STAFF.items()}
        self.numbers: list[int] = []  # of the model's jobs
        self.ids: list[int] = []  # of the model's cases

    @initialize(first=st.integers(1, 120), second=st.integers(1, 60))
    def begin(self, first: int, second: int) -> None:
        boss = self.people["Ada"]
        seen, _ = versions.in_force(self.session)
        number = versions.save_draft(self.session, actor=boss, policy=RULES, note="for the model")
        versions.activate(self.session, actor=boss, number=number, reason="for the model", seen=seen)
        self.grant(0, first)
        self.grant(1, second)

    def teardown(self) -> None:
        if self.session.is_active:
            try:
                assert check_books(self.session) == []
            finally:
                self.session.rollback()
        self.session.close()

    @rule(customer=wallets, amount=st.integers(1, 60))
    def grant(self, customer: int, amount: int) -> None:
        ledger.grant(
            self.session,
            customer_id=self.customers[customer],
            amount=amount,
            reason="r",
            key=uuid.uuid4().hex,
            actor="Sam",
        )
        self.model.grant(customer, amount)

    @rule(customer=wallets, price=prices)
    def charge(self, customer: int, price: int) -> None:
        allowed = self.model.charge(customer, price)
        with contextlib.suppress(InsufficientCredits), self.session.begin_nested():
            number = self._ask(customer, price)
            ledger.charge(
                self.session,
                generation_id=number,
                customer_id=self.customers[customer],
                amount=price,
                actor="Sam",
            )
            assert allowed
            self.numbers.append(number)
            return
        assert not allowed

    @precondition(lambda self: any(job.end is None for job in self.model.jobs))
    @rule(pick=picks, end=st.sampled_from(["succeeded", "canceled", *plain.OUTCOMES]))
    def end(self, pick: int, end: str) -> None:
        running = [number for number, job in enumerate(self.model.jobs) if job.end is None]
        which = running[pick % len(running)]
        job, number = self.model.jobs[which], self.numbers[which]
        failed = end in plain.OUTCOMES
        generation = self.session.get_one(Generation, number)
        generation.state, generation.finished_at = ("failed" if failed else end), NOON
        if failed:
            generation.failure_class, generation.failure_message = end, "It did not work."
        self.session.flush()
        if end == "succeeded":
            self.model.succeed(job)
            ledger.capture(self.session, generation_id=number, actor="worker")
            return
        if failed:
            self.model.fail(job, end)
            case = opening.open_failure(
                self.session, generation_id=number, failure_class=FailureClass(end), fingerprint=None
            )
        else:
            self.model.cancel(job)
            case = opening.open_cancel(self.session, generation_id=number)
        self.ids.append(case.id)

    @precondition(lambda self: self.model.jobs)
    @rule(pick=picks, who=people, amount=amounts)
    def goodwill(self, pick: int, who: str, amount: int) -> None:
        which = pick % len(self.numbers)
        opened = self.model.goodwill(self.model.jobs[which], amount)

        def ask() -> None:
            case = opening.open_goodwill(
                self.session,
                actor=self.people[who],
                generation_id=self.numbers[which],
                amount=amount,
                note="n",
                key=uuid.uuid4().hex,
            )
            self.ids.append(case.id)

        self.agree(opened is not None, ask)

    @precondition(lambda self: self.model.cases)
    @rule(pick=picks, who=people, part=parts, old=screens)
    def approve(self, pick: int, who: str, part: int, old: int) -> None:
        _number, case, terms = self._take(pick, who, old)
        amount = case.requested - part
        allowed = self.model.approve(case, who, terms["seen_seq"], amount)
        self.agree(
            allowed, lambda: deciding.approve(self.session, amount=amount, reason_code="our_fault", **terms)
        )

    @precondition(lambda self: self.model.cases)
    @rule(pick=picks, who=people, part=parts, old=screens)
    def send_to_second(self, pick: int, who: str, part: int, old: int) -> None:
        _number, case, terms = self._take(pick, who, old)
        amount = case.requested - part
        allowed = self.model.second(case, who, terms["seen_seq"], amount)
        terms |= {"amount": amount, "reason_code": "our_fault"}
        self.agree(allowed, lambda: deciding.send_to_second(self.session, **terms))

    @precondition(lambda self: self.model.cases)
    @rule(pick=picks, who=people, old=screens)
    def deny(self, pick: int, who: str, old: int) -> None:
        _number, case, terms = self._take(pick, who, old)
        allowed = self.model.deny(case, who, terms["seen_seq"])
        self.agree(allowed, lambda: deciding.deny(self.session, reason_code="other_denied", **terms))

    @precondition(lambda self: any(case.state == "needs_second" for case in self.model.cases))
    @rule(pick=picks, who=people, old=screens)
    def send_back(self, pick: int, who: str, old: int) -> None:
        _number, case, terms = self._take(pick, who, old)
        allowed = self.model.send_back(case, who, terms["seen_seq"])
        self.agree(allowed, lambda: deciding.send_back(self.session, note="n", **terms))

    @precondition(lambda self: any(case.state == "denied" for case in self.model.cases))
    @rule(pick=picks, who=people, old=screens)
    def appeal(self, pick: int, who: str, old: int) -> None:
        _number, case, terms = self._take(pick, who, old, "denied")
        allowed = self.model.appeal(case, who, terms["seen_seq"])
        self.agree(allowed, lambda: deciding.appeal(self.session, note="n", **terms))

    @precondition(lambda self: any(case.state in plain.PAID for case in self.model.cases))
    @rule(pick=picks, who=people, asked_by=st.one_of(st.none(), people), old=screens)
    def reverse(self, pick: int, who: str, asked_by: str | None, old: int) -> None:
        number, case, terms = self._take(pick, who, old, *plain.PAID)
        short = max(0, (case.amount or 0) - self.model.held[case.job.customer])
        shown = reversing.preview(self.session, actor=self.people[who], case_id=self.ids[number])
        assert (shown.amount, shown.clawback) == (case.amount, short)
        allowed = self.model.reverse(case, who, terms["seen_seq"], asked_by)
        asked = self.people[asked_by].id if asked_by else None
        self.agree(allowed, lambda: reversing.reverse_case(self.session, reason="r", asked_by=asked, **terms))

    @precondition(lambda self: any(case.state in plain.OPEN for case in self.model.cases))
    @rule(pick=picks)
    def withdraw(self, pick: int) -> None:
        ended = [number for number, job in enumerate(self.model.jobs) if job.end == "failed"]
        if ended:
            which = ended[pick % len(ended)]
            told = came_after_all(self.session, self.numbers[which])
            assert told == self.model.withdraw(self.model.jobs[which])

    @precondition(lambda self: any(case.state in plain.OPEN for case in self.model.cases))
    @rule(pick=picks, who=people)
    def claim(self, pick: int, who: str) -> None:
        number, case, _ = self._take(pick, who, 0)
        case_id = self.ids[number]
        self.agree(
            self.model.claim(case, who),
            lambda: claims.claim(self.session, actor=self.people[who], case_id=case_id),
        )

    @precondition(lambda self: self.model.cases)
    @rule(pick=picks, over=st.booleans())
    def time_passes(self, pick: int, over: bool) -> None:
        number, case, _ = self._take(pick, "Sue", 0)
        hours = "2 hours" if over else "1 hour"
        late = text(f"opened_at - interval '{hours}'")
        values = {"hard_limit_at" if over else "due_at": late}
        chosen = update(CompensationCase).where(CompensationCase.id == self.ids[number])
        self.session.execute(chosen.values(values))
        self.session.expire_all()
        if over:
            case.over = True
        else:
            case.due = True
        assert clock.lapse(self.one) == self.model.lapse()

    @precondition(lambda self: self.model.cases)
    @rule(
        pick=picks,
        who=people,
        part=parts,
        old=screens,
        decision=st.sampled_from(["approve", "deny", "second"]),
    )
    def intend(self, pick: int, who: str, part: int, old: int, decision: Any) -> None:
        number, case, terms = self._take(pick, who, old)
        amount = case.requested - part
        allowed = self.model.intend(number, who, terms["seen_seq"], decision, amount)
        terms |= {"decision": decision, "amount": amount, "undo_seconds": 0.0}
        terms["reason_code"] = "other_denied" if decision == "deny" else "our_fault"
        self.agree(allowed, lambda: intents.intend(self.session, **terms))

    @precondition(lambda self: self.model.intents)
    @rule(pick=picks, who=people)
    def undo(self, pick: int, who: str) -> None:
        numbers = list(self.model.intents)
        number = numbers[pick % len(numbers)]
        case_id = self.ids[number]
        self.agree(
            self.model.undo(number, who),
            lambda: intents.undo(self.session, actor=self.people[who], case_id=case_id),
        )

    @precondition(lambda self: self.model.intents)
    @rule()
    def carry_out(self) -> None:
        done = intents.carry_out_due(self.one)
        assert len(done) == self.model.carry_out()

    @invariant()
    def credits_are_where_the_model_has_them(self) -> None:
        self.session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
        self.session.execute(text("SET CONSTRAINTS ALL DEFERRED"))
        held = [ledger.balance(self.session, customer_id=customer) for customer in self.customers]
        assert held == self.model.held
        assert views.account_totals(self.session) == self.model.totals()

    @invariant()
    def cases_stand_where_the_model_has_them(self) -> None:
        rows = self.session.execute(
            select(CompensationCase.state, CompensationCase.seq, CompensationCase.amount).order_by(
                CompensationCase.id
            )
        )
        assert [tuple(row) for row in rows] == [(c.state, c.seq, c.amount) for c in self.model.cases]

    def agree(self, allowed: bool, call: Callable[[], object]) -> None:
        """Do it; the services refuse exactly what the model refuses, and then change nothing."""
        try:
            with self.session.begin_nested():
                call()
        except OperatorError:
            if allowed:
                raise
        else:
            assert allowed

    def _ask(self, customer: int, price: int) -> int:
        row = self.session.get_one(Customer, self.customers[customer])
        return make_generation(self.session, customer=row, credits=price).id

    def _take(self, pick: int, who: str, old: int, *states: str) -> tuple[int, plain.Case, dict[str, Any]]:
        chosen = [
            number for number, case in enumerate(self.model.cases) if not states or case.state in states
        ]
        number = chosen[pick % len(chosen)]
        case = self.model.cases[number]
        actor: Actor = self.people[who]
        return number, case, {"actor": actor, "case_id": self.ids[number], "seen_seq": case.seq - old}


@pytest.mark.prover
@pytest.mark.parametrize("part", range(PARTS))
def test_cases_and_credits_agree_with_plain_numbers(shared_database: Database, part: int) -> None:
    machine = given_seed(seed() + part)(type("Cases", (Machine,), {"database": shared_database}))
    run_machine(
        machine,
        settings=settings(
            max_examples=-(-SEQUENCES // PARTS),
            stateful_step_count=25,
            deadline=None,
            database=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )
