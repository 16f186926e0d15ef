"""Whatever is asked in whatever order, the ledger does what a dictionary of numbers would do."""

import dataclasses
import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from core.foundation.database import Database
from core.foundation.errors import Conflict, InsufficientCredits
from core.ledger import moves as ledger
from core.ledger import views
from core.ledger.books import check_books
from core.ledger.posting import Posted
from tests.support.cases import case_of
from tests.support.factories import make_customer, make_generation
from tests.support.wallets import ended

pytestmark = pytest.mark.slow

wallets = st.integers(0, 1)
steps = st.one_of(
    st.tuples(st.just("grant"), wallets, st.integers(1, 30)),
    st.tuples(st.just("request"), wallets, st.integers(1, 20)),
    st.tuples(st.sampled_from(["succeeded", "canceled"]), st.integers(0, 9), st.just(0)),
    st.tuples(st.just("charge again"), st.integers(0, 9), st.just(0)),
)


@dataclasses.dataclass
class Job:
    """What the model knows of one charged generation."""

    number: int
    wallet: int
    price: int
    end: str | None = None


class Model:
    """The expected balances, held in plain numbers, beside the real ledger."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.customers = [make_customer(session) for _ in range(2)]
        self.held = [0, 0]
        self.jobs: list[Job] = []
        self.granted = 0

    def step(self, what: str, which: int, amount: int) -> None:
        if what == "grant":
            self.grant(which, amount)
        elif what == "request":
            self.request(which, amount)
        elif self.jobs:
            job = self.jobs[which % len(self.jobs)]
            if what == "charge again":
                assert self.charge(job.number, job.wallet, job.price).replayed
            else:
                self.end(job, what)

    def grant(self, wallet: int, amount: int) -> None:
        ledger.grant(
            self.session,
            customer_id=self.customers[wallet].id,
            amount=amount,
            reason="r",
            key=uuid.uuid4().hex,
            actor="Sam",
        )
        self.held[wallet] += amount
        self.granted += amount

    def request(self, wallet: int, price: int) -> None:
        savepoint = self.session.begin_nested()
        number = make_generation(self.session, customer=self.customers[wallet], credits=price).id
        try:
            self.charge(number, wallet, price)
        except InsufficientCredits:
            assert price > self.held[wallet]
            savepoint.rollback()
        else:
            assert price <= self.held[wallet]
            self.held[wallet] -= price
            self.jobs.append(Job(number, wallet, price))

    def charge(self, number: int, wallet: int, price: int) -> Posted:
        customer = self.customers[wallet].id
        return ledger.charge(
            self.session, generation_id=number, customer_id=customer, amount=price, actor="Sam"
        )

    def end(self, job: Job, end: str) -> None:
        if job.end is None:
            ended(self.session, job.number, end)
            job.end = end
            self.held[job.wallet] += job.price if end != "succeeded" else 0
            return
        try:
            posted = self.settle(job, end)
        except (Conflict, NoResultFound):
            assert (job.end == "succeeded") != (end == "succeeded")
        else:
            assert posted.replayed
            assert (job.end == "succeeded") == (end == "succeeded")

    def settle(self, job: Job, end: str) -> Posted:
        if end == "succeeded":
            return ledger.capture(self.session, generation_id=job.number, actor="Sam")
        return ledger.refund(
            self.session,
            case_id=case_of(self.session, job.number).id,
            generation_id=job.number,
            amount=job.price,
            actor="Sam",
            reason=end,
        )

    def compare(self) -> None:
        assert [ledger.balance(self.session, customer_id=who.id) for who in self.customers] == self.held
        totals = views.account_totals(self.session)
        assert totals["in_flight"] == sum(job.price for job in self.jobs if job.end is None)
        assert totals["revenue"] == sum(job.price for job in self.jobs if job.end == "succeeded")
        assert totals["issued"] == -self.granted


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=st.lists(steps, min_size=3, max_size=14))
def test_the_ledger_agrees_with_plain_numbers(
    shared_database: Database, asked: list[tuple[str, int, int]]
) -> None:
    with shared_database.sessions() as session:
        model = Model(session)
        for step in asked:
            model.step(*step)
            model.compare()
        session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
        assert check_books(session) == []
        session.rollback()
