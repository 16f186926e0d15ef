"""All that one sandbox remembers, in memory only."""

import base64
import dataclasses
import hashlib
import re
import secrets
from collections import Counter, deque
from typing import Any

from core.sandbox.clock import Clock
from core.sandbox.fault_book import FaultBook
from core.sandbox.options import Options
from core.sandbox.predictions import Prediction

REMEMBERED_REQUESTS = 20_000


@dataclasses.dataclass(frozen=True)
class SeenRequest:
    """A request as it arrived. `server` is `api` or `files`; header names are in lower case."""

    server: str
    method: str
    path: str
    query: str
    headers: dict[str, str]
    moment: float


@dataclasses.dataclass
class StoredFile:
    """An uploaded file."""

    id: str
    name: str
    content: bytes
    content_type: str
    metadata: dict[str, Any]
    created: float
    expires: float


@dataclasses.dataclass
class Output:
    """One drawn file of a prediction, as its address serves it. `fault` is the name of its fault, if any."""

    prediction: Prediction
    index: int
    fault: str
    fetches: int = 0


class SandboxState:
    """Changed only in the server's event loop; tests may read it from other threads."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.url = ""
        self.files_url = ""
        self.signing_key = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
        self.forget()

    def forget(self) -> None:
        """Begin anew: only addresses and keys stay."""
        self.clock = Clock(self.options.time_scale, self.options.clock_skew)
        self.faults = FaultBook(self.options.mix, self.options.seed)
        self.predictions: dict[str, Prediction] = {}
        self.order: list[Prediction] = []
        self.files: dict[str, StoredFile] = {}
        self.outputs: dict[str, Output] = {}
        self.requests: deque[SeenRequest] = deque(maxlen=REMEMBERED_REQUESTS)
        self.request_counts: Counter[str] = Counter()
        self.created_by_user_id: Counter[str] = Counter()
        self.refuse_tokens = False
        self.trapped: list[str] = []
        self._repeats: Counter[str] = Counter()
        self._ended: deque[tuple[float, Prediction]] = deque()

    def see(self, request: SeenRequest) -> None:
        self.requests.append(request)
        path = re.sub(r"/[0-9a-z]{26}\b", "/{id}", request.path)
        path = "/{output}" if request.server == "files" else path
        self.request_counts[f"{request.method} {path}"] += 1

    def next_repeat(self, prompt: str) -> int:
        """How often this prompt was created before."""
        self._repeats[hashlib.sha256(prompt.encode()).hexdigest()] += 1
        return self._repeats[hashlib.sha256(prompt.encode()).hexdigest()] - 1

    def add(self, prediction: Prediction) -> None:
        self.predictions[prediction.id] = prediction
        self.order.append(prediction)
        self.created_by_user_id[prediction.user_id] += 1

    def ended(self, prediction: Prediction) -> None:
        self._ended.append((self.clock.now(), prediction))

    def expire(self) -> None:
        """Remove the data of predictions that ended an hour ago, and day-old files (both scaled)."""
        now = self.clock.now()
        while self._ended and self._ended[0][0] + self.clock.span(self.options.retention) <= now:
            _, gone = self._ended.popleft()
            for path in gone.paths:
                self.outputs.pop(path, None)
            gone.remove_data()
        # Files expire in the order in which they came.
        while self.files and (oldest := next(iter(self.files.values()))).expires <= now:
            del self.files[oldest.id]

    def summary(self) -> dict[str, Any]:
        """What `GET /sandbox/state` answers."""
        return {
            "predictions": [
                {
                    "id": prediction.id,
                    "status": prediction.status,
                    "model": prediction.model,
                    "user_id": prediction.user_id,
                    "created": prediction.created,
                    "error": prediction.error,
                    "faults": [fault.name for fault in prediction.struck.faults.values()],
                }
                for prediction in self.order
            ],
            "created_by_user_id": dict(self.created_by_user_id),
            "requests": dict(self.request_counts),
            "outputs_fetched_with_token": sum(
                request.server == "files" and "authorization" in request.headers for request in self.requests
            ),
            "trapped": list(self.trapped),
        }
