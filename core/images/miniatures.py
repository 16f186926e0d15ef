"""Tiny pictures for long lists, kept until somebody is erased; what lies under a key never changes."""

import concurrent.futures
import functools
import threading
import time
from collections.abc import Iterable

from core.foundation.errors import NotFound, ServiceUnavailable
from core.images.kept import KeptPictures
from core.images.output import AvatarRejected
from core.images.thumbnails import thumbnail, webp_uri
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
        # None under a key says that there is no picture.
        self._kept: KeptPictures[tuple[str, int], str | None] = KeptPictures(MOST)
        self._loading: dict[tuple[str, int, int], concurrent.futures.Future[None]] = {}
        self._rest_until = 0.0

    def uris(self, keys: Iterable[str | None], side: int = LIST_SIDE, *, number: int) -> dict[str, str]:
        """Data URIs of stored thumbnails by key, at most `side` pixels long; `number` is of erasures.

        What is not there within a second is left out, and comes next time.
        """
        wanted = [(key, side) for key in keys if key]
        here = self._kept.find(wanted, number=number)
        missing = [slot for slot in wanted if slot not in here]
        if missing and time.monotonic() >= self._rest_until:
            loading = [self._load(slot, number) for slot in missing]
            concurrent.futures.wait(loading, timeout=PATIENCE_SECONDS)
        found = self._kept.find(wanted, number=number)
        return {key: uri for (key, _), uri in found.items() if uri}

    def _load(self, slot: tuple[str, int], number: int) -> concurrent.futures.Future[None]:
        with self._lock:
            under_way = self._loading.get((*slot, number))
            if under_way is None:
                under_way = self._loading[*slot, number] = self._pool.submit(self._fetch, slot, number)
            return under_way

    def _fetch(self, slot: tuple[str, int], number: int) -> None:
        try:
            if time.monotonic() >= self._rest_until:
                key, side = slot
                uri = webp_uri(thumbnail(self._objects.get(key), side))
                self._kept.keep(slot, uri, number=number)
        except (NotFound, AvatarRejected):
            self._kept.keep(slot, None, number=number)
        except ServiceUnavailable:
            self._rest_until = time.monotonic() + REST_SECONDS
        finally:
            with self._lock:
                self._loading.pop((*slot, number), None)


@functools.lru_cache(maxsize=2)
def miniatures_of(objects: ObjectStore) -> Miniatures:
    """The miniatures of one object store; one shelf for all sessions of the process."""
    return Miniatures(objects)
