"""The provider's webhook: signed, fresh, applied once, over the real route."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from core.generation.submit import claim_to_submit, submit
from core.services import install
from core.tables.generation import State
from core.web.routes import LARGEST_BODY, routes
from tests.support.desk import TestDesk, wait_for, working
from tests.support.servers.serving import serving


@pytest.fixture
def client(desk: TestDesk) -> Iterator[httpx.Client]:
    install(desk.services)
    with serving(Starlette(routes=routes())) as url, httpx.Client(base_url=url) as client:
        yield client
    install(None)


def signed(
    desk: TestDesk, body: bytes, *, message_id: str = "msg_1", at: float | None = None
) -> dict[str, str]:
    key = base64.b64decode(desk.services.gateway.webhook_secret().removeprefix("whsec_"))
    stamp = str(int(at or time.time()))
    content = f"{message_id}.{stamp}.".encode() + body
    signature = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return {"webhook-id": message_id, "webhook-timestamp": stamp, "webhook-signature": f"v1,{signature}"}


def rendering(desk: TestDesk) -> tuple[int, bytes]:
    """A generation under way, and the body of a webhook that says it failed."""
    generation_id = desk.ask("A hero [sandbox:never_ends x1]")
    submit(desk.services, claim_to_submit(desk.services, worker="w1", free=1)[0])
    [attempt] = desk.attempts(generation_id)
    told: dict[str, Any] = {"id": attempt.remote_id, "status": "failed"}
    told |= {
        "error": "flagged as sensitive (E005)",
        "model": "openai/gpt-image-1",
        "version": "hidden",
        "input": {},
        "output": None,
    }
    return generation_id, json.dumps(told).encode()


def test_a_genuine_webhook_ends_the_generation_and_a_repeated_one_changes_nothing(
    desk: TestDesk, client: httpx.Client
) -> None:
    generation_id, body = rendering(desk)
    first = client.post("/hooks/replicate?ref=x", content=body, headers=signed(desk, body))
    again = client.post("/hooks/replicate?ref=x", content=body, headers=signed(desk, body))
    assert (first.status_code, again.status_code) == (200, 200)
    assert desk.generation(generation_id).state == State.FAILED
    assert desk.attempts(generation_id)[0].detected_by == "webhook"
    assert desk.wallet() == 990  # a person looks at the refused content before credits come back


@pytest.mark.parametrize("spoil", ["signature", "age", "body", "headers"])
def test_anything_else_is_refused_and_changes_nothing(
    desk: TestDesk, client: httpx.Client, spoil: str
) -> None:
    generation_id, body = rendering(desk)
    headers = signed(desk, body, at=time.time() - 3600 if spoil == "age" else None)
    if spoil == "signature":
        headers["webhook-signature"] = "v1," + base64.b64encode(b"0" * 32).decode()
    if spoil == "headers":
        headers = {}
    sent = body + b" " if spoil == "body" else body
    assert client.post("/hooks/replicate", content=sent, headers=headers).status_code == 401
    assert desk.generation(generation_id).state == State.RENDERING


def test_with_a_public_address_the_provider_tells_by_itself(desk: TestDesk, client: httpx.Client) -> None:
    # Nobody sweeps here, so a creation must not time out on a busy machine.
    patient = {"provider_timeout_seconds": 20.0, "transfer_timeout_seconds": 20.0, "lease_seconds": 60.0}
    told = desk.with_settings(public_url=str(client.base_url), sweep_interval_seconds=3600.0, **patient)
    install(told.services)
    generation_id = told.ask()
    duplicated = told.ask("A hero [sandbox:webhook_duplicate] [sandbox:webhook_out_of_order]")
    with working(told):
        wait_for(told.all_ended)
    for each in (generation_id, duplicated):
        assert told.generation(each).state == State.SUCCEEDED
        assert told.attempts(each)[0].detected_by == "webhook"


def test_an_endless_body_is_cut_off(client: httpx.Client) -> None:
    answer = client.post("/hooks/replicate", content=b"x" * (LARGEST_BODY + 1))
    assert answer.status_code == 413


def test_health_names_what_does_not_answer(desk: TestDesk, client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok", "database": True, "object_store": True}
    install(None)
    assert client.get("/healthz").status_code == 503
