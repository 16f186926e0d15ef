"""Real receivers of notifications on loopback: an HTTP server with scripted answers, and an SMTP server."""

import dataclasses
import email.message
import email.policy
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from core.startup.ports import free_port


@dataclasses.dataclass(frozen=True)
class Said:
    """One scripted answer: a status, headers, and a body."""

    status: int
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    body: str = "ok"


@dataclasses.dataclass
class Receiver:
    """What an HTTP receiver got. Answers follow the script; its last one is repeated."""

    script: Sequence[Said]
    url: str = ""
    requests: list[dict[str, Any]] = dataclasses.field(default_factory=list)

    @property
    def keys(self) -> list[str]:
        return [each["key"] for each in self.requests]


@contextmanager
def receiving(*script: int | Said) -> Iterator[Receiver]:
    """An HTTP receiver that answers as told."""
    said = [each if isinstance(each, Said) else Said(each) for each in script or (200,)]
    receiver = Receiver(said)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            turn = min(len(receiver.requests), len(said) - 1)
            receiver.requests.append(
                {"key": self.headers["Idempotency-Key"], "body": json.loads(body), "path": self.path}
            )
            answer = said[turn].body.encode()
            self.send_response(said[turn].status)
            for name, value in said[turn].headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_port}/services/T000/B000/s3cr3tpath"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclasses.dataclass
class Mailbox:
    """An SMTP server that can be started late, and the mails that it took."""

    port: int = dataclasses.field(default_factory=free_port)
    mails: list[email.message.EmailMessage] = dataclasses.field(default_factory=list)
    _controller: Controller | None = None

    @property
    def address(self) -> str:
        return f"mailto://127.0.0.1:{self.port}/?smtp=127.0.0.1&mode=insecure&from=desk@example.com&to=oncall@example.com"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        parsed = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(parsed, email.message.EmailMessage)
        self.mails.append(parsed)
        return "250 taken"

    def start(self) -> None:
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()

    def stop(self) -> None:
        if self._controller is not None:
            self._controller.stop()
