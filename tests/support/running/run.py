"""One run of the tests: the folder its servers live in, the seed of its dice, and who clears up after it."""

import contextlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.support.running.reaper import ORDERLY

# Copying a template of 900 files for each test takes 30 ms in memory, and ten times that on a busy disk.
MEMORY, ROOM = Path("/dev/shm"), 4 * 2**30

# Every process that a run starts inherits it. Without our prefix: tests take our settings away from children.
MARK = "PYTEST_RUN_OF_INKDESK"
SEED = "INKDESK_TEST_SEED"


class Run:
    """What the first process of a run holds, from its beginning to its end."""

    def __init__(self) -> None:
        roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ROOM
        self.folder = tempfile.mkdtemp(prefix="inkdesk-", dir=MEMORY if roomy else None)
        os.environ[MARK] = self.folder
        os.environ.setdefault(SEED, str(random.SystemRandom().randrange(1, 2**31)))
        reaper = Path(__file__).with_name("reaper.py")
        # A group of its own: Ctrl-C and `timeout` end the run, and it still has to clear up.
        self._reaper = subprocess.Popen(
            [sys.executable, str(reaper), self.folder, MARK],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def end(self) -> None:
        """The run has stopped what it started; wait until the reaper has seen that."""
        self._reaper.communicate(ORDERLY)
        del os.environ[MARK]


def seed() -> int:
    """The seed of this run, the same in all its processes; INKDESK_TEST_SEED repeats a run."""
    return int(os.environ[SEED])


@contextlib.contextmanager
def quick_folder() -> Iterator[Path]:
    """A new folder of this run: in memory where the machine has 4 GB of room for it, else where others are.

    Its path is short enough for the socket of a database server.
    """
    with tempfile.TemporaryDirectory(prefix="d-", dir=os.environ.get(MARK)) as folder:
        yield Path(folder)
