"""One request to Replicate's API: the `replicate` client's connection, our own limits and errors."""

import contextlib
import dataclasses
import json
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Literal

import httpx

from core.foundation.errors import SetupError
from core.foundation.transport import CONNECT_SECONDS, BoundedTransport, time_limit
from core.provider.answers import no_answer, refusal, said_at, unreadable
from core.provider.errors import ProviderError
from core.provider.parsing import decode_json

Kind = Literal["create", "read"]  # the two budgets that Replicate counts requests against
OnLimits = Callable[[Kind, float | None], None]

# A list page holds up to 100 predictions with their inputs, which may be data URIs of 256 kB.
MAX_ANSWER_BYTES = 64 * 1024 * 1024


@dataclasses.dataclass(frozen=True)
class Answer:
    """The JSON object that answered, and when the server says it did."""

    payload: dict[str, object]
    said_at: datetime | None


class RequestCounter:
    """How many requests were sent, by operation; safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def add(self, operation: str) -> None:
        with self._lock:
            self._counts[operation] += 1

    def snapshot(self) -> dict[str, int]:
        with self._lock:
            return dict(self._counts)


class ReplicateApi:
    """Sends authorised requests to the configured base address, and nowhere else."""

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        timeout_seconds: float,
        ssl_context: ssl.SSLContext,
        secrets: Iterable[str],
        counter: RequestCounter,
        on_limits: OnLimits | None,
    ) -> None:
        self.base_url = httpx.URL(base_url.rstrip("/"))
        transport = BoundedTransport(ssl_context=ssl_context)
        self._http = _authorised_client(str(self.base_url), token, transport)
        self._seconds = timeout_seconds
        self._secrets = tuple(secrets)
        self._counter = counter
        self._on_limits = on_limits

    def close(self) -> None:
        self._http.close()

    def ask(
        self,
        operation: str,
        method: str,
        path: str,
        *,
        body: Mapping[str, object] | None = None,
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float | None = None,
    ) -> dict[str, object]:
        """The JSON object that answers this request, in at most `seconds` (the gateway's timeout by default).

        Raises ProviderError for everything else. `path` must be relative: the token goes with it.
        """
        return self.answer(
            operation, method, path, body=body, files=files, headers=headers, seconds=seconds
        ).payload

    def answer(
        self,
        operation: str,
        method: str,
        path: str,
        *,
        body: Mapping[str, object] | None = None,
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float | None = None,
    ) -> Answer:
        """As `ask`, with the time that the server told."""
        total = seconds or self._seconds
        request = self._request(method, path, body, files, headers, total)
        self._counter.add(operation)
        with time_limit(total), self._translated():
            response = self._http.send(request, stream=True)
            try:
                content = self._read(response)
            finally:
                response.close()
        if not response.is_success:
            raise self._refused(operation, response, content)
        try:
            answer = decode_json(content)
        except ValueError as exc:
            raise unreadable(response.status_code, f"no JSON ({exc})", self._secrets) from None
        if not isinstance(answer, dict):
            raise unreadable(response.status_code, f"a JSON {type(answer).__name__}", self._secrets)
        return Answer(answer, said_at(response.headers))

    def _request(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None,
        files: Mapping[str, tuple[str, bytes, str]] | None,
        headers: Mapping[str, str] | None,
        total: float,
    ) -> httpx.Request:
        if not path.startswith("/v1/"):
            raise ValueError(f"not a path of the API: {path}")
        return self._http.build_request(
            method,
            path,
            # Escaped as ASCII, because httpx itself fails on a lone surrogate in a prompt.
            content=None if body is None else json.dumps(body).encode("ascii"),
            files=files,
            headers={**({} if body is None else {"Content-Type": "application/json"}), **(headers or {})},
            timeout=httpx.Timeout(
                total, connect=min(CONNECT_SECONDS, total), pool=min(CONNECT_SECONDS, total)
            ),
        )

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except httpx.LocalProtocolError:
            # Its text may quote a header, and a header holds the token.
            raise no_answer(
                httpx.UnsupportedProtocol("the request is malformed"), self.base_url.host, ()
            ) from None
        except httpx.HTTPError as exc:
            raise no_answer(exc, self.base_url.host, self._secrets) from exc

    def _read(self, response: httpx.Response) -> bytes:
        content = bytearray()
        for chunk in response.iter_bytes():
            content += chunk
            if len(content) > MAX_ANSWER_BYTES:
                raise unreadable(response.status_code, "larger than 64 MB", self._secrets)
        return bytes(content)

    def _refused(self, operation: str, response: httpx.Response, content: bytes) -> ProviderError:
        error = refusal(response, content, self._secrets)
        if error.status == 429 and self._on_limits is not None:
            self._on_limits("create" if operation == "create" else "read", error.retry_after)
        return error


def _authorised_client(base_url: str, token: str, transport: httpx.BaseTransport) -> httpx.Client:
    from replicate.client import Client

    try:
        # Nothing is left to the environment: base address and token are given. The headers are a fresh dict,
        # because the client writes the token into the one it gets.
        client = Client(api_token=token, base_url=base_url, headers={}, transport=transport)
    except ValueError as exc:
        raise SetupError(f"REPLICATE_POLL_INTERVAL must be a number of seconds, or absent: {exc}") from None
    # Made now, because the client makes it at first use without a lock, once for each thread that comes.
    http = client._client  # noqa: SLF001 - the public methods lose headers, bodies and timeouts
    # The client would sleep inside the call, for as long as the server asks; the engine does the waiting.
    http._transport.max_attempts = 1  # type: ignore[attr-defined]  # noqa: SLF001
    return http
