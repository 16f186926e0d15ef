"""One prediction: what the sandbox knows of it and how the API shows it."""

import asyncio
import base64
import dataclasses
from typing import Any

from core.sandbox.fault_book import Struck
from core.sandbox.faults import Stage
from core.sandbox.identifiers import stamp

TERMINAL = ("succeeded", "failed", "canceled", "aborted")
REDACTED = "[REDACTED]"
SHOWN_OF_DATA_URI = 64


@dataclasses.dataclass(eq=False)
class Prediction:
    """Moments are seconds since 1970, as the provider tells them but for `began` and `deadline`.

    `input` is what was sent, secrets redacted; `key` the OpenAI key.
    """

    id: str
    position: int
    model: str
    input: dict[str, Any]
    key: str
    created: float
    began: float
    repeat: int
    struck: Struck
    deadline: float | None = None
    webhook: str | None = None
    events: tuple[str, ...] = ()
    status: str = "starting"
    started: float | None = None
    completed: float | None = None
    error: str | None = None
    output: Any = None
    files: tuple[bytes, ...] = ()
    media_type: str = ""
    paths: tuple[str, ...] = ()
    logs: str = ""
    removed: bool = False
    finished: asyncio.Event = dataclasses.field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        self.prompt = str(self.input.get("prompt", ""))
        self.user_id = str(self.input.get("user_id", ""))

    @property
    def terminal(self) -> bool:
        return self.status in TERMINAL

    def document(self, base_url: str, *, echo_data_uris: bool = True) -> dict[str, Any]:
        """What `GET /predictions/{id}` answers and webhooks carry."""
        document: dict[str, Any] = {
            "id": self.id,
            "model": self.model,
            "version": "hidden",
            "input": self.input if echo_data_uris else _shortened(self.input),
            "logs": self.logs,
            "output": self.output,
            "data_removed": self.removed,
            "error": self.error,
            "source": "api",
            "status": self.status,
            "created_at": stamp(self.created, self.id + "created"),
            "started_at": self.started and stamp(self.started, self.id + "started"),
            "completed_at": self.completed and stamp(self.completed, self.id + "completed"),
            "urls": {
                "cancel": f"{base_url}/v1/predictions/{self.id}/cancel",
                "get": f"{base_url}/v1/predictions/{self.id}",
                "web": f"{base_url}/p/{self.id}",
            },
        }
        if self.deadline is not None:
            document["deadline"] = stamp(self.deadline + self.created - self.began, self.id + "deadline")
        if self.completed is not None:
            document["metrics"] = self._metrics()
        return document

    def created_document(self, base_url: str, *, echo_data_uris: bool = True) -> dict[str, Any]:
        """What creating answers: no times of what has not happened, and a `created_at` that differs a little.

        Recorded answers of Replicate show another `created_at` at creation than later for the same id.
        """
        document = self.document(base_url, echo_data_uris=echo_data_uris)
        document["created_at"] = stamp(self.created - 0.0021, self.id + "posted")
        if not self.terminal:
            del document["started_at"], document["completed_at"]
        return document

    def waited_document(self, base_url: str, *, echo_data_uris: bool = True) -> dict[str, Any]:
        """What creating with `Prefer: wait` answers: complete output as data URIs, though still `processing`.

        Source: answers recorded by the client's own tests.
        """
        document = self.created_document(base_url, echo_data_uris=echo_data_uris)
        if self.status == "succeeded":
            del document["completed_at"], document["metrics"]
            document["status"] = "processing"
            document["output"] = self.data_uris() if isinstance(self.output, list) else self.output
        return document

    def listed_document(self, base_url: str, *, echo_data_uris: bool = True) -> dict[str, Any] | None:
        """What a list holds: everything but the logs."""
        document = self.document(base_url, echo_data_uris=echo_data_uris)
        del document["logs"]
        fault = self.struck.name(Stage.ITEM)
        if fault == "item_null":
            return None
        if fault == "item_malformed":
            return {"id": self.id, "status": self.status, "input": "?", "error": {"detail": "?"}}
        return document

    def data_uris(self) -> list[str]:
        """The drawn files as data URIs."""
        return [f"data:{self.media_type};base64,{base64.b64encode(file).decode()}" for file in self.files]

    def remove_data(self) -> None:
        """Forget input, output and logs, as happens an hour after the end."""
        self.removed = True
        self.input, self.output, self.logs = {}, None, ""
        self.files, self.paths = (), ()

    def _metrics(self) -> dict[str, float]:
        completed = self.completed or self.created
        metrics: dict[str, float] = {
            "predict_time": round(completed - (self.started or completed), 9),
            "total_time": round(completed - self.created, 9),
        }
        if self.status == "succeeded":
            metrics["image_count"] = self.input.get("number_of_images", 1)
        return metrics


def redacted(values: dict[str, Any]) -> dict[str, Any]:
    """The input as it is stored and shown (cog documentation, `Secret`)."""
    return {name: REDACTED if name == "openai_api_key" else value for name, value in values.items()}


def _shortened(values: dict[str, Any]) -> dict[str, Any]:
    def short(value: Any) -> Any:
        if isinstance(value, str) and value.startswith("data:"):
            return value[:SHOWN_OF_DATA_URI]
        return [short(item) for item in value] if isinstance(value, list) else value

    return {name: short(value) for name, value in values.items()}
