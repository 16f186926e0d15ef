"""A worker that makes the retries of a batch is killed: the next one makes exactly the missing ones."""

from pathlib import Path

from sqlalchemy import select

from core.monitoring.retries.batches import start
from core.monitoring.retries.plan import plan
from core.tables.generation import Generation, State
from core.tables.retries import RetryBatch
from tests.chaos.checks import check_all
from tests.chaos.processes import start_worker
from tests.support.desk import TestDesk, wait_for, working
from tests.support.retries import everything, retries_of

GENERATIONS = 24
KILLED_AT = 6


def test_a_killed_worker_leaves_a_batch_that_the_next_one_finishes(desk: TestDesk, tmp_path: Path) -> None:
    # So few at the provider at once that the batch cannot be asked for in one go.
    desk = desk.with_settings(max_in_flight=3)
    failed = fail_all(desk)
    start_batch(desk, failed[0])
    with start_worker(desk.services.settings, tmp_path / "first"):
        wait_for(lambda: len(retries_of(desk.database, failed)) >= KILLED_AT)
    made = len(retries_of(desk.database, failed))
    assert made < GENERATIONS
    with start_worker(desk.services.settings, tmp_path / "second") as second:
        wait_for(lambda: batch_state(desk) == "done" and desk.all_ended())
        assert second.terminate() == 0
    assert retries_of(desk.database, failed) == failed
    with desk.database.transaction() as session:
        states = session.scalars(select(Generation.state).where(Generation.retry_of.is_not(None))).all()
    assert set(states) == {State.SUCCEEDED}
    # A person decides on what failed, so it is in flight still, beside what the retries cost.
    assert desk.wallet() == 1000 - 2 * GENERATIONS * desk.services.settings.credits_per_avatar
    check_all(desk)


def fail_all(desk: TestDesk) -> list[int]:
    """Generations that the provider refuses once each."""
    ids = [desk.ask(f"Hero {n} [sandbox:invalid_image x1]") for n in range(GENERATIONS)]
    with working(desk):
        wait_for(desk.all_ended)
    assert {desk.generation(each).state for each in ids} == {State.FAILED}
    return ids


def start_batch(desk: TestDesk, failed: int) -> None:
    name, scope = desk.generation(failed).fingerprint, everything()
    assert name is not None
    settings = desk.services.settings
    with desk.database.transaction() as session:
        found = plan(session, settings, fingerprint=name, scope=scope)
        assert len(found.prices) == GENERATIONS
        start(session, settings, actor=desk.admin, fingerprint=name, scope=scope, token=found.token)


def batch_state(desk: TestDesk) -> str:
    with desk.database.transaction() as session:
        return session.scalars(select(RetryBatch.state)).one()
