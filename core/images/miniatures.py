"""Tiny pictures for long lists, kept in memory: what lies under a key never changes."""

import base64
import concurrent.futures
import functools
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable

from core.errors import NotFound, ServiceUnavailable
from core.images.output import AvatarRejected
from core.images.thumbnails import thumbnail
from core.storage.objects import ObjectStore

LIST_SIDE = 112  # pixels: 56 in a list, on a screen of double density
STRIP_SIDE = 256
MOST = 4_000  # of about 4 to 12 kB each
THREADS = 8
PATIENCE_SECONDS = 1.0
REST_SECONDS = 15.0


class Miniatures:
    """Loads thumbnails side by side. A store that does not answer holds nobody up: it gets a rest."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        self._pool = concurrent.futures.ThreadPoolExecutor(THREADS, thread_name_prefix="miniatures")
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, int], str | None] = OrderedDict()
        self._loading: dict[tuple[str, int], concurrent.futures.Future[None]] = {}
        self._rest_until = 0.0

    def uris(self, keys: Iterable[str | None], side: int = LIST_SIDE) -> dict[str, str]:
        """Data URIs of stored thumbnails by key, at most `side` pixels long.

        What is not there within a second is left out, and comes next time.
        """
        wanted = [(key, side) for key in keys if key]
        with self._lock:
            missing = [slot for slot in wanted if slot not in self._kept]
        if missing and time.monotonic() >= self._rest_until:
            concurrent.futures.wait([self._load(slot) for slot in missing], timeout=PATIENCE_SECONDS)
        with self._lock:
            found = {slot: self._kept.get(slot) for slot in wanted}
            for slot in found.keys() & self._kept.keys():
                self._kept.move_to_end(slot)
        return {key: uri for (key, _), uri in found.items() if uri}

    def _load(self, slot: tuple[str, int]) -> concurrent.futures.Future[None]:
        with self._lock:
            under_way = self._loading.get(slot)
            if under_way is None:
                under_way = self._loading[slot] = self._pool.submit(self._fetch, slot)
            return under_way

    def _fetch(self, slot: tuple[str, int]) -> None:
        try:
            if time.monotonic() >= self._rest_until:
                key, side = slot
                self._keep(slot, _uri(thumbnail(self._objects.get(key), side)))
        except (NotFound, AvatarRejected):
            self._keep(slot, None)
        except ServiceUnavailable:
            self._rest_until = time.monotonic() + REST_SECONDS
        finally:
            with self._lock:
                self._loading.pop(slot, None)

    def _keep(self, slot: tuple[str, int], uri: str | None) -> None:
        with self._lock:
            self._kept[slot] = uri
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)


@functools.lru_cache(maxsize=2)
def miniatures_of(objects: ObjectStore) -> Miniatures:
    """The miniatures of one object store; one shelf for all sessions of the process."""
    return Miniatures(objects)


def _uri(webp: bytes) -> str:
    return f"data:image/webp;base64,{base64.b64encode(webp).decode()}"
