"""The rival of the engine's benches: the plain poller, one GET per prediction every five seconds.

It uses the same gateway, checks and object store, keeps all its state in memory and knows no crash.
"""

import dataclasses
import functools
import heapq
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from bench.support.desk import BenchDesk
from core.images.output import check_avatar
from core.images.thumbnails import thumbnail
from core.provider.reports import ProviderReport, RemoteStatus, RenderRequest
from core.tables.images import StoredSelfie

EVERY_SECONDS = 5.0


@dataclasses.dataclass
class NaivePoller:
    """`delays` are the seconds from the provider's end to the stored picture, one a prediction."""

    desk: BenchDesk
    delays: list[float] = dataclasses.field(default_factory=list)

    def run(self, predictions: int) -> dict[str, int]:
        """Create so many and follow them to the end; the requests that took, by operation."""
        before = self.desk.services.gateway.requests
        self._due: list[tuple[float, str]] = []
        self._lock = threading.Lock()
        goal = len(self.delays) + predictions
        with ThreadPoolExecutor(self.desk.services.settings.worker_threads) as pool:
            for number in range(predictions):
                pool.submit(functools.partial(self._create, number))
            while len(self.delays) < goal:
                for remote_id in self._take_due():
                    pool.submit(functools.partial(self._look, remote_id))
                time.sleep(0.02)
        after = self.desk.services.gateway.requests
        return {name: after[name] - before.get(name, 0) for name in after}

    def _create(self, number: int) -> None:
        services = self.desk.services
        with services.database.transaction() as session:
            selfie = session.get_one(StoredSelfie, self.desk.selfie_id)
        request = RenderRequest(
            model=services.settings.model,
            prompt=f"Rival {number}",
            selfie=services.objects.get(selfie.object_key),
            selfie_content_type=selfie.content_type,
            client_ref=str(uuid.uuid4()),
            cancel_after=300,
            parameters={"quality": "low"},
        )
        self._put_off(services.gateway.create(request).remote_id)

    def _put_off(self, remote_id: str) -> None:
        with self._lock:
            heapq.heappush(self._due, (time.monotonic() + EVERY_SECONDS, remote_id))

    def _take_due(self) -> list[str]:
        taken = []
        with self._lock:
            while self._due and self._due[0][0] <= time.monotonic():
                taken.append(heapq.heappop(self._due)[1])
        return taken

    def _look(self, remote_id: str) -> None:
        report = self.desk.services.gateway.get(remote_id)
        if report.status is RemoteStatus.SUCCEEDED:
            self._store(report)
        else:
            self._put_off(remote_id)

    def _store(self, report: ProviderReport) -> None:
        services = self.desk.services
        picture = check_avatar(services.gateway.fetch_output(report.output[0]), formats=("PNG",))
        services.objects.put(f"rival/{picture.sha256}.png", picture.content, picture.content_type)
        services.objects.put(f"rival/{picture.sha256}.webp", thumbnail(picture.content), "image/webp")
        assert report.completed_at is not None
        self.delays.append((datetime.now(UTC) - report.completed_at).total_seconds())
