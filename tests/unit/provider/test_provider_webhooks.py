import base64
import hashlib
import hmac

import pytest

from core.provider.errors import WebhookRejected
from core.provider.webhooks import verify_webhook

# The test vector that Replicate publishes with its Python client.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'
AT = 1614265330
HEADERS = {
    "Webhook-ID": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "Webhook-Timestamp": str(AT),
    "Webhook-Signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}


def signed(body: bytes, *, timestamp: str = str(AT), secret: str = SECRET) -> dict[str, str]:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, b"id1." + timestamp.encode() + b"." + body, hashlib.sha256).digest()
    return {
        "webhook-id": "id1",
        "webhook-timestamp": timestamp,
        "webhook-signature": "v1," + base64.b64encode(digest).decode(),
    }


def test_the_published_example_is_accepted() -> None:
    assert verify_webhook(HEADERS, BODY, SECRET, now=lambda: AT + 1) == {"test": 2432232314}


@pytest.mark.parametrize("seconds", [-301, 301])
def test_an_old_or_future_webhook_is_rejected(seconds: int) -> None:
    with pytest.raises(WebhookRejected, match="too old or from the future"):
        verify_webhook(HEADERS, BODY, SECRET, now=lambda: AT + seconds)


def test_the_age_is_checked_against_the_clock_when_no_time_is_given() -> None:
    with pytest.raises(WebhookRejected, match="too old"):
        verify_webhook(HEADERS, BODY, SECRET)


def test_a_changed_body_is_rejected() -> None:
    with pytest.raises(WebhookRejected, match="signature is wrong"):
        verify_webhook(HEADERS, BODY + b" ", SECRET, now=lambda: AT)


def test_one_good_signature_among_others_is_enough() -> None:
    headers = HEADERS | {"Webhook-Signature": f"broken v1,%% v2,AAAA {HEADERS['Webhook-Signature']}"}

    assert verify_webhook(headers, BODY, SECRET, now=lambda: AT)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"Webhook-ID": ""}, "missing"),
        ({"Webhook-Timestamp": ""}, "missing"),
        ({"Webhook-Signature": ""}, "missing"),
        ({"Webhook-Signature": "v1,"}, "wrong"),
        ({"Webhook-Signature": "é"}, "wrong"),
        ({"Webhook-Signature": HEADERS["Webhook-Signature"].replace("v1,", "v2,")}, "wrong"),
        ({"Webhook-ID": "other"}, "wrong"),
    ],
)
def test_missing_or_wrong_headers_are_rejected(changes: dict[str, str], says: str) -> None:
    with pytest.raises(WebhookRejected, match=says):
        verify_webhook(HEADERS | changes, BODY, SECRET, now=lambda: AT)


@pytest.mark.parametrize("timestamp", ["soon", "1614265330.5", "٣", "9" * 40])
def test_a_signed_timestamp_that_is_no_number_is_rejected(timestamp: str) -> None:
    with pytest.raises(WebhookRejected, match="no number"):
        verify_webhook(signed(BODY, timestamp=timestamp), BODY, SECRET, now=lambda: AT)


@pytest.mark.parametrize("body", [b"", b"text", b"[1]", b"\xff"])
def test_a_signed_body_that_is_no_object_is_rejected(body: bytes) -> None:
    with pytest.raises(WebhookRejected, match="no JSON"):
        verify_webhook(signed(body), body, SECRET, now=lambda: AT)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_é", "whsec_%%"])
def test_without_a_real_secret_nothing_is_accepted(secret: str) -> None:
    forged = base64.b64encode(hmac.new(b"", b"id1.%d.{}" % AT, hashlib.sha256).digest()).decode()
    headers = {"webhook-id": "id1", "webhook-timestamp": str(AT), "webhook-signature": "v1," + forged}

    with pytest.raises(WebhookRejected, match="secret"):
        verify_webhook(headers, b"{}", secret, now=lambda: AT)
