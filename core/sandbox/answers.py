"""Ways of answering that a plain JSON response does not cover: cut connections and endless bodies."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from starlette.background import BackgroundTask
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

CONNECTION = "sandbox.connection"


class JSON(Response):
    """A JSON body with the trailing newline that Replicate sends, whatever its media type."""

    media_type = "application/json"

    def __init__(
        self,
        content: Any,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
        background: BackgroundTask | None = None,
    ) -> None:
        body = json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
        super().__init__(body, status_code, headers, media_type, background)


def remember_connection(scope: Scope, send: Send) -> None:
    """Keep the server's own `send`, before any middleware wraps it: it leads to the connection."""
    scope[CONNECTION] = getattr(send, "__self__", None)


class Cut(Response):
    """Resets the connection, at once or after the beginning of an answer."""

    def __init__(self, start: bytes = b"", *, promised: int = 0, media_type: str = "image/png") -> None:
        super().__init__(b"", 200)
        self.start = start
        self.promised = promised
        self.start_type = media_type

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        if self.start:
            headers = [
                (b"content-type", self.start_type.encode()),
                (b"content-length", str(self.promised).encode()),
            ]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": self.start, "more_body": True})
            # The bytes shall have left before the connection goes.
            await asyncio.sleep(0.02)
        scope[CONNECTION].transport.abort()
        # Wait until the server noticed, or it would complain that nothing was answered.
        await asyncio.sleep(0.01)


class Drip(Response):
    """An answer that never ends: some bytes now and then, until the other side gives up."""

    def __init__(self, *, every: float, media_type: str, at_most: float) -> None:
        super().__init__(b"", 200)
        self.every = every
        self.at_most = at_most
        self.drip_type = media_type

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", self.drip_type.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        gone = asyncio.create_task(_disconnected(receive))
        passed = 0.0
        while not gone.done() and passed < self.at_most:
            await send({"type": "http.response.body", "body": b"\x89", "more_body": True})
            await asyncio.wait([gone], timeout=self.every)
            passed += self.every
        gone.cancel()
        scope[CONNECTION].transport.abort()
        await asyncio.sleep(0)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
