"""Fetches what the provider has drawn, trusting the address as little as its content."""

import base64
import binascii
import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import unquote_to_bytes

import httpx

from core.foundation.scrub import scrub
from core.foundation.transport import Address, AddressRefused, is_public, time_limit
from core.provider.errors import Outcome, ProviderError

MAX_BYTES = 25 * 1024 * 1024
MAX_REDIRECTS = 3

_DATA_URI = re.compile(r"data:([\w.+-]+/[\w.+-]+)?((?:;[^;,]*)*),", re.IGNORECASE)
_TRUNCATED = re.compile(r"without sending complete message body|incomplete chunked read|peer closed")


@dataclasses.dataclass(frozen=True)
class OutputHosts:
    """Which hosts may serve outputs: `name`, `*.name` (https, port 443, public addresses only), or an exact
    `host:port`, or `host:*` for all its ports, which may also be plain http and private.
    """

    patterns: tuple[str, ...]

    def exact(self, host: str, port: int) -> bool:
        """Whether this very host and port is listed."""
        name = f"[{host}]" if ":" in host else host
        return f"{name}:{port}" in self.patterns or f"{name}:*" in self.patterns

    def allows(self, url: httpx.URL) -> bool:
        host, port = host_and_port(url)
        if url.scheme in ("http", "https") and self.exact(host, port):
            return True
        return url.scheme == "https" and port == 443 and any(_matches(host, name) for name in self.patterns)

    def may_connect(self, host: str, port: int, address: Address) -> bool:
        return self.exact(host, port) or is_public(address)


def _matches(host: str, pattern: str) -> bool:
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and len(host) > len(pattern) - 1
    return host == pattern


def host_and_port(url: httpx.URL) -> tuple[str, int]:
    """The host as it is connected to (lower case, punycode) and the port, by default the scheme's own."""
    port = url.port if url.port is not None else {"http": 80, "https": 443}.get(url.scheme, 0)
    return url.raw_host.decode("ascii").strip("[]"), port


class OutputFetcher:
    """Downloads outputs without the API token; only Replicate's own hosts get it, and only after a refusal.

    Replicate's OpenAPI document says that output files need the Authorization header; in practice they are
    served without it. `transport` is normally a `BoundedTransport` that checks addresses with `may_connect`.
    """

    def __init__(
        self,
        hosts: OutputHosts,
        transport: httpx.BaseTransport,
        *,
        token: str,
        seconds: float,
        read_seconds: float,
        secrets: Iterable[str],
        on_request: Callable[[], None],
    ) -> None:
        self._hosts = hosts
        self._transport = transport
        self._token = token
        self._seconds = seconds
        self._timeout = httpx.Timeout(min(5.0, seconds), read=min(read_seconds, seconds)).as_dict()
        self._secrets = tuple(secrets)
        self._on_request = on_request

    def fetch(self, uri: str) -> bytes:
        """The image at `uri`, an http(s) address or a data URI. Raises ProviderError."""
        if not uri.isascii():
            raise self._error("bad_address", "the output address holds characters that no address has")
        if uri[:5].lower() == "data:":
            return self._image(self._from_data_uri(uri), uri[:40])
        with time_limit(self._seconds):
            try:
                return self._download(uri)
            except (httpx.InvalidURL, UnicodeError) as exc:
                raise self._error("bad_address", f"the output address is malformed: {exc}") from None
            except AddressRefused as exc:
                raise self._error("private_address", str(exc)) from None
            except httpx.HTTPError as exc:
                raise self._broken(exc) from exc

    def _download(self, uri: str) -> bytes:
        url = httpx.URL(uri)
        for _ in range(MAX_REDIRECTS + 1):
            self._check(url)
            response = self._ask(url)
            try:
                if response.status_code == 200:
                    return self._image(self._body(response), response.headers.get("content-type", "no type"))
                if "location" not in response.headers or not 300 <= response.status_code < 400:
                    raise self._refused(response)
                url = url.join(response.headers["location"])
            finally:
                response.close()
        raise self._error("too_many_redirects", f"the output is redirected more than {MAX_REDIRECTS} times")

    def _check(self, url: httpx.URL) -> None:
        if url.userinfo or not self._hosts.allows(url):
            host, port = host_and_port(url)
            raise self._error(
                "host_not_allowed", f"outputs are not fetched from {url.scheme}://{host}:{port}"
            )

    def _ask(self, url: httpx.URL) -> httpx.Response:
        response = self._send(url, {})
        if response.status_code in (401, 403) and _is_replicates_own(url):
            response.close()
            return self._send(url, {"Authorization": f"Bearer {self._token}"})
        return response

    def _send(self, url: httpx.URL, headers: dict[str, str]) -> httpx.Response:
        # The bare transport has no cookies, proxies, redirects or logs that signed addresses could end in.
        headers = {
            "Host": url.netloc.decode("ascii"),
            "Accept-Encoding": "identity",
            "Accept": "image/*",
            **headers,
        }
        request = httpx.Request("GET", url, headers=headers, extensions={"timeout": self._timeout})
        self._on_request()
        return self._transport.handle_request(request)

    def _body(self, response: httpx.Response) -> bytes:
        announced = response.headers.get("content-length", "")
        if announced.isdigit() and int(announced[:12]) > MAX_BYTES:
            raise self._too_large()
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise self._error(
                "not_an_image", "the output is compressed although we asked for it plain", status=200
            )
        body = bytearray()
        for chunk in _chunks(response):
            body += chunk
            if len(body) > MAX_BYTES:
                raise self._too_large()
        return bytes(body)

    def _from_data_uri(self, uri: str) -> bytes:
        head = _DATA_URI.match(uri)
        if head is None:
            raise self._error("bad_data_uri", "the output is no readable data URI")
        if len(uri) - head.end() > MAX_BYTES * 4 // 3 + 4:
            raise self._too_large()
        content = unquote_to_bytes(uri[head.end() :])
        if not head[2].lower().endswith(";base64"):
            return content
        try:
            return base64.b64decode(b"".join(content.split()), validate=True)
        except binascii.Error as exc:
            raise self._error("bad_data_uri", f"the output is no readable data URI: {exc}") from None

    def _image(self, content: bytes, said: str) -> bytes:
        if not content:
            raise self._error("empty", "the output has no content", Outcome.UNKNOWN)
        if len(content) > MAX_BYTES:
            raise self._too_large()
        if not looks_like_image(content):
            raise self._error("not_an_image", f"the output is no image ({said[:100]})")
        return content

    def _refused(self, response: httpx.Response) -> ProviderError:
        status = response.status_code
        outcome = Outcome.REFUSED if 400 <= status < 500 else Outcome.UNKNOWN
        text = f"the output host answered {status} {response.reason_phrase}".strip()
        return self._error(f"http_{status}", text, outcome, status=status)

    def _broken(self, exc: httpx.HTTPError) -> ProviderError:
        name, said = type(exc).__name__, str(exc) or type(exc).__name__
        if isinstance(exc, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
            return self._error(
                "unreachable", f"the output host could not be reached: {said}", Outcome.UNSENT, name=name
            )
        if isinstance(exc, httpx.TimeoutException):
            return self._error(
                "timeout", f"the output did not arrive in time: {said}", Outcome.UNKNOWN, name=name
            )
        code = "truncated" if _TRUNCATED.search(said) else "broken"
        return self._error(code, f"the output did not arrive whole: {said}", Outcome.UNKNOWN, name=name)

    def _too_large(self) -> ProviderError:
        return self._error("too_large", f"the output is larger than {MAX_BYTES // 1024**2} MB")

    def _error(
        self,
        code: str,
        text: str,
        outcome: Outcome = Outcome.REFUSED,
        *,
        status: int | None = None,
        name: str | None = None,
    ) -> ProviderError:
        return ProviderError(
            scrub(text, self._secrets),
            where="output_fetch",
            outcome=outcome,
            status=status,
            code=code,
            exception=name,
        )


def _is_replicates_own(url: httpx.URL) -> bool:
    host, port = host_and_port(url)
    own = host == "replicate.delivery" or host.endswith(".replicate.delivery")
    return own and url.scheme == "https" and port == 443


def _chunks(response: httpx.Response) -> Iterator[bytes]:
    stream = response.stream
    assert isinstance(stream, httpx.SyncByteStream)  # noqa: S101 - the transport is a synchronous one
    yield from stream


def looks_like_image(content: bytes) -> bool:
    """Whether the first bytes are those of PNG, JPEG, WebP, GIF or AVIF, whatever the server calls it."""
    return (
        content.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a"))
        or (content[:4] == b"RIFF" and content[8:12] == b"WEBP")
        or content[4:12] in (b"ftypavif", b"ftypavis")
    )
