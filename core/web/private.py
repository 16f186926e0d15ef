"""Answers with somebody's picture: a browser may keep it, and asks each time whether it may still show it."""

from starlette.requests import Request
from starlette.responses import Response

# What lies under an address never changes, so every picture may bear the same mark. A browser that has it
# asks with it, and is told in a few bytes: nobody who was erased is shown again out of a browser's store.
MARK = '"1"'
HEADERS = {"Cache-Control": "private, no-cache", "ETag": MARK, "X-Content-Type-Options": "nosniff"}
NOTHING = {"Cache-Control": "no-store"}


def has_it(request: Request) -> bool:
    """Whether the browser still holds the picture, and asks only whether it may show it."""
    return MARK in request.headers.get("if-none-match", "")


def picture_answer(content: bytes | None, kind: str) -> Response:
    """The picture; None says that the browser has it."""
    if content is None:
        return Response(status_code=304, headers=HEADERS)
    return Response(content, media_type=kind, headers=HEADERS)


def no_picture(status: int) -> Response:
    """There is none, or none now."""
    return Response(status_code=status, headers=NOTHING)
