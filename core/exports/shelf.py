"""Files that were prepared for a download: kept on disk for some minutes, under a name nobody can guess.

They are of this process, as the page is that offers them; without a name in the file system they go with it,
however it ends. One with pictures goes as soon as anybody is erased: they may be in it.
"""

import dataclasses
import io
import os
import secrets
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from typing import BinaryIO

from core.foundation.errors import NotFound
from core.images.kept import when_erased

PATH = "/share"
LIFETIME_SECONDS = 600.0
# More than one person prepares in ten minutes; the oldest go first, by number and by bytes on the disk.
MOST = 20
MOST_BYTES = 2_000_000_000
CHUNK = 256 * 1024


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A file that waits for its download by one staff member; `size` in bytes.

    `erasures` is the number of erasures that it was made at, None where nobody's picture is in it.
    """

    token: str
    name: str
    media_type: str
    size: int
    staff_id: int
    until: float
    file: BinaryIO
    erasures: int | None

    @property
    def address(self) -> str:
        """Where the browser gets it."""
        return f"{PATH}/{self.token}/{self.name}"

    def chunks(self) -> Iterator[bytes]:
        """The content; several may read it at once, also while it is taken off the shelf."""
        return _read(os.fdopen(os.dup(self.file.fileno()), "rb", buffering=0))


def _read(own: io.FileIO) -> Iterator[bytes]:
    with own:
        at = 0
        while chunk := os.pread(own.fileno(), CHUNK, at):
            yield chunk
            at += len(chunk)


class Shelf:
    """Prepared files by their token. Any thread may use it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._files: dict[str, Prepared] = {}

    def put(
        self,
        write: Callable[[BinaryIO], None],
        *,
        name: str,
        media_type: str,
        staff_id: int,
        erasures: int | None = None,
    ) -> Prepared:
        """Let `write` fill a file and keep it for LIFETIME_SECONDS, or until somebody is erased."""
        file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - it lives on the shelf
        try:
            write(file)
            file.flush()
            size = file.seek(0, os.SEEK_END)
        except BaseException:
            file.close()
            raise
        token = secrets.token_urlsafe(24)
        until = self._clock() + LIFETIME_SECONDS
        made = Prepared(token, name, media_type, size, staff_id, until, file, erasures)
        with self._lock:
            self._tidy(MOST - 1, MOST_BYTES - size)
            self._files[token] = made
        return made

    def get(self, token: str) -> Prepared:
        """The file of this token. Raises NotFound where there is none, or its time is over."""
        with self._lock:
            self._tidy(MOST, MOST_BYTES)
            found = self._files.get(token)
        if found is None:
            raise NotFound("This download is no longer there. Prepare it again.")
        return found

    def peek(self, token: str) -> Prepared | None:
        """As `get`, but None where there is none."""
        try:
            return self.get(token)
        except NotFound:
            return None

    def forget(self, number: int) -> None:
        """Take off what holds pictures and was made at another number of erasures."""
        with self._lock:
            for token in [
                token for token, each in self._files.items() if each.erasures not in (None, number)
            ]:
                self._files.pop(token).file.close()

    def close(self) -> None:
        """Take everything off."""
        with self._lock:
            self._tidy(0, 0)

    def _tidy(self, most: int, most_bytes: int) -> None:
        """Take off what is over, and then the oldest, until the others fit."""
        for token in [token for token, each in self._files.items() if each.until <= self._clock()]:
            self._files.pop(token).file.close()
        while len(self._files) > most or sum(each.size for each in self._files.values()) > max(most_bytes, 0):
            self._files.pop(next(iter(self._files))).file.close()


shelf = Shelf()
when_erased(shelf.forget)
