"""What processes and folders take: the memory of a process with all its children, and bytes on disk."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil

LOOK_SECONDS = 0.1


class Peak:
    """The most bytes that the processes held at one look, each one's resident memory added up."""

    def __init__(self) -> None:
        self.bytes = 0

    def look(self, root: psutil.Process) -> None:
        self.bytes = max(self.bytes, sum(map(_resident, family(root))))


@contextlib.contextmanager
def watched(pid: int) -> Iterator[Peak]:
    """Look at this process and all its children every tenth of a second."""
    peak, over, root = Peak(), threading.Event(), psutil.Process(pid)

    def look() -> None:
        while not over.wait(LOOK_SECONDS):
            peak.look(root)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()


def family(root: psutil.Process) -> list[psutil.Process]:
    """A process and all its children; none where it has ended."""
    try:
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def proportional(processes: list[psutil.Process]) -> int:
    """The bytes that these processes hold now, pages that they share counted once (Linux)."""
    found = 0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            found += process.memory_full_info().pss
    return found


def on_disk(folder: Path) -> int:
    """The bytes that a folder takes on disk."""
    found = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            found += path.lstat().st_blocks * 512
    return found


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
