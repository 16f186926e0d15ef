"""The sandbox's webhooks come signed, in order, and again when the final one is refused."""

import json
import time
from typing import Any

import httpx
import pytest

from core.sandbox.server import RunningSandbox
from core.sandbox.webhooks import signature
from tests.support.servers.sandboxes import CREATE, Receiver, api_of, ended, inputs, until


def hooked(api: httpx.Client, receiver: Receiver, prompt: str, events: list[str] | None = None) -> str:
    body: dict[str, Any] = {"input": inputs(prompt), "webhook": receiver.url}
    if events is not None:
        body["webhook_events_filter"] = events
    answer = api.post(CREATE, json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def statuses(receiver: Receiver, count: int) -> list[str]:
    """The statuses that the first `count` webhooks told, once they are there."""
    until(lambda: len(receiver.received) >= count)
    return [json.loads(body)["status"] for _, body in receiver.received]


def test_the_final_webhook_carries_what_a_look_at_the_prediction_answers(
    quick_sandbox: RunningSandbox, api: httpx.Client
) -> None:
    with Receiver() as receiver:
        prediction_id = hooked(api, receiver, "[sandbox:e004]", ["completed"])
        headers, body = until(lambda: receiver.received)[0]
    assert json.loads(body) == ended(api, prediction_id)
    wanted = signature(
        quick_sandbox.state.signing_key, headers["webhook-id"], int(headers["webhook-timestamp"]), body
    )
    assert headers["webhook-signature"] == wanted


def test_without_a_filter_every_event_comes_in_order(api: httpx.Client) -> None:
    with Receiver() as receiver:
        hooked(api, receiver, "[sandbox:output_blank]")
        assert statuses(receiver, 4) == ["processing", "processing", "processing", "succeeded"]
    outputs = [json.loads(body)["output"] for _, body in receiver.received]
    assert [output is not None for output in outputs] == [False, True, True, True]


def test_a_refused_final_webhook_comes_again_with_the_same_id(api: httpx.Client) -> None:
    with Receiver(500, 404) as receiver:
        hooked(api, receiver, "[sandbox:e004]", ["completed"])
        assert statuses(receiver, 3) == ["failed"] * 3
    assert len({headers["webhook-id"] for headers, _ in receiver.received}) == 1


def test_a_refused_first_webhook_does_not_come_again(api: httpx.Client) -> None:
    with Receiver(500) as receiver:
        hooked(api, receiver, "[sandbox:e004]", ["start", "completed"])
        assert statuses(receiver, 2) == ["processing", "failed"]


def test_a_receiver_that_is_away_is_given_up_after_the_last_try(
    quick_sandbox: RunningSandbox, api: httpx.Client
) -> None:
    with Receiver(*[503] * 20) as receiver:
        hooked(api, receiver, "[sandbox:e004]", ["completed"])
        until(lambda: len(receiver.received) == 7)
        # Nothing follows in the time of three more pauses.
        time.sleep(quick_sandbox.clock.span(3 * 29))
        assert len(receiver.received) == 7


@pytest.mark.parametrize("url", ["http://example.com/hook", "ftp://127.0.0.1/x", "nonsense"])
def test_a_webhook_must_be_https_or_on_this_machine(api: httpx.Client, url: str) -> None:
    assert api.post(CREATE, json={"input": inputs(), "webhook": url}).status_code == 422


def test_fault_webhook_duplicate(api: httpx.Client) -> None:
    with Receiver() as receiver:
        hooked(api, receiver, "[sandbox:e004] [sandbox:webhook_duplicate]", ["completed"])
        assert statuses(receiver, 3) == ["failed"] * 3
    assert len({headers["webhook-id"] for headers, _ in receiver.received}) == 1


def test_fault_webhook_out_of_order(api: httpx.Client) -> None:
    with Receiver() as receiver:
        hooked(api, receiver, "[sandbox:e004] [sandbox:webhook_out_of_order]", ["start", "completed"])
        assert statuses(receiver, 2) == ["failed", "processing"]


def test_fault_webhook_late_and_lost() -> None:
    with RunningSandbox(time_scale=1) as own, api_of(own) as api, Receiver() as late, Receiver() as lost:
        ids = [
            hooked(api, lost, "[sandbox:e004] [sandbox:webhook_lost]"),
            hooked(api, late, "[sandbox:e004] [sandbox:webhook_late]", ["completed"]),
        ]
        own.clock.advance(5)
        until(lambda: all(prediction.started for prediction in own.state.order))
        own.clock.advance(20)
        assert [ended(api, prediction_id)["status"] for prediction_id in ids] == ["failed"] * 2
        own.clock.advance(20)
        assert late.received == []
        own.clock.advance(11)
        assert statuses(late, 1) == ["failed"]
        assert lost.received == []
