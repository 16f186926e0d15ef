"""Gateways to a test's own server, closed when the test ends, and the predictions such a server tells of."""

import contextlib
from collections.abc import Iterator
from typing import Any

from core.provider.errors import ProviderError
from core.provider.gateway import Gateway
from core.provider.reports import RenderRequest
from tests.support.servers.wire import Answer, WireServer

TOKEN = "r8_TestTokenThatNobodyMaySee123456789"
OPENAI_KEY = "sk-proj-TestKeyThatNobodyMaySee987654321"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


@contextlib.contextmanager
def gateway_to(answer: Answer, **options: Any) -> Iterator[tuple[Gateway, WireServer]]:
    """A gateway whose API is a server that answers with `answer`; its outputs may come from there, too."""
    with WireServer(answer) as server:
        given: dict[str, Any] = {
            "output_hosts": (server.netloc,),
            "timeout_seconds": 5,
            "transfer_seconds": 5,
        }
        gateway = Gateway(base_url=server.url, token=TOKEN, openai_api_key=OPENAI_KEY, **(given | options))
        try:
            yield gateway, server
        finally:
            gateway.close()


def a_request(**changes: Any) -> RenderRequest:
    given: dict[str, Any] = {
        "model": "openai/gpt-image-1",
        "prompt": "A full-body comic figure",
        "selfie": PNG,
        "selfie_content_type": "image/png",
        "client_ref": "ref-1",
        "cancel_after": 120,
    }
    return RenderRequest(**(given | changes))


def a_prediction(remote_id: str = "p1", **changes: Any) -> dict[str, Any]:
    return {
        "id": remote_id,
        "model": "openai/gpt-image-1",
        "version": "hidden",
        "input": {"prompt": "x", "user_id": f"ref-of-{remote_id}", "openai_api_key": "[REDACTED]"},
        "output": None,
        "data_removed": False,
        "error": None,
        "status": "starting",
        "created_at": "2026-11-22T10:00:00.394251Z",
        "urls": {"web": "https://replicate.com/p/" + remote_id, "get": "x", "cancel": "x"},
    } | changes


def is_clean(error: ProviderError) -> bool:
    """Whether nothing that the error shows holds a secret."""
    shown = f"{error} {error!r} {error.__cause__!r} {vars(error)}"
    return TOKEN not in shown and OPENAI_KEY not in shown
