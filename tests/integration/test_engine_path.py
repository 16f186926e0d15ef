"""The whole path of a generation, from the click to its end, over real sockets."""

from core.generation.states import State
from tests.support.desk import TestDesk, opened, wait_for, working


def test_a_generation_becomes_a_stored_avatar_and_its_credits_revenue(desk: TestDesk) -> None:
    generation_id = desk.ask()
    assert desk.wallet() == 990
    with working(desk):
        wait_for(desk.all_ended)
    generation = desk.generation(generation_id)
    assert (generation.state, generation.failure_detail) == (State.SUCCEEDED, None)
