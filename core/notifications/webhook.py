"""Slack-style webhooks: one JSON POST.

Not by Apprise: it tells neither the status nor `Retry-After`, and sends no header that a receiver could
recognise a second try by (apprise 2.2.0, plugins/slack.py and plugins/custom_json.py).
"""

import email.utils
import functools
import ssl
from datetime import UTC, datetime
from typing import Any

import httpx

from core.foundation.scrub import scrub
from core.foundation.transport import Address, AddressRefused, BoundedTransport, is_public, time_limit
from core.notifications.message import Answer, Message, Outcome

SECONDS = 10.0
TRY_AGAIN = (408, 425, 429)
LONGEST_ANSWER = 500
# Slack documentation, "Block Kit": a header has at most 150 characters, a section 3,000.
HEADER, SECTION = 150, 3_000
LONGEST_WAIT = 3_600.0


def send(url: str, message: Message, *, allow_private: bool) -> Answer:
    """POST the message; what came of it. Never raises for what the other side does."""

    def may_connect(_host: str, _port: int, address: Address) -> bool:
        return allow_private or is_public(address)

    # Redirects are not followed: they would lead to addresses that nobody entered.
    transport = BoundedTransport(ssl_context=_tls(), may_connect=may_connect)
    try:
        with httpx.Client(transport=transport, follow_redirects=False) as http, time_limit(SECONDS):
            response = http.post(url, json=payload(message), headers={"Idempotency-Key": message.key})
    except AddressRefused as exc:
        return Answer(Outcome.REFUSED, f"{exc}; INKDESK_NOTIFY_PRIVATE allows it")
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError):
        return Answer(Outcome.REFUSED, "the address is malformed")
    except httpx.HTTPError as exc:
        return Answer(Outcome.RETRY, scrub(f"{type(exc).__name__}: {exc}", [url])[:LONGEST_ANSWER])
    return _answer(response, url)


def payload(message: Message) -> dict[str, Any]:
    """The body: `text` for every service that speaks like Slack, `blocks` for Slack itself."""
    title, body, key = (_escaped(part) for part in (message.title, message.body, message.key))
    link = f"\n<{message.link}|Open in Inkdesk>" if message.link else ""
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": _cut(message.title, HEADER)}},
        {"type": "section", "text": {"type": "mrkdwn", "text": _cut(body, SECTION - len(link)) + link}},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": f"Inkdesk, message {key}"}]},
    ]
    return {"text": f"*{title}*\n{_cut(body, SECTION)}{link}", "blocks": blocks}


def _answer(response: httpx.Response, url: str) -> Answer:
    status = response.status_code
    said = scrub(" ".join(response.text.split()), [url])[:LONGEST_ANSWER] or response.reason_phrase
    if response.is_success:
        return Answer(Outcome.ACCEPTED, said, status)
    if status in TRY_AGAIN or status >= 500:
        return Answer(Outcome.RETRY, said, status, retry_after(response.headers.get("Retry-After", "")))
    return Answer(Outcome.REFUSED, said, status)


def retry_after(value: str, *, now: datetime | None = None) -> float | None:
    """The seconds that a `Retry-After` header asks for, as a number or a date; None where it says nothing."""
    if value.strip().isdecimal():
        return min(float(value), LONGEST_WAIT)
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    left = (moment.astimezone(UTC) - (now or datetime.now(UTC))).total_seconds()
    return min(max(left, 0.0), LONGEST_WAIT)


def _escaped(text: str) -> str:
    # Slack documentation, "Formatting text": these three, and no others.
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


@functools.cache
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context()
