"""A worker is killed while a generation is in one certain state; another worker finishes the generation."""

from pathlib import Path

from core.settings import Settings
from core.tables.generation import State
from tests.chaos.checks import check_all, let_leases_run_out
from tests.chaos.processes import start_worker
from tests.support.desk import TestDesk, wait_for, working

# The worker to be killed waits long enough for nothing to end by itself.
PATIENT = {
    "provider_timeout_seconds": 60.0,
    "transfer_timeout_seconds": 60.0,
    "lease_seconds": 150.0,
    "adoption_grace_seconds": 70.0,
}
# Longer than the longest of its leases.
DEAD_SECONDS = 700.0


def test_killed_before_the_provider_took_the_request_it_is_sent_again(desk: TestDesk, tmp_path: Path) -> None:
    # The provider's clock is known before, as on any desk that has drawn: only then is a list believed.
    desk.ask()
    with working(desk):
        wait_for(desk.all_ended)
    generation_id = desk.ask("A hero [sandbox:create_hangs x1]")
    with start_worker(patient(desk), tmp_path / "home") as worker:
        wait_for(lambda: posts(desk) == 2)
        assert desk.generation(generation_id).state == State.SUBMITTING
        worker.kill()
    finish_with_another_worker(desk, generation_id)
    assert [attempt.status for attempt in desk.attempts(generation_id)] == ["lost", "succeeded"]


def test_killed_before_the_answer_came_the_prediction_is_adopted(desk: TestDesk, tmp_path: Path) -> None:
    generation_id = desk.ask("A hero [sandbox:answer_hangs x1]")
    with start_worker(patient(desk), tmp_path / "home") as worker:
        wait_for(lambda: bool(desk.creations()))
        assert desk.generation(generation_id).state == State.SUBMITTING
        worker.kill()
    finish_with_another_worker(desk, generation_id)
    [attempt] = desk.attempts(generation_id)
    assert (attempt.status, attempt.adopted) == ("succeeded", True)


def test_killed_while_the_provider_draws_it_is_followed_to_the_end(desk: TestDesk, tmp_path: Path) -> None:
    desk.sandbox.clock.scale = 10.0
    generation_id = desk.ask()
    with start_worker(patient(desk), tmp_path / "home") as worker:
        wait_for(lambda: desk.generation(generation_id).state == State.RENDERING)
        worker.kill()
    desk.sandbox.clock.advance(60)
    finish_with_another_worker(desk, generation_id)
    assert len(desk.attempts(generation_id)) == 1


def test_killed_while_it_fetches_the_picture_is_fetched_anew(desk: TestDesk, tmp_path: Path) -> None:
    generation_id = desk.ask("A hero [sandbox:output_endless x1]")
    with start_worker(patient(desk), tmp_path / "home") as worker:
        wait_for(lambda: any(output.fetches for output in desk.sandbox.state.outputs.values()))
        assert desk.generation(generation_id).state == State.STORING
        worker.kill()
    for output in desk.sandbox.state.outputs.values():
        output.fault = ""  # the output host has recovered
    finish_with_another_worker(desk, generation_id)
    assert len(desk.attempts(generation_id)) == 1


def patient(desk: TestDesk) -> Settings:
    return desk.services.settings.model_copy(update=PATIENT)


def posts(desk: TestDesk) -> int:
    """How many predictions the provider was asked for, answered or not."""
    asked = list(desk.sandbox.state.requests)
    return sum(request.method == "POST" and request.path.endswith("/predictions") for request in asked)


def finish_with_another_worker(desk: TestDesk, generation_id: int) -> None:
    """The dead worker's leases run out, the next worker takes over, and everything is as it should be."""
    let_leases_run_out(desk, DEAD_SECONDS)
    with working(desk):
        wait_for(desk.all_ended)
    assert desk.generation(generation_id).state == State.SUCCEEDED
    check_all(desk)
