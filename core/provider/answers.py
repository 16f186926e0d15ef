"""Turns answers that are no success, and missing answers, into ProviderError."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from core.foundation.scrub import scrub
from core.provider.errors import Outcome, ProviderError
from core.provider.parsing import decode_json, error_text, finite

LONGEST_WAIT = 300.0  # seconds; a provider that asks for more is asked again after this

_RESETS_IN = re.compile(r"~\s*(\d{1,9}(?:\.\d{1,3})?)\s*s\b")
_TITLE = re.compile(r"<title[^>]*>(.{1,300}?)</title>", re.IGNORECASE | re.DOTALL)
# The server looked at the address only and did nothing; 303 means that it did do something.
_MOVED = frozenset({301, 302, 307, 308})


def refusal(response: httpx.Response, body: bytes, secrets: Iterable[str]) -> ProviderError:
    """The error for an HTTP status other than 2xx. `body` is what was read of it."""
    status = response.status_code
    problem = _json_object(body)
    text = f"{status} {response.reason_phrase}".strip() + _told(response, problem, body)
    return ProviderError(
        scrub(text, secrets),
        where="replicate_http",
        outcome=Outcome.REFUSED if 400 <= status < 500 or status in _MOVED else Outcome.UNKNOWN,
        status=status,
        code=_code(problem, secrets),
        retry_after=_retry_after(response.headers, problem),
    )


def no_answer(exc: httpx.HTTPError, host: str, secrets: Iterable[str]) -> ProviderError:
    """The error for a request that got no answer, or only a part of one."""
    unsent = isinstance(
        exc, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.UnsupportedProtocol
    )
    said = str(exc) or type(exc).__name__
    what = "could not be reached" if unsent else "did not answer properly"
    return ProviderError(
        scrub(f"{host} {what}: {said}", secrets),
        where="network",
        outcome=Outcome.UNSENT if unsent else Outcome.UNKNOWN,
        exception=type(exc).__name__,
    )


def unreadable(status: int, why: str, secrets: Iterable[str]) -> ProviderError:
    """The error for a 2xx whose body is not what was promised: whatever was asked may have been done."""
    return ProviderError(
        scrub(f"{status} with an unreadable body: {why}", secrets),
        where="replicate_http",
        outcome=Outcome.UNKNOWN,
        status=status,
        exception="ValueError",
    )


def misread(text: str) -> ProviderError:
    """The error for a JSON object that lacks what was promised: whatever was asked may have been done."""
    return ProviderError(
        f"the provider's answer is unreadable: {text}",
        where="replicate_http",
        outcome=Outcome.UNKNOWN,
        exception="ValueError",
    )


def refused_here(text: str) -> ProviderError:
    """The error for a request that we refuse ourselves, because the provider cannot take it."""
    return ProviderError(text, where="replicate_http", outcome=Outcome.REFUSED, code="invalid_input")


def _json_object(body: bytes) -> dict[str, object]:
    try:
        value = decode_json(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {"detail": error_text(value)} if value else {}


def _told(response: httpx.Response, problem: dict[str, object], body: bytes) -> str:
    """What the answer says: problem+json, a JSON error object, or the title of a page."""
    if response.is_redirect:
        target = response.headers.get("location", "")
        return f": redirects are not followed (to {target[:200]})"
    said = [str(problem[name]).strip() for name in ("title", "detail") if isinstance(problem.get(name), str)]
    if not said and problem:
        said = [error_text(problem.get("error") or problem)]
    if not said:
        page = body[:20_000].decode("utf-8", "replace")
        title = _TITLE.search(page)
        said = [title[1].strip() if title else page.strip()[:500]]
    return "".join(f": {words}" for words in said if words)


def _code(problem: dict[str, object], secrets: Iterable[str]) -> str | None:
    """A machine code, where the body has one: of an error object, or of the first invalid field."""
    error = problem.get("error")
    fields = problem.get("invalid_fields")
    first = fields[0] if isinstance(fields, list) and fields else None
    for value in (
        error.get("code") if isinstance(error, dict) else None,
        problem.get("code"),
        first.get("type") if isinstance(first, dict) else None,
    ):
        if isinstance(value, str) and 0 < len(value) <= 100:
            return scrub(value, secrets)
    return None


def _retry_after(headers: httpx.Headers, problem: dict[str, object]) -> float | None:
    detail = problem.get("detail")
    spoken = _RESETS_IN.search(detail) if isinstance(detail, str) else None
    for seconds in (
        finite(problem.get("retry_after")),
        _header_seconds(headers.get("retry-after", "").strip(), said_at(headers)),
        float(spoken[1]) if spoken else None,
    ):
        if seconds is not None:
            return min(seconds, LONGEST_WAIT)
    return None


def _header_seconds(value: str, said_at: datetime | None) -> float | None:
    try:
        return finite(float(value))
    except ValueError:
        pass
    moment = _moment(value)
    # Where the same server says what time it has, our own clock does not matter.
    return None if moment is None else max(0.0, (moment - (said_at or datetime.now(UTC))).total_seconds())


def said_at(headers: httpx.Headers) -> datetime | None:
    """When the server says it made this answer; None where it does not say, or says it of an older one."""
    dates = headers.get_list("date")
    # An answer that was kept by a cache bears the Date of its making, and how old it is.
    kept = headers.get("age", "0").strip() not in ("", "0")
    return _moment(dates[0]) if len(dates) == 1 and not kept else None


def _moment(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None
