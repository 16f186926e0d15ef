"""Canceling: at once for the customer, told to the provider, whatever the generation is doing."""

import pytest

from core.access.permissions import Actor
from core.foundation.errors import Conflict, NotAllowed, NotFound
from core.generation.cancel import request_cancel
from core.generation.request import retry_generation
from core.generation.store import claim_to_store, store
from core.generation.stragglers import stop_unwanted
from core.generation.submit import claim_to_submit, submit
from core.generation.sweep import sweep
from core.ledger.books import check_books
from core.tables.generation import Avatar, State
from tests.support.desk import TestDesk, wait_for, working


def cancel(desk: TestDesk, generation_id: int) -> None:
    with desk.database.transaction() as session:
        request_cancel(session, actor=desk.admin, generation_id=generation_id)


def test_a_queued_one_is_never_sent(desk: TestDesk) -> None:
    generation_id = desk.ask()
    cancel(desk, generation_id)
    assert claim_to_submit(desk.services, worker="w1", free=1) == []
    assert (desk.generation(generation_id).state, desk.wallet()) == (State.CANCELED, 1000)
    assert desk.generation(generation_id).canceled_by == desk.admin.name


def test_one_that_is_just_being_sent_is_stopped_at_the_provider(desk: TestDesk) -> None:
    generation_id = desk.ask("A hero [sandbox:never_ends x1]")
    [claim] = claim_to_submit(desk.services, worker="w1", free=1)
    cancel(desk, generation_id)
    assert submit(desk.services, claim) is False
    assert stop_unwanted(desk.services) == 1
    assert desk.sandbox.state.order[0].status == "canceled"
    assert (desk.generation(generation_id).state, desk.wallet()) == (State.CANCELED, 1000)


def test_a_rendering_one_is_stopped_at_the_provider_even_if_it_fails_to_answer_once(desk: TestDesk) -> None:
    generation_id = desk.ask("A hero [sandbox:never_ends x1]")
    [claim] = claim_to_submit(desk.services, worker="w1", free=1)
    submit(desk.services, claim)
    cancel(desk, generation_id)
    desk.sandbox.faults.add("cancel_500", times=1)
    assert stop_unwanted(desk.services) == 0
    desk.age(generation_id, 1)
    assert stop_unwanted(desk.services) == 1
    assert desk.sandbox.state.order[0].status == "canceled"


def test_one_that_is_being_stored_leaves_no_picture_behind(desk: TestDesk) -> None:
    generation_id = desk.ask()
    submit(desk.services, claim_to_submit(desk.services, worker="w1", free=1)[0])

    def drawn() -> bool:
        sweep(desk.services, worker="w1")
        return desk.generation(generation_id).state == State.STORING

    wait_for(drawn)
    [claim] = claim_to_store(desk.services, worker="w1", free=1)
    put: list[str] = []
    real_put = desk.services.objects.put

    def put_and_cancel(key: str, content: bytes, content_type: str) -> None:
        real_put(key, content, content_type)
        if not put:
            cancel(desk, generation_id)
        put.append(key)

    desk.services.objects.put = put_and_cancel  # type: ignore[method-assign]  # the moment between two puts
    assert store(desk.services, claim) is False
    assert (desk.generation(generation_id).state, desk.wallet()) == (State.CANCELED, 1000)
    for key in put:
        with pytest.raises(NotFound):
            desk.services.objects.get(key)
    with desk.database.transaction() as session:
        assert session.get(Avatar, generation_id) is None
        assert check_books(session) == []


def test_an_ended_one_cannot_be_canceled_and_that_is_told(desk: TestDesk) -> None:
    generation_id = desk.ask()
    with working(desk):
        wait_for(desk.all_ended)
    with pytest.raises(Conflict, match=f"Generation {generation_id} is succeeded already"):
        cancel(desk, generation_id)
    assert desk.wallet() == 990


def test_one_that_does_not_exist_is_told(desk: TestDesk) -> None:
    with pytest.raises(NotFound, match="no generation 4711"):
        cancel(desk, 4711)


def test_a_viewer_may_not_cancel(desk: TestDesk) -> None:
    generation_id = desk.ask()
    viewer = Actor(desk.admin.id, "Vic", "vic@desk.test", ("viewer",))
    with (
        desk.database.transaction() as session,
        pytest.raises(NotAllowed, match=r"Vic may not cancel generations\. These roles may: support"),
    ):
        request_cancel(session, actor=viewer, generation_id=generation_id)
    assert desk.generation(generation_id).state == State.QUEUED


def test_a_canceled_one_can_be_asked_for_again_at_its_price(desk: TestDesk) -> None:
    first = desk.ask("A hero with {curly} braces")
    cancel(desk, first)
    with desk.database.transaction() as session:
        second = retry_generation(
            session, desk.services.settings, actor=desk.admin, generation_id=first, request_key="again"
        )
    assert (second.retry_of, second.prompt) == (first, "A hero with {curly} braces")
    assert desk.wallet() == 990
