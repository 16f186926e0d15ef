"""A picture that comes after its generation had failed, while a person still decides on the credits."""

import dataclasses

import pytest
from sqlalchemy import func, select, update

from core.generation.stragglers import end_overdue, stop_unwanted
from core.generation.submit import claim_to_submit, submit
from core.generation.sweep import sweep
from core.ledger.books import check_books
from core.refunds import deciding
from core.refunds.policy import DEFAULT
from core.refunds.versions import activate, in_force, save_draft
from core.rollups.absorb import absorb
from core.tables.failures import GenerationTally
from core.tables.generation import Generation, State
from core.tables.refunds import CompensationCase
from tests.support.desk import TestDesk, wait_for, working


@pytest.fixture
def reviewing(desk: TestDesk) -> TestDesk:
    """A desk where people decide on everything."""
    with desk.database.transaction() as session:
        number, _ = in_force(session)
        strict = dataclasses.replace(DEFAULT, rules=())
        draft = save_draft(session, actor=desk.admin, policy=strict, note="people decide")
        activate(session, actor=desk.admin, number=draft, reason="test", seen=number)
    return desk


def timed_out(desk: TestDesk) -> int:
    """A generation that the provider draws, and that has failed here meanwhile."""
    generation_id = desk.ask()
    [claim] = claim_to_submit(desk.services, worker="w1", free=1)
    submit(desk.services, claim)
    with desk.database.transaction() as session:
        session.execute(update(Generation).values(deadline_at=func.now()))
    assert end_overdue(desk.services) == 1
    assert desk.generation(generation_id).state == State.FAILED
    return generation_id


def drawn_there(desk: TestDesk) -> bool:
    return desk.sandbox.state.order[0].status == "succeeded"


def case_of(desk: TestDesk, generation_id: int) -> CompensationCase:
    with desk.database.transaction() as session:
        return session.scalars(
            select(CompensationCase).where(CompensationCase.generation_id == generation_id)
        ).one()


def tallies(desk: TestDesk) -> dict[tuple[str, str], int]:
    absorb(desk.database)
    with desk.database.transaction() as session:
        rows = session.execute(
            select(GenerationTally.outcome, GenerationTally.failure_class, GenerationTally.generations).where(
                GenerationTally.dimension == "all",
                GenerationTally.grain == "day",
                GenerationTally.generations != 0,
            )
        )
        return {(outcome, name): count for outcome, name, count in rows}


@pytest.mark.parametrize("counted", [True, False])
def test_it_is_delivered_for_the_price_and_the_case_is_withdrawn(reviewing: TestDesk, counted: bool) -> None:
    generation_id = timed_out(reviewing)
    if counted:
        assert tallies(reviewing) == {("failed", "timeout"): 1}
    wait_for(lambda: drawn_there(reviewing))
    with working(reviewing):
        wait_for(lambda: reviewing.generation(generation_id).state == State.SUCCEEDED)
    assert case_of(reviewing, generation_id).state == "withdrawn"
    assert reviewing.wallet() == 990
    assert tallies(reviewing) == {("succeeded", ""): 1}
    with reviewing.database.transaction() as session:
        assert check_books(session) == []


def test_once_it_was_paid_back_it_is_not_delivered_any_more(reviewing: TestDesk) -> None:
    generation_id = timed_out(reviewing)
    case = case_of(reviewing, generation_id)
    with reviewing.database.transaction() as session:
        deciding.approve(
            session,
            actor=reviewing.admin,
            case_id=case.id,
            seen_seq=case.seq,
            amount=10,
            reason_code="provider_fault",
        )
    wait_for(lambda: drawn_there(reviewing))
    stop_unwanted(reviewing.services)
    sweep(reviewing.services, worker="w1")
    assert reviewing.generation(generation_id).state == State.FAILED
    assert reviewing.wallet() == 1000


def test_one_that_was_asked_for_again_stays_failed(reviewing: TestDesk) -> None:
    generation_id = timed_out(reviewing)
    reviewing.ask(retry_of=generation_id)
    wait_for(lambda: drawn_there(reviewing))
    stop_unwanted(reviewing.services)
    assert reviewing.generation(generation_id).state == State.FAILED
    assert case_of(reviewing, generation_id).state == "pending"
