"""Leases, fencing, crashes between two steps, and everything that must not happen twice."""

import threading
import uuid
from typing import Any

import pytest
from sqlalchemy import func, select, update

from core.foundation.database import Database
from core.foundation.leases import take_named
from core.generation.leases import Claim, claim_queued, release_all
from core.generation.reports import Applied, apply_provider_report
from core.generation.states import MOVES, move
from core.generation.store import claim_to_store, store
from core.generation.stragglers import check_stragglers, end_overdue, stop_unwanted
from core.generation.submit import _request, claim_to_submit, submit
from core.generation.sweep import interval_seconds, sweep
from core.ledger.books import check_books
from core.provider.reports import ProviderReport, RemoteStatus
from core.tables.generation import ENDED, Avatar, Generation, RenderAttempt, State
from tests.support.desk import TestDesk, wait_for, working
from tests.support.factories import make_generation


def claim_one(desk: TestDesk, worker: str = "w1") -> Claim:
    [claim] = claim_to_submit(desk.services, worker=worker, free=1)
    return claim


def swept_until(desk: TestDesk, generation_id: int, state: State) -> None:
    def there() -> bool:
        sweep(desk.services, worker="w1")
        return desk.generation(generation_id).state == state

    wait_for(there)


def test_a_crash_after_the_provider_answered_pays_once(desk: TestDesk) -> None:
    generation_id = desk.ask()
    claim = claim_one(desk)
    report = desk.services.gateway.create(_request(desk.services, claim))  # and here the worker dies
    swept_until(desk, generation_id, State.STORING)
    [attempt] = desk.attempts(generation_id)
    assert attempt.remote_id == report.remote_id
    assert attempt.adopted
    assert desk.creations() == {str(claim.client_ref): 1}


def test_a_crash_before_the_provider_was_called_is_sent_again_after_the_grace_period(desk: TestDesk) -> None:
    generation_id = desk.ask()
    claim_one(desk)  # and here the worker dies
    sweep(desk.services, worker="w2")
    assert desk.generation(generation_id).state == State.SUBMITTING
    desk.age(generation_id, 10)
    swept_until(desk, generation_id, State.QUEUED)
    assert [attempt.status for attempt in desk.attempts(generation_id)] == ["lost"]
    with working(desk):
        wait_for(desk.all_ended)
    assert desk.generation(generation_id).state == State.SUCCEEDED


def test_a_prediction_that_turns_up_after_it_was_given_up_is_stopped_there(desk: TestDesk) -> None:
    generation_id = desk.ask("A hero [sandbox:never_ends x1]")
    claim = claim_one(desk)
    desk.age(generation_id, 10)
    swept_until(desk, generation_id, State.QUEUED)
    desk.services.gateway.create(_request(desk.services, claim))  # a zombie sends it after all
    desk.age(generation_id, 10)
    claim_one(desk, "w2")  # the next attempt is under way, so that there is something to sweep for

    def stopped() -> bool:
        sweep(desk.services, worker="w1")
        stop_unwanted(desk.services)
        return desk.sandbox.state.order[0].status == "canceled"

    wait_for(stopped)
    assert [attempt.status for attempt in desk.attempts(generation_id)] == ["lost", "open"]


def test_a_worker_that_lost_its_lease_changes_nothing(desk: TestDesk) -> None:
    generation_id = desk.ask()
    submit(desk.services, claim_one(desk))
    swept_until(desk, generation_id, State.STORING)
    [slow] = claim_to_store(desk.services, worker="slow", free=1)
    assert claim_to_store(desk.services, worker="quick", free=1) == []
    desk.age(generation_id, 60)
    [quick] = claim_to_store(desk.services, worker="quick", free=1)
    assert store(desk.services, slow) is False
    assert desk.generation(generation_id).state == State.STORING
    assert store(desk.services, quick) is True
    assert store(desk.services, slow) is False
    with desk.database.transaction() as session:
        assert session.scalar(select(func.count()).select_from(Avatar)) == 1
        assert check_books(session) == []


def test_two_workers_never_claim_the_same_generation(desk: TestDesk) -> None:
    asked = {desk.ask() for _ in range(12)}
    claims: list[Claim] = []

    def work(name: str) -> None:
        for _ in range(12):
            with desk.database.transaction() as session:
                got = claim_queued(session, worker=name, lease_seconds=60, grace_seconds=1, limit=2)
            claims.extend(got)

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claim.generation_id for claim in claims) == sorted(asked)


def test_one_worker_at_a_time_sweeps_until_its_lease_ends(desk: TestDesk) -> None:
    def take(worker: str) -> bool:
        with desk.database.transaction() as session:
            return take_named(session, "sweep", worker=worker, lease_seconds=60, every_seconds=0)

    assert [take("w1"), take("w2"), take("w1")] == [True, False, True]
    with desk.database.transaction() as session:
        release_all(session, worker="w1")
    assert [take("w2"), take("w1")] == [True, False]


def test_an_orderly_stop_gives_leases_back_at_once(desk: TestDesk) -> None:
    generation_id = desk.ask()
    submit(desk.services, claim_one(desk))
    swept_until(desk, generation_id, State.STORING)
    claim_to_store(desk.services, worker="w1", free=1)
    with desk.database.transaction() as session:
        assert release_all(session, worker="w1") == 1
    assert len(claim_to_store(desk.services, worker="w2", free=1)) == 1


def report_of(attempt: RenderAttempt, status: RemoteStatus, **more: object) -> ProviderReport:
    return ProviderReport(remote_id=attempt.remote_id or "", status=status, **more)  # type: ignore[arg-type]


def test_reports_are_applied_once_and_stale_ones_change_nothing(desk: TestDesk) -> None:
    generation_id = desk.ask("A hero [sandbox:never_ends x1]")
    submit(desk.services, claim_one(desk))
    [attempt] = desk.attempts(generation_id)
    # Refused content: its credits stay in flight until a person decides.
    done = report_of(attempt, RemoteStatus.FAILED, error="flagged as sensitive (E005)")

    def apply(report: ProviderReport) -> Applied:
        with desk.database.transaction() as session:
            return apply_provider_report(session, desk.services.settings, report, detected_by="webhook")

    assert apply(report_of(attempt, RemoteStatus.PROCESSING)) is Applied.KNOWN
    assert apply(done) is Applied.ENDED
    later = [done, report_of(attempt, RemoteStatus.PROCESSING), report_of(attempt, RemoteStatus.SUCCEEDED)]
    assert [apply(report) for report in later] == [Applied.KNOWN] * 3
    assert apply(ProviderReport(remote_id="somebody-elses", status=RemoteStatus.FAILED)) is Applied.FOREIGN
    assert desk.generation(generation_id).state == State.FAILED
    assert desk.wallet() == 990


def test_what_the_provider_has_forgotten_is_sent_again_at_once(desk: TestDesk) -> None:
    generation_id = desk.ask("A hero [sandbox:never_ends x1]")
    submit(desk.services, claim_one(desk))
    state = desk.sandbox.state
    state.predictions.clear()
    state.order.clear()
    desk.age(generation_id, 1)
    with desk.database.transaction() as session:
        session.execute(update(RenderAttempt).values(accepted_at=RenderAttempt.submitted_at))
    sweep(desk.services, worker="w1")
    assert check_stragglers(desk.services) == 1
    assert desk.generation(generation_id).state == State.QUEUED
    [attempt] = desk.attempts(generation_id)
    assert (attempt.status, attempt.failure_class) == ("failed", "asset_unavailable")


def test_more_predictions_are_swept_less_often_within_the_share_of_the_budget(desk: TestDesk) -> None:
    settings = desk.services.settings.model_copy(update={"sweep_interval_seconds": 1.0})
    assert [interval_seconds(settings, number) for number in (0, 100, 1800)] == [1.0, 1.0, 1.0]
    assert interval_seconds(settings, 6000) == pytest.approx(60 / 18)


def test_a_second_prediction_under_one_reference_is_not_followed(desk: TestDesk) -> None:
    generation_id = desk.ask("A hero [sandbox:never_ends x1]")
    claim = claim_one(desk)
    submit(desk.services, claim)
    twin = ProviderReport("twin", RemoteStatus.SUCCEEDED, client_ref=str(claim.client_ref), output=("x",))
    with desk.database.transaction() as session:
        applied = apply_provider_report(session, desk.services.settings, twin, detected_by="sweep")
    assert applied is Applied.FOREIGN
    assert desk.generation(generation_id).state == State.RENDERING


def test_a_deadline_ends_it_refunds_it_and_stops_the_provider(desk: TestDesk) -> None:
    generation_id = desk.ask("A hero [sandbox:never_ends x1]")
    submit(desk.services, claim_one(desk))
    with desk.database.transaction() as session:
        session.execute(update(Generation).values(deadline_at=func.now()))
    assert end_overdue(desk.services) == 1
    assert end_overdue(desk.services) == 0
    generation = desk.generation(generation_id)
    assert (generation.state, generation.failure_class) == (State.FAILED, "timeout")
    assert desk.wallet() == 1000
    assert stop_unwanted(desk.services) == 1
    assert desk.sandbox.state.order[0].status == "canceled"
    assert stop_unwanted(desk.services) == 0


def test_only_the_moves_of_the_table_are_made(database: Database) -> None:
    made = set()
    with database.sessions() as session:
        for source in State:
            for target in State:
                generation = make_generation(session, state=source)
                columns: dict[str, Any] = {"finished_at": func.now() if target in ENDED else None}
                if target == State.FAILED:
                    columns |= {"failure_class": "unknown", "failure_message": "It failed."}
                if move(session, generation.id, to=target, **columns):
                    made.add((source, target))
        session.rollback()
    assert made == {(source, target) for source, targets in MOVES.items() for target in targets}


def test_a_429_holds_back_every_worker(desk: TestDesk) -> None:
    desk.sandbox.faults.add("rate_limited", times=1, retry_after=30)
    first = desk.ask()
    submit(desk.services, claim_one(desk))
    generation = desk.generation(first)
    assert (generation.state, generation.attempts) == (State.QUEUED, 0)
    desk.ask()
    assert claim_to_submit(desk.services, worker="another", free=4) == []


def test_the_same_form_sent_by_many_at_once_is_one_charge(desk: TestDesk) -> None:
    key = uuid.uuid4().hex
    ids: list[int] = []
    threads = [threading.Thread(target=lambda: ids.append(desk.ask(request_key=key))) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 12
    assert len(set(ids)) == 1
    assert desk.wallet() == 990
