"""Ends what a killed test run left behind: `python reaper.py FOLDER VARIABLE`, started by the run itself.

Its standard input is a pipe that only the run holds open: it ends when the run ends, `kill -9` included.
Every process that still bears the run's mark (VARIABLE=FOLDER in its environment, which children inherit
whatever session or parent they have) is ended then, and the folder is removed. After an orderly end the
reaper says so.
"""

import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

# What an orderly run has stopped may take so long to be gone.
GRACE_SECONDS = 5.0
GIVE_UP_SECONDS = 60.0
ORDERLY = b"orderly"


def main(folder: str, variable: str) -> None:
    """Wait for the end of the run, then clear up after it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    orderly = sys.stdin.buffer.read() == ORDERLY
    began = time.monotonic()
    asked: set[int] = set()
    while (left := list(marked(folder, variable))) and time.monotonic() < began + GIVE_UP_SECONDS:
        if not orderly or time.monotonic() > began + GRACE_SECONDS:
            for process in left:
                if orderly:
                    sys.stderr.write(f"\nThe tests left a process behind: {process}\n")
                _end(process, again=process.pid in asked)
                asked.add(process.pid)
        time.sleep(0.1)
    shutil.rmtree(folder, ignore_errors=True)


def marked(folder: str, variable: str) -> "Iterator[psutil.Process]":
    """The living processes of the run, this one left out."""
    import psutil  # the run does not wait for it when it starts

    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            mine = process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE
            if not mine and process.environ().get(variable) == folder:
                yield process


def _end(process: "psutil.Process", *, again: bool) -> None:
    """`kill -9`, but PostgreSQL is first asked to stop at once: it gives its shared memory back then."""
    import psutil

    with contextlib.suppress(psutil.Error):
        gently = process.name() == "postgres" and not again
        process.send_signal(signal.SIGQUIT if gently else signal.SIGKILL)
        if gently:
            process.wait(3)


if __name__ == "__main__":
    main(*sys.argv[1:])
