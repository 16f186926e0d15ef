"""Fetching outputs: only from allowed hosts and public addresses, without the token, within every limit."""

import base64
import socket
import time
from typing import Any

import httpx
import pytest

from core.foundation.transport import is_public
from core.provider.errors import Outcome, ProviderError
from core.provider.gateway import Gateway
from core.provider.outputs import MAX_BYTES, OutputHosts
from tests.support.servers.gateways import PNG, TOKEN, gateway_to, is_clean
from tests.support.servers.wire import Act, Received, WireServer, cut, drip, hang, reply


def an_image(content: bytes = PNG) -> bytes:
    return reply(200, content, {"Content-Type": "image/png"})


def error_of(answer: bytes | Act, **options: Any) -> ProviderError:
    with gateway_to(lambda _: answer, **options) as (gateway, server), pytest.raises(ProviderError) as caught:
        gateway.fetch_output(f"{server.url}/out.png?signature=abcdefgh")
    assert caught.value.where == "output_fetch"
    return caught.value


def test_an_output_of_a_listed_host_is_fetched_without_the_token() -> None:
    with gateway_to(lambda _: an_image()) as (gateway, server):
        assert gateway.fetch_output(f"{server.url}/out.png?x=1") == PNG
        assert gateway.requests == {"output": 1}

    [sent] = server.requests
    assert (sent.method, sent.target, sent.headers["host"]) == ("GET", "/out.png?x=1", server.netloc)
    assert sent.headers["accept-encoding"] == "identity"
    assert "authorization" not in sent.headers
    assert "cookie" not in sent.headers


@pytest.mark.parametrize(
    "uri",
    [
        "data:image/png;base64," + base64.b64encode(PNG).decode(),
        "DATA:image/png;name=a.png;BASE64," + base64.b64encode(PNG).decode(),
        "data:image/png;base64," + base64.b64encode(PNG).decode().replace("+", "%2B").replace("=", "%3D"),
        "data:;base64," + base64.b64encode(PNG).decode(),
        "data:image/png," + "".join(f"%{byte:02x}" for byte in PNG),
    ],
)
def test_a_data_uri_is_decoded_without_a_request(uri: str) -> None:
    with gateway_to(lambda _: reply(500)) as (gateway, server):
        assert gateway.fetch_output(uri) == PNG

    assert server.connections == 0


@pytest.mark.parametrize(
    ("uri", "code"),
    [
        ("data:image/png;base64,AAA", "bad_data_uri"),
        ("data:image/png;base64,@@@@", "bad_data_uri"),
        ("data:image/png", "bad_data_uri"),
        ("data:text/html;base64," + base64.b64encode(b"<html>").decode(), "not_an_image"),
        ("data:image/png;base64,", "empty"),
        ("data:image/png;base64," + "A" * (MAX_BYTES * 4 // 3 + 8), "too_large"),
        ("data:image/png,\ud800", "bad_address"),
        ("file:///etc/passwd", "host_not_allowed"),
        ("ftp://replicate.delivery/x", "host_not_allowed"),
        ("nothing at all", "host_not_allowed"),
        ("", "host_not_allowed"),
        ("https://[broken/", "host_not_allowed"),
        ("https://a\x7fb/", "bad_address"),
        ("http://replicate.delivery/x.png", "host_not_allowed"),
        ("https://replicate.delivery:8443/x.png", "host_not_allowed"),
        ("https://replicate.delivery:0/x.png", "host_not_allowed"),
        ("https://replicate.delivery.evil.test/x.png", "host_not_allowed"),
        ("https://evilreplicate.delivery/x.png", "host_not_allowed"),
        ("https://replicate.delivery@evil.test/x.png", "host_not_allowed"),
        ("https://user:pw@replicate.delivery/x.png", "host_not_allowed"),
        ("https://evil.test\\@replicate.delivery/x.png", "host_not_allowed"),
        ("https://127.0.0.1/x.png", "host_not_allowed"),
        ("https://api.replicate.com/x.png", "host_not_allowed"),
    ],
)
def test_an_address_that_is_not_allowed_is_never_asked(
    uri: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("looked up"))
    gateway = Gateway(base_url="http://127.0.0.1", token=TOKEN)

    with pytest.raises(ProviderError) as caught:
        gateway.fetch_output(uri)
    gateway.close()

    assert (caught.value.code, caught.value.where) == (code, "output_fetch")
    if code != "empty":
        assert caught.value.outcome is Outcome.REFUSED


@pytest.mark.parametrize(
    ("patterns", "url", "allowed"),
    [
        (("replicate.delivery",), "https://REPLICATE.delivery/x", True),
        (("replicate.delivery",), "https://a.replicate.delivery/x", False),
        (("*.replicate.delivery",), "https://a.b.replicate.delivery/x", True),
        (("*.replicate.delivery",), "https://replicate.delivery/x", False),
        (("*.replicate.delivery",), "https://.replicate.delivery/x", False),
        (("127.0.0.1:9000",), "http://127.0.0.1:9000/x", True),
        (("127.0.0.1:9000",), "http://127.0.0.1:9001/x", False),
        (("test.local:80",), "http://test.local/x", True),
        (("test.local:443",), "https://test.local/x", True),
        (("[::1]:9000",), "http://[::1]:9000/x", True),
        (("*",), "https://anything/x", False),
        ((), "https://replicate.delivery/x", False),
    ],
)
def test_host_patterns_mean_exactly_what_they_say(patterns: tuple[str, ...], url: str, allowed: bool) -> None:
    assert OutputHosts(patterns).allows(httpx.URL(url)) is allowed


@pytest.mark.parametrize("private", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "100.64.0.1"])
def test_an_allowed_name_that_leads_to_a_private_address_is_not_connected_to(
    private: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected: list[object] = []
    family = socket.AF_INET6 if ":" in private else socket.AF_INET
    # A public address beside the private one does not help.
    found = [(socket.AF_INET, 1, 6, "", ("8.8.8.8", 443)), (family, 1, 6, "", (private, 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    monkeypatch.setattr(socket, "create_connection", lambda *given, **_: connected.append(given))
    gateway = Gateway(base_url="http://127.0.0.1", token=TOKEN)

    with pytest.raises(ProviderError, match="not a public address") as caught:
        gateway.fetch_output("https://replicate.delivery/x.png")
    gateway.close()

    assert (caught.value.code, caught.value.outcome) == ("private_address", Outcome.REFUSED)
    assert connected == []


def test_a_name_is_looked_up_once_and_the_checked_address_is_the_one_connected_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = iter(["93.184.216.34", "127.0.0.1", "127.0.0.1"])
    connected: list[object] = []

    def look_up(*_: object, **__: object) -> list[Any]:
        return [(socket.AF_INET, 1, 6, "", (next(answers), 443))]

    def connect(address: object, *_: object, **__: object) -> None:
        connected.append(address)
        raise ConnectionRefusedError("refused")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(socket, "create_connection", connect)
    gateway = Gateway(base_url="http://127.0.0.1", token=TOKEN)

    with pytest.raises(ProviderError) as caught:
        gateway.fetch_output("https://replicate.delivery/x.png")
    gateway.close()

    assert connected == [("93.184.216.34", 443)]
    assert next(answers) == "127.0.0.1"  # nobody asked a second time
    assert (caught.value.code, caught.value.outcome) == ("unreachable", Outcome.UNSENT)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("192.168.0.1", False),
        ("0.0.0.0", False),  # noqa: S104
        ("224.0.0.1", False),
        ("240.0.0.1", False),
        ("fe80::1", False),
        ("fc00::1", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::808:808", True),
        ("2002:7f00:1::", False),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", False),
    ],
)
def test_public_addresses_are_told_from_all_others(address: str, public: bool) -> None:
    import ipaddress

    assert is_public(ipaddress.ip_address(address)) is public


def test_redirects_between_allowed_hosts_are_followed() -> None:
    def answer(request: Received) -> bytes:
        step = int(request.path[1:])
        return an_image() if step == 3 else reply(302, "", {"Location": f"/{step + 1}"})

    with gateway_to(answer) as (gateway, server):
        assert gateway.fetch_output(f"{server.url}/0") == PNG

    assert [sent.path for sent in server.requests] == ["/0", "/1", "/2", "/3"]


def test_the_fourth_redirect_is_not_followed() -> None:
    def answer(request: Received) -> bytes:
        return reply(302, "", {"Location": f"/{int(request.path[1:]) + 1}"})

    with gateway_to(answer) as (gateway, server), pytest.raises(ProviderError) as caught:
        gateway.fetch_output(f"{server.url}/0")

    assert caught.value.code == "too_many_redirects"
    assert len(server.requests) == 4


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_redirect_to_a_host_that_is_not_listed_is_not_followed(scheme: str) -> None:
    with WireServer(lambda _: an_image()) as inner:
        error = error_of(reply(302, "", {"Location": f"{scheme}://{inner.netloc}/x"}))

        assert inner.connections == 0
    assert error.code == "host_not_allowed"


@pytest.mark.parametrize("location", ["file:///etc/passwd", "http://[", "//169.254.169.254/latest"])
def test_a_redirect_to_nowhere_good_is_an_error(location: str) -> None:
    assert error_of(reply(301, "", {"Location": location})).code in ("host_not_allowed", "bad_address")


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (404, Outcome.REFUSED),
        (403, Outcome.REFUSED),
        (410, Outcome.REFUSED),
        (500, Outcome.UNKNOWN),
        (206, Outcome.UNKNOWN),
        (304, Outcome.UNKNOWN),
    ],
)
def test_an_output_that_is_not_there_is_told_with_its_status(status: int, outcome: Outcome) -> None:
    error = error_of(reply(status, "" if status == 304 else "gone"))

    assert (error.status, error.code, error.outcome) == (status, f"http_{status}", outcome)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (reply(200, "<!DOCTYPE html><title>Sign in</title>", {"Content-Type": "text/html"}), "not_an_image"),
        (reply(200, "<html>", {"Content-Type": "image/png"}), "not_an_image"),
        (reply(200, {"detail": "no"}), "not_an_image"),
        (reply(200, PNG, {"Content-Encoding": "gzip"}), "not_an_image"),
        (reply(200, b""), "empty"),
        (reply(200, PNG, {"Content-Length": str(len(PNG) + 5)}), "truncated"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n\x89PNG\r\r\n", "truncated"),
        (b"no http at all\r\n\r\n", "broken"),
        (cut, "broken"),
        (reply(200, PNG, {"Content-Length": str(MAX_BYTES + 1)}), "too_large"),
        (reply(200, PNG, {"Content-Length": "9" * 18}), "too_large"),
    ],
)
def test_content_that_is_no_whole_image_is_refused(answer: bytes | Act, code: str) -> None:
    assert error_of(answer).code == code


def test_an_endless_body_is_given_up_at_the_size_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.provider.outputs.MAX_BYTES", 100_000)

    def pour(server: WireServer, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n" + PNG)
        while not server.over.is_set():
            connection.sendall(bytes(65_536))

    assert error_of(pour).code == "too_large"


@pytest.mark.parametrize(
    "act",
    [
        hang,
        drip(b"HTTP/1.1 200 OK\r\nX-Slow: ", 0.05),
        drip(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + PNG, 0.05),
    ],
    ids=["silent", "slow header", "slow body"],
)
def test_an_output_that_never_ends_is_given_up_in_time(act: Act) -> None:
    started = time.monotonic()

    error = error_of(act, transfer_seconds=0.4)

    assert time.monotonic() - started < 30
    assert (error.code, error.outcome) == ("timeout", Outcome.UNKNOWN)


def test_redirects_do_not_stretch_the_time_limit() -> None:
    def answer(request: Received) -> Act:
        def act(server: WireServer, connection: socket.socket) -> None:
            server.over.wait(0.3)
            connection.sendall(reply(302, "", {"Location": "/again" + request.path}))

        return act

    with (
        gateway_to(answer, transfer_seconds=0.5) as (gateway, server),
        pytest.raises(ProviderError) as caught,
    ):
        gateway.fetch_output(f"{server.url}/0")

    assert caught.value.code == "timeout"


def test_a_silent_output_host_is_given_up_after_the_timeout_of_one_read() -> None:
    started = time.monotonic()

    error = error_of(hang, timeout_seconds=0.3, transfer_seconds=300)

    assert time.monotonic() - started < 30
    assert error.code == "timeout"


class Delivery:
    """Replicate's output hosts: refuse without the token, and note who was shown it."""

    def __init__(self, *, refuses: bool = True, redirect: str | None = None) -> None:
        self.refuses, self.redirect = refuses, redirect
        self.seen: list[tuple[str, str | None]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        token = request.headers.get("authorization")
        self.seen.append((str(request.url), token))
        if self.refuses and token is None:
            return httpx.Response(403)
        if self.redirect and self.redirect != str(request.url):
            return httpx.Response(302, headers={"location": self.redirect})
        return httpx.Response(200, content=PNG)


def gateway_over(delivery: Delivery, hosts: tuple[str, ...]) -> Gateway:
    return Gateway(
        base_url="http://127.0.0.1",
        token=TOKEN,
        output_hosts=hosts,
        output_transport=httpx.MockTransport(delivery),
    )


def test_replicates_own_host_is_asked_again_with_the_token_after_a_refusal() -> None:
    delivery = Delivery()
    gateway = gateway_over(delivery, ("*.replicate.delivery",))

    assert gateway.fetch_output("https://pbxt.replicate.delivery/x.png") == PNG
    gateway.close()

    url = "https://pbxt.replicate.delivery/x.png"
    assert delivery.seen == [(url, None), (url, f"Bearer {TOKEN}")]


def test_another_host_never_sees_the_token() -> None:
    delivery = Delivery()
    gateway = gateway_over(delivery, ("cdn.test", "replicate.delivery:8443", "replicate.delivery:80"))

    for url in (
        "https://cdn.test/x.png",
        "https://replicate.delivery:8443/x.png",
        "http://replicate.delivery/x.png",
    ):
        with pytest.raises(ProviderError) as caught:
            gateway.fetch_output(url)
        assert (caught.value.status, is_clean(caught.value)) == (403, True)
    gateway.close()

    assert [token for _, token in delivery.seen] == [None, None, None]


def test_a_redirect_away_from_replicate_leaves_the_token_behind() -> None:
    delivery = Delivery(refuses=False, redirect="https://cdn.test/y.png")
    gateway = gateway_over(delivery, ("replicate.delivery", "cdn.test"))

    assert gateway.fetch_output("https://replicate.delivery/x.png") == PNG
    gateway.close()

    assert [token for _, token in delivery.seen] == [None, None]


def test_a_signed_address_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")

    with gateway_to(lambda _: an_image()) as (gateway, server):
        gateway.fetch_output(f"{server.url}/out.png?signature=abcdefgh")

    assert "abcdefgh" not in caplog.text
