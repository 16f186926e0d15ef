"""Checks that a webhook comes from the provider, is fresh and readable.

Written out because the client's own check takes text bodies only, skips the age unless told otherwise, and
lets errors of other kinds escape on malformed headers.
"""

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping

from core.provider.errors import WebhookRejected
from core.provider.parsing import decode_json


def verify_webhook(
    headers: Mapping[str, str],
    body: bytes,
    secret: str,
    tolerance_seconds: float = 300,
    *,
    now: Callable[[], float] = time.time,
) -> dict[str, object]:
    """The webhook's prediction object. Raises WebhookRejected.

    `now` says the time by the provider's clock in seconds since 1970; it is asked for what is genuine only.

    Signature: HMAC-SHA256 over `id.timestamp.body` with the base64 key after `whsec_`, one of the
    space-separated `v1,<base64>` values (Replicate docs, "Verify webhooks").
    """
    given = {name.lower(): value for name, value in headers.items()}
    identity, timestamp = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    if not identity or not timestamp or not given.get("webhook-signature"):
        raise WebhookRejected("a webhook header is missing")
    signed = f"{identity}.{timestamp}.".encode("utf-8", "surrogateescape") + body
    expected = hmac.new(_key(secret), signed, hashlib.sha256).digest()
    if not any(hmac.compare_digest(expected, one) for one in _signatures(given["webhook-signature"])):
        raise WebhookRejected("the webhook's signature is wrong")
    _check_age(timestamp, tolerance_seconds, now())
    return _payload(body)


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.strip().removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        raise WebhookRejected("the signing secret is no base64") from None
    if not key:  # anybody can sign with an empty key
        raise WebhookRejected("there is no signing secret")
    return key


def _signatures(header: str) -> list[bytes]:
    found = []
    for entry in header.split():
        version, _, encoded = entry.partition(",")
        if version == "v1":
            try:
                found.append(base64.b64decode(encoded, validate=True))
            except (binascii.Error, ValueError):
                continue  # one broken entry does not spoil the others
    return found


def _check_age(timestamp: str, tolerance_seconds: float, now: float) -> None:
    if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 12:
        raise WebhookRejected("the webhook's timestamp is no number of seconds")
    if abs(now - int(timestamp)) > tolerance_seconds:
        raise WebhookRejected("the webhook is too old or from the future")


def _payload(body: bytes) -> dict[str, object]:
    try:
        payload = decode_json(body)
    except ValueError:
        raise WebhookRejected("the webhook's body is no JSON") from None
    if not isinstance(payload, dict):
        raise WebhookRejected("the webhook's body is no JSON object")
    return payload
