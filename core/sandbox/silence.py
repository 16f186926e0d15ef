"""Requests that are never answered."""

from starlette.requests import Request
from starlette.responses import Response


async def hang(request: Request) -> Response:
    """Wait until the client gives up; the answer then goes nowhere."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    return Response(status_code=204)
