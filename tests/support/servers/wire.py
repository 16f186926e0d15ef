"""A server on a real loopback socket that answers each request with exactly the bytes a test wants."""

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True)
class Received:
    """One request as it came over the wire; header names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    def json(self) -> Any:
        return json.loads(self.body)


Act = Callable[["WireServer", socket.socket], None]
Answer = Callable[[Received], bytes | Act]


def reply(
    status: int = 200,
    body: bytes | str | dict[str, Any] | list[Any] | None = b"",
    headers: dict[str, str] | None = None,
) -> bytes:
    """An HTTP response; objects and lists become JSON. `headers` may override Content-Length."""
    kind = "text/plain"
    if isinstance(body, dict | list) or body is None:
        body, kind = json.dumps(body), "application/json"
    content = body.encode() if isinstance(body, str) else body
    fields = {
        "Content-Type": kind,
        "Content-Length": str(len(content)),
        "Connection": "close",
        **(headers or {}),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} Whatever\r\n{head}\r\n".encode() + content


def hang(server: "WireServer", _: socket.socket) -> None:
    """Read the request and say nothing until the test is over."""
    server.over.wait(20)


def cut(_: "WireServer", connection: socket.socket) -> None:
    """Read the request and close the connection."""
    connection.shutdown(socket.SHUT_RDWR)


def drip(first: bytes, every: float) -> Act:
    """Send `first`, then one more byte after every pause: each single read succeeds, the whole never ends."""

    def act(server: "WireServer", connection: socket.socket) -> None:
        connection.sendall(first)
        while not server.over.wait(every):
            connection.sendall(b"x")

    return act


class WireServer:
    """Use as a context manager. `requests` holds what came in, `connections` counts who connected."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.requests: list[Received] = []
        self.connections = 0
        self.over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = int(self._listener.getsockname()[1])
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    @property
    def netloc(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.netloc}"

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.over.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, StopIteration), connection:
            connection.settimeout(10)
            received = _read(connection)
            self.requests.append(received)
            said = self.answer(received)
            if isinstance(said, bytes):
                connection.sendall(said)
            else:
                said(self, connection)


def _read(connection: socket.socket) -> Received:
    chunks = _chunks(connection)
    data = b""
    while b"\r\n\r\n" not in data:
        data += next(chunks)
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += next(chunks)
    method, target, _ = first.split(" ")
    return Received(method, target, headers, body)


def _chunks(connection: socket.socket) -> Iterator[bytes]:
    while chunk := connection.recv(65_536):
        yield chunk
