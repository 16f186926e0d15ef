"""Reading predictions, the list above all, and the small questions: account, model, signing secret."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from core.foundation.errors import SetupError
from core.provider.errors import Outcome, ProviderError
from core.provider.gateway import Gateway
from core.provider.reports import RemoteStatus
from core.provider.sandbox_address import SandboxAddress
from core.settings import Settings
from tests.support.servers.gateways import OPENAI_KEY, TOKEN, a_prediction, a_request, gateway_to
from tests.support.servers.wire import Received, WireServer, cut, reply

SINCE = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def a_page(*items: object, following: object = None) -> bytes:
    return reply(200, {"next": following, "previous": None, "results": list(items)})


def test_the_list_is_asked_since_the_moment_and_read_to_its_end() -> None:
    def answer(request: Received) -> bytes:
        if "cursor" in request.target:
            return a_page(a_prediction("p2"))
        return a_page(
            a_prediction("p1"), following=f"http://{request.headers['host']}/v1/predictions?cursor=abc%3D"
        )

    with gateway_to(answer) as (gateway, server):
        listing = gateway.list_since(SINCE.astimezone(), max_pages=5)

    assert [sent.target for sent in server.requests] == [
        "/v1/predictions?created_after=2026-11-22T09%3A00%3A00.000000Z",
        "/v1/predictions?cursor=abc%3D",
    ]
    assert [report.remote_id for report in listing.reports] == ["p1", "p2"]
    assert [report.client_ref for report in listing.reports] == ["ref-of-p1", "ref-of-p2"]
    assert (listing.complete, listing.bad_items, listing.requests) == (True, 0, 2)


def test_an_aborted_or_broken_entry_spoils_no_page() -> None:
    page = a_page(
        a_prediction("p1", status="aborted"),
        None,
        a_prediction("p2", error={"code": 7}, metrics=None, status="failed"),
        {"status": "succeeded"},
        {"id": "p3"},
    )

    with gateway_to(lambda _: page) as (gateway, _):
        listing = gateway.list_since(SINCE)

    assert [(report.remote_id, report.status) for report in listing.reports] == [
        ("p1", RemoteStatus.ABORTED),
        ("p2", RemoteStatus.FAILED),
        ("p3", RemoteStatus.PROCESSING),
    ]
    assert (listing.bad_items, listing.complete) == (2, True)


def test_a_link_to_another_host_is_not_followed_and_gets_no_token() -> None:
    with WireServer(lambda _: a_page()) as other:
        page = a_page(a_prediction("p1"), following=f"{other.url}/v1/predictions?cursor=x")
        with gateway_to(lambda _: page) as (gateway, _):
            listing = gateway.list_since(SINCE)

        assert other.connections == 0
    assert [report.remote_id for report in listing.reports] == ["p1"]
    assert not listing.complete
    assert listing.problem is not None


@pytest.mark.parametrize(
    "link", ["/v1/account", "//evil.test/v1/predictions?x=1", "http://[", "", 7, "ftp://h/x"]
)
def test_an_odd_link_ends_the_list_as_incomplete(link: object) -> None:
    with gateway_to(lambda _: a_page(a_prediction("p1"), following=link)) as (gateway, server):
        listing = gateway.list_since(SINCE)

    assert len(listing.reports) == 1
    assert not listing.complete
    assert len(server.requests) == 1


def test_pages_beyond_the_allowed_number_are_left_and_said_to_be() -> None:
    pages = iter(range(100))

    def answer(request: Received) -> bytes:
        number = next(pages)
        return a_page(a_prediction(f"p{number}"), following=f"/v1/predictions?cursor={number}")

    with gateway_to(answer) as (gateway, server):
        listing = gateway.list_since(SINCE, max_pages=3)

    assert len(server.requests) == listing.requests == 3
    assert not listing.complete
    assert listing.problem is None


def test_a_list_that_links_to_itself_ends_and_holds_each_prediction_once() -> None:
    page = a_page(a_prediction("p1"), following="/v1/predictions?cursor=same")

    with gateway_to(lambda _: page) as (gateway, server):
        listing = gateway.list_since(SINCE, max_pages=50)

    assert len(server.requests) == 2
    assert len(listing.reports) == 1
    assert not listing.complete


def test_a_provider_that_ignores_the_moment_is_not_read_to_the_beginning_of_time() -> None:
    old = a_prediction("p1", created_at=(SINCE - timedelta(hours=1)).isoformat())

    with gateway_to(lambda _: a_page(old, following="/v1/predictions?cursor=1")) as (gateway, server):
        listing = gateway.list_since(SINCE)

    assert len(server.requests) == 1
    assert listing.complete


def test_what_was_read_before_a_later_page_failed_is_kept() -> None:
    def answer(request: Received) -> Any:
        if "cursor" in request.target:
            return cut
        return a_page(a_prediction("p1"), following="/v1/predictions?cursor=1")

    with gateway_to(answer) as (gateway, _):
        listing = gateway.list_since(SINCE)

    assert [report.remote_id for report in listing.reports] == ["p1"]
    assert not listing.complete
    assert listing.problem is not None
    assert listing.problem.where == "network"


@pytest.mark.parametrize(
    "answer", [reply(200, {"results": None}), reply(200, []), reply(401, {"detail": "no"})]
)
def test_a_list_that_cannot_be_read_at_all_is_an_error(answer: bytes) -> None:
    with gateway_to(lambda _: answer) as (gateway, _), pytest.raises(ProviderError):
        gateway.list_since(SINCE)


def test_a_moment_without_a_time_zone_is_refused() -> None:
    with gateway_to(lambda _: a_page()) as (gateway, _), pytest.raises(ValueError, match="time zone"):
        gateway.list_since(datetime(2026, 11, 22))  # noqa: DTZ001


def test_get_and_cancel_ask_for_one_prediction() -> None:
    def answer(request: Received) -> bytes:
        return reply(200, a_prediction("p1", status="canceled" if request.method == "POST" else "aborted"))

    with gateway_to(answer) as (gateway, server):
        assert gateway.get("p1").status is RemoteStatus.ABORTED
        assert gateway.cancel("p1").status is RemoteStatus.CANCELED

    assert [(sent.method, sent.target) for sent in server.requests] == [
        ("GET", "/v1/predictions/p1"),
        ("POST", "/v1/predictions/p1/cancel"),
    ]


@pytest.mark.parametrize("remote_id", ["", "../account", "p1/cancel", "p1?x", "a b"])
def test_an_id_that_is_none_never_becomes_a_request(remote_id: str) -> None:
    with gateway_to(lambda _: reply(200, a_prediction())) as (gateway, server):
        for call in (gateway.get, gateway.cancel):
            with pytest.raises(ProviderError) as caught:
                call(remote_id)
            assert caught.value.outcome is Outcome.REFUSED

    assert server.connections == 0


def test_account_model_and_signing_secret_are_read() -> None:
    def answer(request: Received) -> bytes:
        return {
            "/v1/account": reply(200, {"type": "user", "username": "acme"}),
            "/v1/models/openai/gpt-image-1": reply(200, {"name": "gpt-image-1"}),
            "/v1/webhooks/default/secret": reply(200, {"key": "whsec_abc"}),
        }.get(request.path, reply(404, {"detail": "not found"}))

    with gateway_to(answer) as (gateway, server):
        assert gateway.check_account() == "acme"
        assert gateway.check_model("openai/gpt-image-1") is True
        assert gateway.check_model("openai/gone") is False
        assert gateway.webhook_secret() == "whsec_abc"
        asked = len(server.requests)
        assert gateway.check_model("../account") is False
        assert len(server.requests) == asked


@pytest.mark.parametrize("body", [{}, {"username": 7, "key": ""}])
def test_an_account_or_secret_that_is_missing_is_an_error(body: dict[str, object]) -> None:
    with gateway_to(lambda _: reply(200, body)) as (gateway, _):
        for call in (gateway.check_account, gateway.webhook_secret):
            with pytest.raises(ProviderError):
                call()


def test_a_model_check_that_fails_says_neither_yes_nor_no() -> None:
    with gateway_to(lambda _: reply(500, "")) as (gateway, _), pytest.raises(ProviderError):
        gateway.check_model("openai/gpt-image-1")


def test_two_gateways_send_each_their_own_token() -> None:
    with WireServer(lambda _: reply(200, {"username": "acme"})) as server:
        for token in ("r8_first_token_1", "r8_second_token_2"):
            gateway = Gateway(base_url=server.url, token=token)
            gateway.check_account()
            gateway.close()

    assert [sent.headers["authorization"] for sent in server.requests] == [
        "Bearer r8_first_token_1",
        "Bearer r8_second_token_2",
    ]


def test_the_environment_changes_neither_address_nor_token(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REPLICATE_BASE_URL", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("REPLICATE_API_TOKEN", "r8_from_the_environment")

    with gateway_to(lambda _: reply(200, {"username": "acme"})) as (gateway, server):
        assert gateway.check_account() == "acme"

    assert server.requests[0].headers["authorization"] == f"Bearer {TOKEN}"


def test_many_threads_at_once_all_get_answers_and_every_request_is_counted() -> None:
    with gateway_to(lambda _: reply(200, a_prediction())) as (gateway, server):
        threads = [threading.Thread(target=lambda: [gateway.get("p1") for _ in range(5)]) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert gateway.requests == {"get": 80}
    assert len(server.requests) == 80


def test_repr_shows_the_address_and_no_secret() -> None:
    with gateway_to(lambda _: reply(200, {})) as (gateway, server):
        assert repr(gateway) == f"<Gateway to {server.url}>"


@pytest.mark.parametrize("token", ["", " r8_x", "r8_x\n", "r8_é"])
def test_a_token_that_no_header_can_carry_is_a_setup_error_that_does_not_show_it(token: str) -> None:
    with pytest.raises(SetupError, match="REPLICATE_API_TOKEN") as caught:
        Gateway(base_url="http://127.0.0.1", token=token)

    assert "r8" not in str(caught.value)


@pytest.mark.parametrize("base_url", ["http://127.0.0.1/v1", "ftp://127.0.0.1", "http://user@127.0.0.1", ""])
def test_a_base_address_with_a_path_or_worse_is_a_setup_error(base_url: str) -> None:
    with pytest.raises(SetupError, match="REPLICATE_BASE_URL"):
        Gateway(base_url=base_url, token=TOKEN)


def test_a_broken_poll_interval_in_the_environment_is_a_setup_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPLICATE_POLL_INTERVAL", "often")

    with pytest.raises(SetupError, match="REPLICATE_POLL_INTERVAL"):
        Gateway(base_url="http://127.0.0.1", token=TOKEN)


def test_settings_or_the_sandbox_say_where_to_go_and_the_sandbox_gets_no_real_key(tmp_path: Path) -> None:
    def answer(request: Received) -> bytes:
        return reply(201, a_prediction())

    with WireServer(answer) as real, WireServer(answer) as sandbox:
        settings = Settings(home=tmp_path).model_copy(
            update={
                "replicate_api_token": SecretStr(TOKEN),
                "replicate_base_url": real.url,
                "openai_api_key": SecretStr(OPENAI_KEY),
            }
        )
        address = SandboxAddress(api_url=sandbox.url, files_host=sandbox.netloc, token="sandbox-token")
        for gateway in (Gateway.from_settings(settings), Gateway.from_settings(settings, sandbox=address)):
            gateway.create(a_request())
            gateway.close()

    assert real.requests[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert real.requests[0].json()["input"]["openai_api_key"] == OPENAI_KEY
    assert sandbox.requests[0].headers["authorization"] == "Bearer sandbox-token"
    assert OPENAI_KEY not in sandbox.requests[0].body.decode()


def test_without_token_and_sandbox_there_is_no_gateway(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path).model_copy(update={"replicate_api_token": None})

    with pytest.raises(SetupError, match="REPLICATE_API_TOKEN"):
        Gateway.from_settings(settings)


@pytest.mark.parametrize(
    ("headers", "said_at"),
    [
        ({"Date": "Sun, 22 Nov 2026 10:00:07 GMT"}, datetime(2026, 11, 22, 10, 0, 7, tzinfo=UTC)),
        ({"Date": "Sun, 22 Nov 2026 10:00:07 GMT", "Age": "0"}, datetime(2026, 11, 22, 10, 0, 7, tzinfo=UTC)),
        # Kept by a cache: it was made then, not now.
        ({"Date": "Sun, 22 Nov 2026 10:00:07 GMT", "Age": "3"}, None),
        # Somebody between added another.
        ({"Date": "Sun, 22 Nov 2026 10:00:07 GMT", "date": "Sun, 22 Nov 2026 11:00:07 GMT"}, None),
        ({"Date": "yesterday"}, None),
        ({}, None),
    ],
)
def test_the_time_that_the_list_bears_is_told(headers: dict[str, str], said_at: datetime | None) -> None:
    page = reply(200, {"results": [a_prediction("p1")], "next": None}, headers)
    with gateway_to(lambda _: page) as (gateway, server):
        assert gateway.list_since(SINCE).said_at == said_at
    assert server.requests[0].headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("body", ["<html>Please sign in</html>", {"detail": "this is the proxy"}, [1]])
def test_what_is_no_list_of_the_provider_tells_no_time(body: Any) -> None:
    page = reply(200, body, {"Date": "Sun, 22 Nov 2026 10:00:07 GMT"})
    with gateway_to(lambda _: page) as (gateway, _), pytest.raises(ProviderError):
        gateway.list_since(SINCE)
