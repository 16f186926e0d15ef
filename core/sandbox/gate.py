"""What every request passes first: it is written down, its token checked, its limit counted."""

import re
from email.utils import formatdate

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.sandbox.answers import remember_connection
from core.sandbox.limits import Bucket
from core.sandbox.problems import throttled, unauthenticated
from core.sandbox.state import SandboxState, SeenRequest

TOKEN = re.compile(r"(?:Bearer|Token) r8_\S+")
CREATION = re.compile(r"/v1/(?:models/[^/]+/[^/]+/)?predictions/?")
GUARDED = ("/v1/", "/sandbox/")
OPEN = ("/sandbox/trap",)


class Recorder:
    """Writes down each request, lets what is due expire, and tells the provider's time in each answer."""

    def __init__(self, app: ASGIApp, state: SandboxState, server: str) -> None:
        self._app, self._state, self._server = app, state, server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            remember_connection(scope, send)
            self._state.expire()
            seen = SeenRequest(
                server=self._server,
                method=scope["method"],
                path=scope["path"],
                query=scope["query_string"].decode("latin-1"),
                headers={name: value for name, value in Headers(scope=scope).items()},  # noqa: C416
                moment=self._state.clock.now(),
            )
            self._state.see(seen)
        await self._app(scope, receive, self._dated(send))

    def _dated(self, send: Send) -> Send:
        async def sending(message: Message) -> None:
            skew = self._state.options.date_skew
            if message["type"] == "http.response.start" and skew is not None:
                date = formatdate(int(self._state.clock.told() + skew), usegmt=True).encode()
                message["headers"] = [*message.get("headers", []), (b"date", date)]
            await send(message)

        return sending


class Gate:
    """Asks for a token that begins with `r8_`, counts limits and tells in a header what is left of them."""

    def __init__(self, app: ASGIApp, state: SandboxState) -> None:
        self._app, self._state = app, state
        self._creations = Bucket(state, state.options.creates_per_minute)
        self._others = Bucket(state, state.options.others_per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(GUARDED) or scope["path"] in OPEN:
            return await self._app(scope, receive, send)
        control = scope["path"].startswith("/sandbox/")
        token = Headers(scope=scope).get("authorization", "")
        if TOKEN.fullmatch(token) is None or (self._state.refuse_tokens and not control):
            # The body is read first, or a client still sending it would see a broken connection instead.
            await Request(scope, receive).body()
            return await unauthenticated()(scope, receive, send)
        if control:
            return await self._app(scope, receive, send)
        creates = scope["method"] == "POST" and CREATION.fullmatch(scope["path"]) is not None
        bucket = self._creations if creates else self._others
        if wait := bucket.take():
            await Request(scope, receive).body()
            return await throttled(wait, reduced=False)(scope, receive, send)
        return await self._app(scope, receive, _with_limits(send, bucket))


def _with_limits(send: Send, bucket: Bucket) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] < 400:
            left = str(bucket.remaining).encode()
            message["headers"] = [
                *message.get("headers", []),
                (b"ratelimit-remaining", left),
                (b"ratelimit-reset", b"1"),
            ]
        await send(message)

    return sending
