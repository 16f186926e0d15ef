"""Sends signed webhooks.

Source: Replicate docs, "Verify webhooks" and "Receive webhooks": HMAC-SHA256 over id, timestamp and body;
only the final event is tried again, the last time about a minute after the end.
"""

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import json
import secrets
from urllib.parse import urlsplit

import httpx

from core.sandbox.faults import Stage
from core.sandbox.predictions import Prediction
from core.sandbox.state import SandboxState

RETRY_AFTER = (1.0, 2.0, 4.0, 8.0, 16.0, 29.0)
LATE = 30.0
COPIES = 3


def acceptable(url: str) -> bool:
    """Replicate wants https; the sandbox also takes plain http on this machine."""
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return True
    if parts.scheme != "http" or not parts.hostname:
        return False
    try:
        return parts.hostname == "localhost" or ipaddress.ip_address(parts.hostname).is_loopback
    except ValueError:
        return False


def signature(signing_key: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`."""
    key = base64.b64decode(signing_key.removeprefix("whsec_"))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


class Webhooks:
    """One queue a prediction, so that events arrive in order unless a fault says otherwise."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state
        self._http = httpx.AsyncClient(timeout=10.0, trust_env=False, follow_redirects=False)
        self._waiting: dict[str, list[tuple[str, bytes]]] = {}
        self._senders: dict[str, asyncio.Task[None]] = {}

    async def close(self) -> None:
        await self.stop_all()
        await self._http.aclose()

    async def stop_all(self) -> None:
        """Send nothing more of what is waiting."""
        senders = list(self._senders.values())
        for sender in senders:
            sender.cancel()
        await asyncio.gather(*senders, return_exceptions=True)
        self._senders.clear()
        self._waiting.clear()

    def notify(self, prediction: Prediction, event: str) -> None:
        """Queue an event (`start`, `output`, `logs`, `completed`) as things stand now."""
        fault = prediction.struck.name(Stage.WEBHOOK)
        if prediction.webhook is None or event not in prediction.events or fault == "webhook_lost":
            return
        body = json.dumps(prediction.document(self._state.url), separators=(",", ":")).encode()
        queue = self._waiting.setdefault(prediction.id, [])
        if fault == "webhook_out_of_order":
            queue.insert(0, (event, body))
            if event != "completed":
                return
        else:
            queue.extend(
                [(event, body)] * (COPIES if (fault, event) == ("webhook_duplicate", "completed") else 1)
            )
        if prediction.id not in self._senders:
            self._senders[prediction.id] = asyncio.create_task(self._send_all(prediction, prediction.webhook))

    async def _send_all(self, prediction: Prediction, url: str) -> None:
        queue = self._waiting[prediction.id]
        message_ids: dict[str, str] = {}
        while queue:
            event, body = queue.pop(0)
            if event == "completed" and prediction.struck.name(Stage.WEBHOOK) == "webhook_late":
                await self._state.clock.sleep(LATE)
            message_id = message_ids.setdefault(event, "msg_" + secrets.token_hex(14))
            await self._send(url, message_id, body, retry=event == "completed")
        del self._senders[prediction.id]

    async def _send(self, url: str, message_id: str, body: bytes, *, retry: bool) -> None:
        for pause in (*(RETRY_AFTER if retry else ()), None):
            timestamp = int(self._state.clock.told())
            headers = {
                "content-type": "application/json",
                "webhook-id": message_id,
                "webhook-timestamp": str(timestamp),
                "webhook-signature": signature(self._state.signing_key, message_id, timestamp, body),
            }
            try:
                answer = await self._http.post(url, content=body, headers=headers)
                if answer.status_code < 400:
                    return
            except httpx.HTTPError:
                pass
            if pause is not None:
                await self._state.clock.sleep(pause)
