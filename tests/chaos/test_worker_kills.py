"""Every fault of the provider, and workers that are killed: each generation ends, none is paid twice."""

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import func, select, text

from core.generation.cancel import request_cancel
from core.images.intake import take_in
from core.images.selfies import keep_selfie
from core.provider.gateway import LARGEST_DATA_URI_FILE
from core.sandbox.faults import FAULTS
from core.tables.generation import OPEN, Generation, State, WorkerBeat
from tests.chaos.checks import at_least, check_all
from tests.chaos.processes import Process, start_worker
from tests.support.desk import TestDesk, wait_for
from tests.support.pictures import astronaut, encode
from tests.support.running import lengths
from tests.support.running.lengths import length, some

# A run meets some of the faults, by its dice; `make prove` all of them.
MET = some(sorted(FAULTS), 24, "faults")
GENERATIONS = length(short=36, full=100)
WORKERS = 2
KILLS = length(short=2, full=3)
CANCELED_AT_EACH_KILL = 2
LONGEST_PAUSE_SECONDS = 3


@pytest.mark.prover
def test_generations_survive_every_fault_and_killed_workers(desk: TestDesk, tmp_path: Path) -> None:
    dice = lengths.dice("worker kills")
    large = large_selfie(desk)
    plain = ask_for_all(desk, dice, large)
    team = Team(desk, tmp_path)
    try:
        for goal in sorted(dice.sample(range(GENERATIONS // 10, GENERATIONS * 8 // 10), KILLS)):
            wait_for(time_flies(desk, at_least(desk, goal)))
            cancel_some(desk, dice)
            team.replace(dice.randrange(WORKERS))
        wait_for(time_flies(desk, desk.all_ended))
    finally:
        codes = team.stop()
    assert codes == [0] * WORKERS
    assert farewells(desk) == (KILLS, WORKERS)
    check_all(desk)
    good = sum(desk.generation(generation_id).state == State.SUCCEEDED for generation_id in plain)
    assert good > len(plain) // 2
    assert {"files", "predictions"} <= {path.rpartition("/")[2] for path in desk.sandbox.state.request_counts}


def ask_for_all(desk: TestDesk, dice: random.Random, large: int) -> list[int]:
    """A generation for each fault that is met, the others without one, shuffled; the ids of the latter."""
    names = [*MET, *[""] * (GENERATIONS - len(MET))]
    dice.shuffle(names)
    plain = []
    for number, name in enumerate(names):
        prompt = f"Hero {number} [sandbox:{name} x1]" if name else f"Hero {number}"
        generation_id = desk.ask(prompt, selfie_id=dice.choice((desk.selfie_id, large)))
        if not name:
            plain.append(generation_id)
    return plain


def large_selfie(desk: TestDesk) -> int:
    """A selfie that is too large for a request and goes to the provider as a file of its own."""
    noise = np.random.default_rng(20261122).integers(0, 90, (1536, 1536, 3), dtype=np.uint8)
    picture = Image.fromarray(np.asarray(astronaut(1536)) // 2 + noise)
    selfie = take_in(encode(picture, "PNG"), "noisy.png")
    assert len(selfie.content) > LARGEST_DATA_URI_FILE
    with desk.database.transaction() as session:
        return keep_selfie(
            session, desk.services.objects, actor=desk.admin, customer_id=desk.customer_id, selfie=selfie
        ).id


def time_flies(desk: TestDesk, condition: Callable[[], bool]) -> Callable[[], bool]:
    """The condition, while the provider's long pauses (it may ask for a whole day) pass at once."""

    def holds() -> bool:
        with desk.database.transaction() as session:
            session.execute(
                text(
                    "UPDATE api_budget SET paused_until = now()"
                    " WHERE paused_until > now() + make_interval(secs => :s)"
                ),
                {"s": LONGEST_PAUSE_SECONDS},
            )
        return condition()

    return holds


def cancel_some(desk: TestDesk, dice: random.Random) -> None:
    with desk.database.transaction() as session:
        unfinished = session.scalars(select(Generation.id).where(Generation.state.in_(OPEN))).all()
    for generation_id in dice.sample(sorted(unfinished), min(CANCELED_AT_EACH_KILL, len(unfinished))):
        with desk.database.transaction() as session:
            generation = session.get_one(Generation, generation_id, with_for_update=True)
            if generation.state in OPEN:
                request_cancel(session, actor=desk.admin, generation_id=generation_id)


def farewells(desk: TestDesk) -> tuple[int, int]:
    """How many workers vanished, and how many stopped orderly."""
    with desk.database.transaction() as session:
        vanished = session.scalar(select(func.count()).where(WorkerBeat.stopped_at.is_(None)))
        stopped = session.scalar(select(func.count()).where(WorkerBeat.stopped_at.is_not(None)))
    return vanished or 0, stopped or 0


class Team:
    """Workers in processes of their own."""

    def __init__(self, desk: TestDesk, folder: Path) -> None:
        self._settings = desk.services.settings
        self._folder = folder
        self._started = 0
        self._workers = [self._start() for _ in range(WORKERS)]

    def replace(self, number: int) -> None:
        """Kill one and start another in its place."""
        self._workers[number].kill()
        self._workers[number] = self._start()

    def stop(self) -> list[int]:
        """Ask all to end; their exit codes."""
        return [worker.terminate() for worker in self._workers]

    def _start(self) -> Process:
        self._started += 1
        return start_worker(self._settings, self._folder / f"worker-{self._started}")
