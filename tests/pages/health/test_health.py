"""The Health page: what it promises to the person at the desk."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import delete, select

from core.foundation.leases import NamedLease
from core.generation.submit import claim_to_submit, submit
from core.health.servers import PROOF_TICK
from core.health.stuck import Reason, Step
from core.provider import budget
from core.services import Services
from core.tables.access import AuditEvent
from core.tables.generation import Generation, RenderAttempt, State, WorkerBeat
from pages.health.words import REASONS, STEP_HELP, STEP_ICONS, STEPS, tick_title
from tests.pages.conftest import OpenPage
from tests.pages.looking import button, has_button, said
from tests.support.desk import TestDesk, wait_for, working
from tests.support.factories import make_generation

PAGE = "pages/health/page.py"
# The next sign of life is far away, so that a worker stays alive however slow the test runs.
LATER = timedelta(hours=1)


def a_worker(services: Services, name: str = "w-1", **columns: Any) -> None:
    now = datetime.now(UTC)
    proof = {"at": now.timestamp(), "seconds": 0.012, "problem": None, "ok_at": now.timestamp()}
    given = {"host": "desk", "pid": 7, "version": "1", "ticks": {PROOF_TICK: proof}, "beat_at": now + LATER}
    with services.database.transaction() as session:
        session.add(WorkerBeat(id=name, **given | columns))


def figures(at: Any) -> dict[str, str]:
    return {metric.label: metric.value for metric in at.metric}


def rendering(desk: TestDesk, prompt: str = "A hero [sandbox:never_ends x1]") -> int:
    """A generation that the provider has been drawing for an hour."""
    generation_id = desk.ask(prompt)
    [claim] = claim_to_submit(desk.services, worker="w-1", free=1)
    submit(desk.services, claim)
    with desk.database.transaction() as session:
        session.get_one(Generation, generation_id).state_since -= timedelta(hours=1)
    return generation_id


def test_a_desk_in_order_says_so(open_page: OpenPage, services: Services) -> None:
    a_worker(services)
    at = open_page(PAGE)
    assert not at.error
    assert at.success[0].value == "Workers, provider, database and object store work."
    shown = figures(at)
    assert (shown["Workers alive"], shown["Stuck"], shown["Object store"]) == ("1 of 1", "0", "12 ms")
    assert "Stuck" not in said(at).splitlines()


def test_without_a_worker_it_says_that_nothing_moves(open_page: OpenPage, services: Services) -> None:
    with services.database.transaction() as session:
        session.execute(delete(WorkerBeat))
    at = open_page(PAGE)
    assert at.error[0].value.startswith("No worker is alive, so nothing moves")
    assert figures(at)["Object store"] == "—"


def test_a_silent_worker_is_named_with_what_it_holds(open_page: OpenPage, services: Services) -> None:
    a_worker(services)
    a_worker(services, "w-2", beat_at=datetime.now(UTC) - timedelta(minutes=5))
    with services.database.transaction() as session:
        until = datetime.now(UTC) + LATER
        held = make_generation(session, state="submitting", lease_owner="w-2", lease_until=until).id
    at = open_page(PAGE)
    assert "Worker w-2 has been silent for 5 min" in at.error[0].value
    assert at.error[0].value.endswith("and holds 1 generation.")
    assert any(f"No. {held}" in table.value.to_csv() for table in at.table)
    assert figures(at)["Workers alive"] == "1 of 2"


def test_an_object_store_that_a_worker_cannot_use_is_told(open_page: OpenPage, services: Services) -> None:
    tick = {"at": 1.0, "seconds": 3.0, "problem": "The object store cannot be used (nobody answers)."}
    a_worker(services, ticks={PROOF_TICK: tick})
    at = open_page(PAGE)
    assert "The object store cannot be used" in at.error[0].value
    assert figures(at)["Object store"] == "Away"


def test_a_tick_that_fails_is_told_with_its_worker(open_page: OpenPage, services: Services) -> None:
    a_worker(services, ticks={"sweep_provider": {"at": 1.0, "seconds": 1.0, "problem": "ConnectError"}})
    assert open_page(PAGE).error[0].value == "Sweep fails on w-1: ConnectError"


def test_a_late_sweep_is_told(open_page: OpenPage, services: Services) -> None:
    a_worker(services)
    with services.database.transaction() as session:
        generation = make_generation(
            session, state="submitting", lease_owner="w-1", lease_until=datetime.now(UTC) + LATER
        )
        given = {"number": 1, "client_ref": uuid4(), "status": "open", "worker": "w-1"}
        sent = datetime.now(UTC) - timedelta(minutes=10)
        session.add(RenderAttempt(generation_id=generation.id, submitted_at=sent, **given))
        session.add(NamedLease(name="sweep", last_run_at=datetime.now(UTC) - timedelta(minutes=2)))
    assert "provider's list was 2 min" in open_page(PAGE).error[0].value


def test_asking_the_provider_takes_over_what_it_has_drawn(open_page: OpenPage, desk: TestDesk) -> None:
    a_worker(desk.services)
    generation_id = rendering(desk, "A hero")
    wait_for(lambda: desk.sandbox.state.order[0].status == "succeeded")
    at = open_page(PAGE)
    assert REASONS[Reason.PROVIDER_OVERDUE].title in said(at)

    button(at, "Ask now").click().run()

    assert at.toast[0].value == "It is drawn: stored next"
    assert desk.generation(generation_id).state == State.STORING
    assert not has_button(open_page(PAGE), "Ask now")


def test_a_refusal_is_told_in_a_sentence(open_page: OpenPage, desk: TestDesk) -> None:
    a_worker(desk.services)
    rendering(desk)
    with desk.database.transaction() as session:
        budget.pause(session, "read", 60)
    at = open_page(PAGE)
    assert "paused for" in str(at.get("progress")[1].proto)
    button(at, "Ask now").click().run()
    assert any("used up or paused" in error.value for error in at.error)


def test_looking_adopts_a_lost_answer(open_page: OpenPage, desk: TestDesk) -> None:
    a_worker(desk.services)
    generation_id = desk.ask("A hero [sandbox:answer_lost x1]")
    [claim] = claim_to_submit(desk.services, worker="w-1", free=1)
    submit(desk.services, claim)
    at = open_page(PAGE)
    button(at, "Look now").click().run()
    assert at.toast[0].value == "Read the provider's list: 1 generation changed, 0 given up"
    assert desk.attempts(generation_id)[0].adopted


def test_what_cannot_be_stored_is_stored_at_once_when_asked(open_page: OpenPage, desk: TestDesk) -> None:
    with working(desk):
        generation_id = desk.ask("A hero [sandbox:never_ends x1]")
        wait_for(lambda: desk.generation(generation_id).state == State.RENDERING)
    a_worker(desk.services)
    with desk.database.transaction() as session:
        generation = session.get_one(Generation, generation_id)
        generation.state, generation.due_at = State.STORING, datetime.now(UTC) + LATER
        attempt = session.scalars(select(RenderAttempt)).one()
        attempt.status, attempt.save_by = "succeeded", datetime.now(UTC) + timedelta(minutes=8, seconds=40)
    at = open_page(PAGE)
    assert "deleted in 8 min" in said(at)
    button(at, "Store now").click().run()
    assert at.toast[0].value == f"No. {generation_id} goes to the next free worker"
    assert desk.generation(generation_id).due_at <= datetime.now(UTC) + timedelta(seconds=5)


def test_what_a_worker_stores_right_now_is_left_to_it(open_page: OpenPage, services: Services) -> None:
    a_worker(services)
    with services.database.transaction() as session:
        until = datetime.now(UTC) + LATER
        generation = make_generation(session, state="storing", lease_owner="w-1", lease_until=until)
        given = {"number": 1, "client_ref": uuid4(), "worker": "w-1", "remote_id": "r"}
        given |= {"status": "succeeded", "save_by": until, "store_tries": 3}
        session.add(RenderAttempt(generation_id=generation.id, **given))
    step = button(open_page(PAGE), "Store now")
    assert step.disabled
    assert step.help == "Worker w-1 is storing it right now."


def test_what_waits_without_a_worker_can_be_canceled(open_page: OpenPage, desk: TestDesk) -> None:
    before = desk.wallet()
    generation_id = desk.ask()
    with desk.database.transaction() as session:
        session.get_one(Generation, generation_id).due_at -= timedelta(minutes=5)
    at = open_page(PAGE)
    button(at, "Cancel").click().run()
    assert desk.generation(generation_id).state == State.CANCELED
    assert desk.wallet() == before
    with desk.database.transaction() as session:
        assert session.scalars(select(AuditEvent.action).order_by(AuditEvent.id.desc())).first() == (
            "generation.cancel"
        )


@pytest.mark.parametrize("persona", ["viewer", "support"])
def test_who_may_not_step_in_is_told_why(open_page: OpenPage, desk: TestDesk, persona: str) -> None:
    a_worker(desk.services)
    rendering(desk)
    step = button(open_page(PAGE, persona=persona), "Ask now")
    assert step.disabled
    assert "may not step in where generations are stuck" in step.help


def test_the_object_store_is_tried_from_the_desk(open_page: OpenPage, services: Services) -> None:
    at = open_page(PAGE)
    button(at, "Try the object store").click().run()
    assert at.toast[0].value.startswith("Stored, read and deleted in ")


def test_every_reason_and_step_has_its_words_and_a_new_tick_is_readable() -> None:
    assert set(REASONS) == set(Reason)
    assert set(STEPS) == set(STEP_ICONS) == set(STEP_HELP) == set(Step)
    assert tick_title("sweep_provider") == "Sweep"
    assert tick_title("roll_up") == "Roll up"
