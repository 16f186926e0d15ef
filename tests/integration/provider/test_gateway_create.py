"""Creating predictions: what goes over the wire, and what is known when the answer goes wrong."""

import base64
import socket
import threading
import time
from typing import Any

import httpx
import pytest

from core.foundation.transport import BoundedTransport
from core.provider.errors import Outcome, ProviderError
from core.provider.gateway import LARGEST_DATA_URI_FILE, Gateway
from core.provider.reports import RemoteStatus
from tests.support.servers.gateways import (
    OPENAI_KEY,
    PNG,
    TOKEN,
    a_prediction,
    a_request,
    gateway_to,
    is_clean,
)
from tests.support.servers.wire import Act, Received, WireServer, cut, drip, hang, reply

CREATED = reply(201, a_prediction("p1"))


def test_create_posts_the_catalogs_input_with_token_and_deadline() -> None:
    with gateway_to(lambda _: CREATED) as (gateway, server):
        report = gateway.create(a_request(cancel_after=119.2, parameters={"quality": "high"}))

    [sent] = server.requests
    assert (sent.method, sent.target) == ("POST", "/v1/models/openai/gpt-image-1/predictions")
    assert sent.headers["authorization"] == f"Bearer {TOKEN}"
    assert sent.headers["cancel-after"] == "120s"
    assert sent.headers["content-type"] == "application/json"
    assert "prefer" not in sent.headers
    assert set(sent.json()) == {"input"}
    given = sent.json()["input"]
    assert given["input_images"] == ["data:image/png;base64," + base64.b64encode(PNG).decode()]
    assert (given["quality"], given["user_id"], given["openai_api_key"]) == ("high", "ref-1", OPENAI_KEY)
    assert (report.remote_id, report.status) == ("p1", RemoteStatus.STARTING)


@pytest.mark.parametrize(("seconds", "header"), [(0.5, "5s"), (5, "5s"), (30.01, "31s")])
def test_cancel_after_is_at_least_the_five_seconds_that_replicate_takes(seconds: float, header: str) -> None:
    with gateway_to(lambda _: CREATED) as (gateway, server):
        gateway.create(a_request(cancel_after=seconds))

    assert server.requests[0].headers["cancel-after"] == header


def test_a_webhook_is_asked_for_the_end_only() -> None:
    with gateway_to(lambda _: CREATED) as (gateway, server):
        gateway.create(a_request(webhook_url="https://desk.example/hook"))

    body = server.requests[0].json()
    assert body["webhook"] == "https://desk.example/hook"
    assert body["webhook_events_filter"] == ["completed"]


def test_a_selfie_over_the_limit_is_uploaded_first_and_sent_as_its_address() -> None:
    selfie = PNG + bytes(LARGEST_DATA_URI_FILE - len(PNG) + 1)

    def answer(request: Received) -> bytes:
        if request.path == "/v1/files":
            return reply(201, {"id": "f1", "urls": {"get": "https://api.replicate.com/v1/files/f1"}})
        return CREATED

    with gateway_to(answer) as (gateway, server):
        gateway.create(a_request(selfie=selfie))
        counted = gateway.requests

    upload, create = server.requests
    assert upload.headers["content-type"].startswith("multipart/form-data")
    assert b'name="content"; filename="selfie.png"\r\nContent-Type: image/png' in upload.body
    assert selfie in upload.body
    assert create.json()["input"]["input_images"] == ["https://api.replicate.com/v1/files/f1"]
    assert counted == {"upload": 1, "create": 1}


def test_a_selfie_at_the_limit_still_travels_inside_the_request() -> None:
    selfie = PNG + bytes(LARGEST_DATA_URI_FILE - len(PNG))

    with gateway_to(lambda _: CREATED) as (gateway, server):
        gateway.create(a_request(selfie=selfie))

    assert [sent.path for sent in server.requests] == ["/v1/models/openai/gpt-image-1/predictions"]


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (cut, Outcome.UNSENT),  # the upload may be there, but nothing was asked to be drawn
        (reply(502, "<html>"), Outcome.UNSENT),
        (reply(201, {"id": "f1"}), Outcome.UNSENT),
        (reply(413, {"detail": "Files must be less than 100MB in size"}), Outcome.REFUSED),
    ],
)
def test_a_failed_upload_never_leaves_a_create_in_doubt(answer: bytes | Act, outcome: Outcome) -> None:
    with gateway_to(lambda _: answer) as (gateway, server), pytest.raises(ProviderError) as caught:
        gateway.create(a_request(selfie=PNG + bytes(300_000)))

    assert caught.value.outcome is outcome
    assert [sent.path for sent in server.requests] == ["/v1/files"]


def test_a_lone_surrogate_in_the_prompt_is_sent_rather_than_crashing() -> None:
    with gateway_to(lambda _: CREATED) as (gateway, server):
        gateway.create(a_request(prompt="smile \ud83d end"))

    assert server.requests[0].json()["input"]["prompt"] == "smile \ud83d end"


@pytest.mark.parametrize(
    "changes", [{"parameters": {"quality": "ultra"}}, {"prompt": " "}, {"model": "some/other"}]
)
def test_what_the_catalog_refuses_is_never_sent(changes: dict[str, Any]) -> None:
    with gateway_to(lambda _: CREATED) as (gateway, server), pytest.raises(ProviderError) as caught:
        gateway.create(a_request(**changes))

    assert (caught.value.outcome, caught.value.code) == (Outcome.REFUSED, "invalid_input")
    assert server.connections == 0


@pytest.mark.parametrize("options", [{"status": "processing", "output": ["data:image/png;base64,AAAA"]}])
def test_an_answer_that_already_holds_the_output_is_read(options: dict[str, Any]) -> None:
    with gateway_to(lambda _: reply(201, a_prediction("p1", **options))) as (gateway, _):
        report = gateway.create(a_request())

    assert report.output == ("data:image/png;base64,AAAA",)


def test_a_refused_connection_is_known_to_be_unsent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    gateway = Gateway(base_url=f"http://127.0.0.1:{port}", token=TOKEN, openai_api_key=OPENAI_KEY)

    with pytest.raises(ProviderError) as caught:
        gateway.create(a_request())
    gateway.close()

    error = caught.value
    assert (error.outcome, error.where, error.exception) == (Outcome.UNSENT, "network", "ConnectError")
    assert "127.0.0.1 could not be reached" in error.text


def test_an_unknown_host_is_known_to_be_unsent(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    gateway = Gateway(base_url="http://api.test", token=TOKEN, openai_api_key=OPENAI_KEY)

    with pytest.raises(ProviderError, match=r"api\.test cannot be looked up") as caught:
        gateway.create(a_request())
    gateway.close()

    assert caught.value.outcome is Outcome.UNSENT


def test_a_look_up_that_hangs_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def slow(*_: object, **__: object) -> None:
        over.wait(60)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure")

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    gateway = Gateway(base_url="http://api.test", token=TOKEN, openai_api_key=OPENAI_KEY, timeout_seconds=0.2)
    started = time.monotonic()

    with pytest.raises(ProviderError, match="took too long") as caught:
        gateway.create(a_request())
    gateway.close()

    assert caught.value.outcome is Outcome.UNSENT
    assert time.monotonic() - started < 30
    over.set()


def test_a_tls_handshake_that_hangs_ends_in_time_and_is_unsent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        base_url = f"https://127.0.0.1:{silent.getsockname()[1]}"
        gateway = Gateway(base_url=base_url, token=TOKEN, openai_api_key=OPENAI_KEY, timeout_seconds=0.3)
        started = time.monotonic()
        with pytest.raises(ProviderError) as caught:
            gateway.create(a_request())
        gateway.close()

    assert caught.value.outcome is Outcome.UNSENT
    assert time.monotonic() - started < 30


def test_even_a_request_without_any_timeout_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.foundation.transport.READ_SECONDS", 0.3)
    transport = BoundedTransport(ssl_context=httpx.create_ssl_context())

    with (
        WireServer(lambda _: hang) as server,
        httpx.Client(transport=transport, timeout=None) as client,  # noqa: S113 - as the replicate client does
        pytest.raises(httpx.ReadTimeout),
    ):
        client.post(server.url)


@pytest.mark.parametrize(
    ("act", "exception"),
    [
        (hang, "ReadTimeout"),
        (cut, "RemoteProtocolError"),
        (drip(b"HTTP/1.1 201 Created\r\nX-Slow: ", 0.05), "ReadTimeout"),
        (drip(b"HTTP/1.1 201 Created\r\nContent-Length: 9999\r\n\r\n{", 0.05), "ReadTimeout"),
    ],
    ids=["silent", "cut", "slow header", "slow body"],
)
def test_a_create_without_a_whole_answer_ends_in_time_and_in_doubt(act: Act, exception: str) -> None:
    started = time.monotonic()

    with gateway_to(lambda _: act, timeout_seconds=0.4) as (gateway, server):
        with pytest.raises(ProviderError) as caught:
            gateway.create(a_request())
        lasted = time.monotonic() - started

    assert lasted < 30
    assert caught.value.outcome is Outcome.UNKNOWN
    assert (caught.value.where, caught.value.exception) == ("network", exception)
    assert len(server.requests) == 1


def test_an_answer_cut_short_leaves_the_create_in_doubt() -> None:
    short = reply(201, b'{"id": "p1"', {"Content-Length": "500"})

    with gateway_to(lambda _: short) as (gateway, _), pytest.raises(ProviderError) as caught:
        gateway.create(a_request())

    assert caught.value.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    "answer",
    [
        reply(201, "<html>fine</html>"),
        reply(201, [a_prediction("p1")]),
        reply(201, None),
        reply(201, "[" * 50_000),
        reply(201, {"status": "starting"}),
        reply(201, a_prediction("p1") | {"id": 5}),
        reply(204),
    ],
    ids=["html", "list", "null", "deep", "no id", "odd id", "empty"],
)
def test_a_success_that_cannot_be_read_leaves_the_create_in_doubt(answer: bytes) -> None:
    with gateway_to(lambda _: answer) as (gateway, server), pytest.raises(ProviderError) as caught:
        gateway.create(a_request())

    assert (caught.value.outcome, caught.value.where) == (Outcome.UNKNOWN, "replicate_http")
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504, 520])
def test_a_server_error_leaves_the_create_in_doubt_and_is_not_retried(status: int) -> None:
    page = "<html><head><title>502 Bad Gateway</title></head></html>"

    with (
        gateway_to(lambda _: reply(status, page)) as (gateway, server),
        pytest.raises(ProviderError, match="502 Bad Gateway") as caught,
    ):
        gateway.create(a_request())

    assert (caught.value.outcome, caught.value.status) == (Outcome.UNKNOWN, status)
    assert len(server.requests) == 1


def test_errors_show_no_secret_even_when_the_provider_repeats_it() -> None:
    def answer(request: Received) -> bytes:
        return reply(422, {"detail": f"{request.headers['authorization']} {request.body.decode()}"})

    with gateway_to(answer) as (gateway, _), pytest.raises(ProviderError) as caught:
        gateway.create(a_request())

    assert is_clean(caught.value)
    assert base64.b64encode(PNG).decode() not in caught.value.text
