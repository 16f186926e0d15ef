"""A provider whose clock is not ours: nothing is paid twice, nothing is taken for lost that is there.

That the provider's clock is ahead is the same as that ours is behind, and the other way round.
"""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from core.generation.clock import clock_offset
from core.generation.submit import claim_to_submit, submit
from core.generation.sweep import sweep_now
from core.provider.clock_offset import ClockOffset
from core.provider.errors import ProviderError
from core.sandbox.webhooks import signature
from core.tables.generation import Generation, State
from core.web.routes import receive
from tests.support.desk import UNHURRIED, TestDesk, wait_for, working

HOUR = 3600.0
OFF = pytest.mark.parametrize("skew", [100.0, -100.0, HOUR, -HOUR])
LOST = "[sandbox:answer_lost x1]"
CUT = "[sandbox:cut_before x1]"


def unhurried(desk: TestDesk) -> TestDesk:
    return desk.with_settings(**{**UNHURRIED, "adoption_grace_seconds": 1.0})


def ask_half_lost(desk: TestDesk, name: str = "A hero", number: int = 8) -> list[int]:
    return [desk.ask(f"{name} {n} {LOST if n % 2 else ''}") for n in range(number)]


def assert_each_once(desk: TestDesk, asked: list[int]) -> None:
    """Every generation was drawn, and paid for, exactly once."""
    assert {desk.generation(each).state for each in asked} == {State.SUCCEEDED}
    assert set(desk.creations().values()) == {1}
    assert len(desk.creations()) == len(asked)


@OFF
def test_each_reference_is_made_once_however_far_the_clocks_are_apart(desk: TestDesk, skew: float) -> None:
    desk = unhurried(desk)
    desk.sandbox.clock.skew = skew
    asked = ask_half_lost(desk)
    sent_again = [desk.ask(f"A hero {n} {CUT}") for n in range(2)]
    with working(desk):
        wait_for(desk.all_ended)
    assert_each_once(desk, asked + sent_again)
    assert {len(desk.attempts(each)) for each in asked} == {1}
    # What never arrived is known not to be there, and is sent again.
    assert {len(desk.attempts(each)) for each in sent_again} == {2}


@OFF
@pytest.mark.parametrize(
    "date_skew", [None, 7200.0, -7200.0, 50.0], ids=["missing", "ahead", "behind", "a bit"]
)
def test_a_date_that_is_missing_or_lies_changes_nothing(
    desk: TestDesk, skew: float, date_skew: float | None
) -> None:
    desk = unhurried(desk)
    desk.sandbox.clock.skew = skew
    desk.sandbox.state.options.date_skew = date_skew
    asked = ask_half_lost(desk)
    with working(desk):
        wait_for(desk.all_ended)
    assert_each_once(desk, asked)


@OFF
def test_the_first_answer_of_all_is_lost_and_the_date_tells_our_time_instead_of_theirs(
    desk: TestDesk, skew: float
) -> None:
    desk = unhurried(desk)
    desk.sandbox.clock.skew, desk.sandbox.state.options.date_skew = skew, -skew
    asked = [desk.ask(f"A hero {LOST}")]
    with working(desk):
        wait_for(desk.all_ended)
    assert_each_once(desk, asked)


@OFF
def test_a_clock_that_steps_while_answers_are_missing(desk: TestDesk, skew: float) -> None:
    desk = unhurried(desk)
    asked = ask_half_lost(desk, "Before", 4)
    with working(desk):
        wait_for(desk.all_ended)
    asked += sent_by_hand(desk, f"Meanwhile {LOST}", 3)
    desk.sandbox.clock.skew = skew
    asked += ask_half_lost(desk, "After", 8)
    with working(desk):
        wait_for(desk.all_ended)
    assert_each_once(desk, asked)


def test_a_clock_that_drifts_is_followed(desk: TestDesk) -> None:
    desk = unhurried(desk)
    asked = []
    with working(desk):
        for n in range(6):
            desk.sandbox.clock.skew -= 0.4
            asked += ask_half_lost(desk, f"Round {n}", 2)
            wait_for(desk.all_ended)
    assert_each_once(desk, asked)
    with desk.database.transaction() as session:
        offset = clock_offset(session)
    assert offset.created is not None
    assert abs(offset.created.span.least + 2.4) < 4
    assert offset.created.step == offset.created.doubts == 0


def test_what_was_under_way_when_a_clock_stepped_is_never_sent_again(desk: TestDesk) -> None:
    desk = unhurried(desk)
    known = sent_by_hand(desk, "Known", 1)
    sweep_now(desk.services)
    [open_] = sent_by_hand(desk, f"Meanwhile {CUT}", 1)
    desk.sandbox.clock.skew = -HOUR
    asked = ask_half_lost(desk, "After", 4)
    with working(desk):
        wait_for(lambda: all(desk.generation(each).state == State.SUCCEEDED for each in known + asked))
        assert desk.generation(open_).state == State.SUBMITTING
        set_moment(desk, open_, "deadline_at")
        wait_for(desk.all_ended)
    assert desk.generation(open_).failure_class == "submission_unconfirmed"
    assert len(desk.attempts(open_)) == 1
    assert set(desk.creations().values()) == {1}


def test_without_a_date_the_outcome_stays_open_until_another_creation_tells_the_time(desk: TestDesk) -> None:
    desk = unhurried(desk)
    desk.sandbox.clock.skew, desk.sandbox.state.options.date_skew = -HOUR, None
    known = sent_by_hand(desk, "Known", 1)
    [lost] = sent_by_hand(desk, f"A hero {CUT}", 1)
    set_moment(desk, lost, "due_at")
    assert (found := sweep_now(desk.services))
    assert found.lost == 0
    assert desk.generation(lost).state == State.SUBMITTING
    with working(desk):
        asked = desk.ask("Another hero")
        wait_for(desk.all_ended)
    assert_each_once(desk, [*known, lost, asked])


def test_an_answer_that_is_not_the_provider_s_list_tells_no_time(desk: TestDesk) -> None:
    sent_by_hand(desk, f"A hero {LOST}", 1)
    desk.sandbox.clock.skew = HOUR
    desk.sandbox.faults.add("list_500")
    with pytest.raises(ProviderError):
        sweep_now(desk.services)
    with desk.database.transaction() as session:
        assert clock_offset(session) == ClockOffset()


def test_a_webhook_is_fresh_by_the_provider_s_clock(desk: TestDesk) -> None:
    desk = unhurried(desk)
    desk.sandbox.clock.skew = -HOUR
    sent_by_hand(desk, "A hero", 1)
    secret = desk.sandbox.state.signing_key
    body = json.dumps({"id": "p1", "status": "succeeded"}).encode()
    answers = {}
    for name, skew in (("fresh", -HOUR), ("old", -2 * HOUR), ("by our clock", 0.0)):
        stamp = int(time.time() + skew)
        headers = {"webhook-id": name, "webhook-timestamp": str(stamp)}
        headers["webhook-signature"] = signature(secret, name, stamp, body)
        answers[name] = receive(desk.services, headers, body)
    assert answers == {"fresh": 200, "old": 401, "by our clock": 401}


def test_times_of_the_provider_are_kept_by_our_clock(desk: TestDesk) -> None:
    desk = unhurried(desk)
    desk.sandbox.clock.skew = -HOUR
    asked = desk.ask()
    with working(desk):
        wait_for(desk.all_ended)
    [attempt] = desk.attempts(asked)
    assert attempt.completed_at is not None
    assert attempt.save_by is not None
    assert attempt.detected_at is not None
    assert timedelta() <= attempt.detected_at - attempt.completed_at < timedelta(minutes=3)
    assert attempt.save_by > datetime.now(UTC) + timedelta(minutes=50)


def sent_by_hand(desk: TestDesk, prompt: str, number: int) -> list[int]:
    """Generations whose request has been sent, while no worker sweeps."""
    asked = [desk.ask(f"{prompt} {n}") for n in range(number)]
    for claim in claim_to_submit(desk.services, worker="w", free=number):
        submit(desk.services, claim)
    return asked


def set_moment(desk: TestDesk, generation_id: int, name: str) -> None:
    """Let one of a generation's moments have come a second ago."""
    with desk.database.transaction() as session:
        moment = session.scalar(text("SELECT clock_timestamp() - interval '1 s'"))
        setattr(session.get_one(Generation, generation_id), name, moment)
