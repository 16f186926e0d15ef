"""Talks to a running provider sandbox as a caller does, and receives its webhooks."""

import base64
import io
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any, TypeVar

import httpx
from PIL import Image

from core.sandbox.server import RunningSandbox

T = TypeVar("T")

MODEL = "openai/gpt-image-1"
CREATE = f"/v1/models/{MODEL}/predictions"
# Predictions take 10 to 20 ms besides drawing; what hangs or was drawn stays for as long as a test may last.
QUICK: dict[str, Any] = {"time_scale": 0.001, "retention": 1e7, "file_retention": 1e7, "running_limit": 1e6}


def api_of(sandbox: RunningSandbox, **options: Any) -> httpx.Client:
    """A plain HTTP client that shows the sandbox's token."""
    headers = {"Authorization": f"Bearer {sandbox.token}"}
    return httpx.Client(base_url=sandbox.url, headers=headers, timeout=10, trust_env=False, **options)


def inputs(prompt: str = "a comic hero", **more: Any) -> dict[str, Any]:
    return {"prompt": prompt, "openai_api_key": "sk-test-key", **more}


def selfie_uri(kind: str = "PNG", *, media_type: str | None = None) -> str:
    """A small picture as a data URI."""
    buffer = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(buffer, kind)
    return (
        f"data:{media_type or f'image/{kind.lower()}'};base64,{base64.b64encode(buffer.getvalue()).decode()}"
    )


def create(api: httpx.Client, prompt: str = "a comic hero", **more: Any) -> dict[str, Any]:
    """The answer's document of a creation that must work; keywords are further inputs."""
    answer = api.post(CREATE, json={"input": inputs(prompt, **more)})
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()
    return document


def ended(api: httpx.Client, prediction_id: str) -> dict[str, Any]:
    """The prediction once it has ended."""

    def look() -> dict[str, Any] | None:
        document: dict[str, Any] = api.get(f"/v1/predictions/{prediction_id}").json()
        return None if document["status"] in ("starting", "processing") else document

    return until(look)


def until(look: Callable[[], T | None], *, seconds: float = 20) -> T:
    """The first answer that is not None or empty."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if seen := look():
            return seen
        time.sleep(0.005)
    raise AssertionError("it did not happen in time")


class Receiver:
    """An HTTP server that notes each webhook; `answers` are the statuses of the first ones, then 200."""

    def __init__(self, *answers: int) -> None:
        self.received: list[tuple[dict[str, str], bytes]] = []
        receiver, statuses = self, list(answers)

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.received.append(({k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(statuses.pop(0) if statuses else 200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook?ref=42"

    def __enter__(self) -> "Receiver":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
