"""Reads what the provider says about a prediction, whatever shape it is in.

The `replicate` client's own models refuse `aborted`, an error that is an object, a missing model or version,
and one such prediction makes its whole list page unreadable. So we read the JSON ourselves.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from urllib.parse import urlsplit

from core.catalog.models import MODELS
from core.foundation.scrub import scrub
from core.provider.reports import ProviderReport, RemoteStatus

REMOTE_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")  # the documented ids are 26 lower-case letters and digits

_OTHER_NAMES = {
    "queued": RemoteStatus.STARTING,
    "cancelled": RemoteStatus.CANCELED,
    "running": RemoteStatus.PROCESSING,
}


class Unreadable(ValueError):
    """This is no prediction: not an object, or without a usable id."""


def decode_json(body: bytes) -> object:
    """The JSON value in `body`. Raises ValueError for anything else, however it is broken."""
    try:
        return json.loads(body)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def parse_report(payload: object, secrets: Iterable[str] = ()) -> ProviderReport:
    """One prediction object as a report. Raises Unreadable only where there is no id to go by."""
    if not isinstance(payload, dict):
        raise Unreadable(f"a prediction is a JSON object, this is a {type(payload).__name__}")
    remote_id = payload.get("id")
    if not isinstance(remote_id, str) or not REMOTE_ID.fullmatch(remote_id):
        raise Unreadable("a prediction without a usable id")
    known = tuple(secrets)
    status, odd_status = _status(payload)
    output, output_problem = _output(
        payload.get("output"), status, removed=payload.get("data_removed") is True
    )
    model = _text(payload.get("model"))
    return ProviderReport(
        remote_id=remote_id,
        status=status,
        model=model,
        client_ref=_client_ref(payload.get("input"), model),
        created_at=parse_time(payload.get("created_at")),
        started_at=parse_time(payload.get("started_at")),
        completed_at=parse_time(payload.get("completed_at")),
        predict_seconds=_seconds(payload.get("metrics")),
        output=output,
        output_problem=output_problem,
        error=_error(payload.get("error"), known),
        data_removed=payload.get("data_removed") is True,
        web_url=_web_url(payload.get("urls")),
        odd_status=scrub(odd_status, known)[:100] if odd_status is not None else None,
    )


def _status(payload: Mapping[str, object]) -> tuple[RemoteStatus, str | None]:
    said = payload.get("status")
    word = said.strip().lower() if isinstance(said, str) else ""
    try:
        return RemoteStatus(word), None if word == said else str(said)
    except ValueError:
        pass
    if word in _OTHER_NAMES:
        return _OTHER_NAMES[word], str(said)
    # A state invented after this was written: it is over if the provider says when, and then nobody gets an
    # avatar from it; else it counts as running and our own deadline ends it.
    over = parse_time(payload.get("completed_at")) is not None
    return (RemoteStatus.FAILED if over else RemoteStatus.PROCESSING), str(said)


def _output(output: object, status: RemoteStatus, *, removed: bool) -> tuple[tuple[str, ...], str | None]:
    if output is None or output == []:
        if status is not RemoteStatus.SUCCEEDED:
            return (), None
        return (
            (),
            "the provider removed the output" if removed else "the prediction succeeded without an output",
        )
    # The models of the catalog answer lists; a lone address is the same thing said shorter.
    items = output if isinstance(output, list) else [output]
    addresses = tuple(item for item in items if isinstance(item, str) and _is_address(item))
    if len(addresses) == len(items):
        return addresses, None
    return addresses, f"the output holds something that is no address ({type(output).__name__})"


def _is_address(text: str) -> bool:
    if not text.isascii():
        return False
    if text[:5].lower() == "data:":
        return "," in text
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def _client_ref(given: object, model: str | None) -> str | None:
    known = MODELS.get(model or "")
    field = known.reference_field if known else "user_id"
    return _text(given.get(field)) if isinstance(given, dict) else None


def _text(value: object) -> str | None:
    """A short printable string, as names and references are; anything else is None."""
    return value if isinstance(value, str) and 0 < len(value) <= 200 and value.isprintable() else None


def parse_time(value: object) -> datetime | None:
    """An ISO 8601 time in UTC, digits beyond microseconds dropped; None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        read = datetime.fromisoformat(value)
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def finite(value: object) -> float | None:
    """A number that is zero or more and finite; None for anything else (JSON may hold 1e999)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _seconds(metrics: object) -> float | None:
    return finite(metrics.get("predict_time")) if isinstance(metrics, dict) else None


def _error(error: object, secrets: tuple[str, ...]) -> str | None:
    if error is None or error == "":
        return None
    return scrub(error_text(error), secrets)


def error_text(error: object) -> str:
    """The words of an error: itself, or what an object says under the usual names, or its JSON."""
    if isinstance(error, str):
        return error
    if isinstance(error, dict):
        for name in ("detail", "message", "error"):
            if isinstance(error.get(name), str):
                return str(error[name])
    return json.dumps(error)


def _web_url(urls: object) -> str | None:
    web = urls.get("web") if isinstance(urls, dict) else None
    # It becomes a link on a page.
    return (
        web
        if isinstance(web, str) and web.startswith("https://") and web.isprintable() and len(web) <= 500
        else None
    )
