"""The second host: serves outputs at unguessable addresses, without asking for a token."""

import asyncio
from collections.abc import AsyncIterator, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from core.sandbox.answers import Cut, Drip
from core.sandbox.state import SandboxState

OVERSIZE = 30 * 1024 * 1024
CHUNK = 256 * 1024
DRIP_EVERY = 1.0  # scaled
DRIP_AT_MOST = 3600.0  # real seconds: it shall outlast the patience of any reader


def output_app(state: SandboxState) -> Starlette:
    """The ASGI application of the output host."""
    app = Starlette(routes=[Route("/{path:path}", _serve, methods=["GET"])])
    app.state.sandbox = state
    return app


async def _serve(request: Request) -> Response:
    state: SandboxState = request.app.state.sandbox
    output = state.outputs.get(request.url.path)
    if output is None:
        return PlainTextResponse("Not Found", 404)
    output.fetches += 1
    content, media_type = output.prediction.files[output.index], output.prediction.media_type
    if output.fault == "output_flaky" and output.fetches == 1:
        return PlainTextResponse("upstream connect error", 503)
    return _faulty(state, output.fault, content, media_type) or Response(content, media_type=media_type)


def _faulty(state: SandboxState, fault: str, content: bytes, media_type: str) -> Response | None:
    page = "<!DOCTYPE html><title>Just a moment...</title><p>Checking your browser.</p>"
    clock = state.clock
    answers: dict[str, Callable[[], Response]] = {
        "output_404": lambda: PlainTextResponse("Not Found", 404),
        "output_403": lambda: PlainTextResponse("Forbidden", 403),
        "output_html": lambda: HTMLResponse(page),
        "output_truncated": lambda: Cut(
            content[: len(content) // 2], promised=len(content), media_type=media_type
        ),
        "output_oversized": lambda: _oversized(content, media_type),
        "output_endless": lambda: Drip(
            every=clock.span(DRIP_EVERY), media_type=media_type, at_most=DRIP_AT_MOST
        ),
        "output_redirect": lambda: RedirectResponse(f"{state.url}/sandbox/trap", 302),
    }
    return answers[fault]() if fault in answers else None


def _oversized(content: bytes, media_type: str) -> Response:
    """A valid beginning, then zeros up to 30 MB."""

    async def body() -> AsyncIterator[bytes]:
        yield content
        sent = len(content)
        while sent < OVERSIZE:
            piece = bytes(min(CHUNK, OVERSIZE - sent))
            sent += len(piece)
            yield piece
            # Lets the server notice a reader who is gone; it would go on writing to nobody.
            await asyncio.sleep(0)

    return StreamingResponse(body(), media_type=media_type, headers={"content-length": str(OVERSIZE)})
