"""Error answers as they were observed on Replicate's API."""

from typing import Any

from starlette.responses import Response

from core.sandbox.answers import JSON
from core.sandbox.validation import Complaint, detail

CREDIT = (
    "You have insufficient credit to run this model. Go to https://replicate.com/account/billing#billing to "
    "purchase credit. Once you purchase credit, please wait a few minutes before trying again."
)
CLOUDFLARE_PAGE = """<!DOCTYPE html>
<html lang="en-US"><head><title>api.replicate.com | {status}: {title}</title></head>
<body><div id="cf-wrapper"><h1>{title} <span>Error code {status}</span></h1>
<p>Visit cloudflare.com for more information.</p></div></body></html>
"""


class Problem(Exception):
    """Ends a request with an error answer."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


def problem(status: int, /, *, headers: dict[str, str] | None = None, **body: Any) -> Response:
    return JSON(body, status, headers=headers, media_type="application/problem+json")


def unauthenticated() -> Response:
    text = "You did not pass a valid authentication token"
    return problem(401, title="Unauthenticated", detail=text, status=401)


def no_credit() -> Response:
    return problem(402, title="Insufficient credit", detail=CREDIT, status=402)


def not_found(text: str = "The requested resource could not be found.") -> Response:
    return problem(404, detail=text, status=404)


def file_not_found() -> Response:
    return problem(404, detail="File not found")


def invalid_input(found: list[Complaint]) -> Response:
    return problem(
        422, detail=detail(found), status=422, title="Input validation failed", invalid_fields=found
    )


def invalid_request(text: str) -> Response:
    """A header or query parameter that breaks the OpenAPI document; the wording is the sandbox's own."""
    return problem(422, title="Invalid request", detail=text, status=422)


def invalid_version() -> Response:
    text = "The specified version does not exist (or perhaps you don't have permission to use it?)"
    return problem(422, title="Invalid version or not permitted", detail=text, status=422)


def throttled(retry_after: int, *, reduced: bool) -> Response:
    """429; `reduced` for the lower limit of an account that is short of credit."""
    why = (
        "Your rate limit for creating predictions is reduced to 6 requests per minute with a burst of 1 "
        "requests while you have less than $5.0 in credit. "
    )
    text = f"Request was throttled. {why if reduced else ''}Your rate limit resets in ~{retry_after}s."
    headers = {"retry-after": str(retry_after)}
    return problem(429, headers=headers, detail=text, status=429, retry_after=retry_after)


def too_large() -> Response:
    return problem(413, detail="Files must be less than 100MB in size")


def server_error() -> Response:
    return problem(500, detail="Internal server error")


def cloudflare(status: int, title: str) -> Response:
    page = CLOUDFLARE_PAGE.format(status=status, title=title)
    return Response(page, status, headers={"server": "cloudflare"}, media_type="text/html; charset=UTF-8")
