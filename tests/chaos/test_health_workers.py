"""Workers as the Health page tells of them, while their processes are killed, stopped and resumed."""

import signal
import socket
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from core.generation.sweep import sweep
from core.health.crew import WorkerHealth, crew
from core.health.view import health
from core.settings import Settings
from core.tables.generation import State
from tests.chaos.processes import start_worker
from tests.support.desk import TestDesk, wait_for

BEAT = 0.5
# Long enough for nothing to end by itself while a worker is away.
PATIENT = {
    "provider_timeout_seconds": 60.0,
    "transfer_timeout_seconds": 60.0,
    "lease_seconds": 150.0,
    "adoption_grace_seconds": 70.0,
    "heartbeat_seconds": BEAT,
}


def patient(desk: TestDesk) -> Settings:
    return desk.services.settings.model_copy(update=PATIENT)


def seen(desk: TestDesk) -> Sequence[WorkerHealth]:
    settings = desk.services.settings.model_copy(update={"heartbeat_seconds": BEAT})
    with desk.database.transaction() as session:
        return health(session, settings).workers


def test_a_killed_worker_is_silent_after_three_beats_and_its_leases_are_listed(
    desk: TestDesk, tmp_path: Path
) -> None:
    generation_id = desk.ask("A hero [sandbox:create_hangs x1]")
    with start_worker(patient(desk), tmp_path / "home") as worker:
        wait_for(lambda: desk.generation(generation_id).state == State.SUBMITTING)
        wait_for(lambda: [each.worker.state for each in seen(desk)] == ["alive"])
        worker.kill()
    time.sleep(3 * BEAT + 0.05)

    [dead] = seen(desk)

    assert (dead.worker.pid, dead.worker.state) == (worker.pid, "silent")
    assert list(dead.leases) == [generation_id]
    assert dead.held == 1


def test_two_workers_on_one_host_stay_apart_and_an_orderly_stop_is_no_silence(
    desk: TestDesk, tmp_path: Path
) -> None:
    settings = patient(desk)
    with start_worker(settings, tmp_path / "one") as one, start_worker(settings, tmp_path / "two"):
        wait_for(lambda: [each.worker.state for each in seen(desk)] == ["alive", "alive"])
        first, second = seen(desk)
        assert first.worker.host == second.worker.host == socket.gethostname()
        assert first.worker.pid != second.worker.pid
        assert first.worker.id != second.worker.id

        assert one.terminate() == 0

        wait_for(lambda: [each.worker.state for each in seen(desk)] == ["alive", "stopped"])


def test_a_late_write_of_a_worker_that_was_frozen_is_refused_and_counted(
    desk: TestDesk, tmp_path: Path
) -> None:
    generation_id = desk.ask("A hero [sandbox:answer_hangs x1]")
    with start_worker(desk.services.settings, tmp_path / "home") as frozen:
        wait_for(lambda: bool(desk.creations()))
        process = psutil.Process(frozen.pid)
        process.send_signal(signal.SIGSTOP)
        wait_for(lambda: adopted_by_another(desk, generation_id))
        process.send_signal(signal.SIGCONT)

        wait_for(lambda: [each.worker.fenced_writes for each in seen(desk)] == [1])

    [attempt] = desk.attempts(generation_id)
    assert attempt.adopted


def adopted_by_another(desk: TestDesk, generation_id: int) -> bool:
    """Another worker reads the provider's list as soon as the frozen one's turn has run out."""
    sweep(desk.services, worker="w2")
    return desk.generation(generation_id).state != State.SUBMITTING


def test_the_ticks_of_a_worker_are_told_with_what_went_wrong(desk: TestDesk, tmp_path: Path) -> None:
    settings = desk.services.settings.model_copy(update={"heartbeat_seconds": 0.2})
    with start_worker(settings, tmp_path / "home"):
        wait_for(lambda: any(each.ticks for each in seen(desk)))
        desk.ask("A hero [sandbox:never_ends x1]")
        wait_for(lambda: swept(desk) is None)
        desk.sandbox.stop()
        wait_for(lambda: bool(swept(desk)))


def swept(desk: TestDesk) -> str | None:
    """The problem of the last sweep; an empty text before the first."""
    with desk.database.transaction() as session:
        [found] = crew(session, desk.services.settings, now=health(session, desk.services.settings).now)
    last = [tick for tick in found.ticks if tick.name == "sweep_provider"]
    return last[0].problem if last else ""
