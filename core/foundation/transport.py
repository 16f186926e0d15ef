"""HTTP that always ends: every wait is bounded, the call as a whole too, and addresses can be checked.

httpx bounds single reads only, so a server that sends a byte now and then is waited for without end; the
`replicate` client sends its creates with no timeout at all. Both are mended below the client, at the socket.
"""

import contextlib
import contextvars
import ipaddress
import queue
import socket
import ssl
import threading
import time
import typing
from collections.abc import Callable, Iterable, Iterator

import httpcore
import httpx

CONNECT_SECONDS = 5.0
READ_SECONDS = 20.0
# Below the five seconds after which common servers (uvicorn among them) close an idle connection, so that no
# request is sent into a connection that is just being closed.
KEEPALIVE_SECONDS = 3.0

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
AddressCheck = Callable[[str, int, Address], bool]  # host, port, address -> may we connect?

_ends_at: contextvars.ContextVar[float | None] = contextvars.ContextVar("ends_at", default=None)


class AddressRefused(Exception):
    """The name leads to an address that we must not connect to."""


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Everything that `BoundedTransport` does inside, on this thread, ends within this time."""
    token = _ends_at.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _ends_at.reset(token)


def _bounded(timeout: float | None, default: float, too_late: type[Exception]) -> float:
    ends_at = _ends_at.get()
    wanted = default if timeout is None else timeout
    if ends_at is None:
        return wanted
    left = ends_at - time.monotonic()
    if left <= 0:
        raise too_late("the time for the whole call is over")
    return min(wanted, left)


class BoundedTransport(httpx.HTTPTransport):
    """One connection pool whose waits are bounded even where the caller says `timeout=None`."""

    def __init__(self, *, ssl_context: ssl.SSLContext, may_connect: AddressCheck | None = None) -> None:
        super().__init__(verify=ssl_context)
        # httpx offers no parameter for the network backend.
        self._pool = httpcore.ConnectionPool(
            ssl_context=ssl_context,
            max_connections=100,
            max_keepalive_connections=20,
            keepalive_expiry=KEEPALIVE_SECONDS,
            network_backend=_Backend(may_connect),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        given = request.extensions.get("timeout") or {}
        filled = {
            "connect": CONNECT_SECONDS,
            "read": READ_SECONDS,
            "write": READ_SECONDS,
            "pool": CONNECT_SECONDS,
        }
        filled |= {kind: seconds for kind, seconds in given.items() if seconds is not None}
        filled["pool"] = _bounded(filled["pool"], CONNECT_SECONDS, httpx.PoolTimeout)
        request.extensions = {**request.extensions, "timeout": filled}
        return super().handle_request(request)


class _Backend(httpcore.NetworkBackend):
    """Looks a name up once, checks the addresses, and connects to exactly those: no second look-up."""

    def __init__(self, may_connect: AddressCheck | None) -> None:
        self._plain = httpcore.SyncBackend()
        self._may_connect = may_connect

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[typing.Any] | None = None,
    ) -> httpcore.NetworkStream:
        addresses = _look_up(host, port, _bounded(timeout, CONNECT_SECONDS, httpcore.ConnectTimeout))
        if self._may_connect is not None:
            for address in addresses:
                if not self._may_connect(host, port, address):
                    raise AddressRefused(f"{host} leads to {address}, which is not a public address")
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in addresses:
            try:
                left = _bounded(timeout, CONNECT_SECONDS, httpcore.ConnectTimeout)
                stream = self._plain.connect_tcp(str(address), port, left, local_address, socket_options)
                return _BoundedStream(stream)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as exc:
                failure = exc
        raise failure


class _BoundedStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _bounded(timeout, READ_SECONDS, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # Piece by piece, so that a peer that takes a little now and then cannot stretch the whole.
        for start in range(0, len(buffer), 65_536):
            piece = buffer[start : start + 65_536]
            self._stream.write(piece, _bounded(timeout, READ_SECONDS, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = _bounded(timeout, CONNECT_SECONDS, httpcore.ConnectTimeout)
        return _BoundedStream(self._stream.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> typing.Any:
        return self._stream.get_extra_info(info)


def _look_up(host: str, port: int, timeout: float) -> list[Address]:
    """The addresses of `host`, in the system's order. A system that takes too long is left behind."""
    with contextlib.suppress(ValueError):
        return [ipaddress.ip_address(host)]
    answers: queue.SimpleQueue[list[Address] | Exception] = queue.SimpleQueue()
    threading.Thread(target=_ask_system, args=(host, port, answers), daemon=True, name="look-up").start()
    try:
        answer = answers.get(timeout=timeout)
    except queue.Empty:
        raise httpcore.ConnectTimeout(f"looking up {host} took too long") from None
    if isinstance(answer, Exception):
        raise httpcore.ConnectError(f"{host} cannot be looked up: {answer}") from answer
    return answer


def _ask_system(host: str, port: int, answers: "queue.SimpleQueue[list[Address] | Exception]") -> None:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        answers.put(list(dict.fromkeys(ipaddress.ip_address(entry[4][0]) for entry in found)))
    except (OSError, ValueError) as exc:  # UnicodeError, for names that cannot be one, is a ValueError
        answers.put(exc)


def is_public(address: Address) -> bool:
    """Whether the address is on the public internet; an IPv6 address may stand for an IPv4 one."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.sixtofour is not None or address.teredo is not None:
            return False  # tunnels of old, whose far end may be anywhere
        if address.ipv4_mapped is not None or address in _NAT64:
            return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return address.is_global and not address.is_multicast


_NAT64 = ipaddress.ip_network("64:ff9b::/96")
