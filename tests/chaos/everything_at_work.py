"""A test that never ends, with every kind of process at work; test_killed_run.py runs it and kills it."""

import os
import time
from pathlib import Path

from tests.chaos.processes import start_worker
from tests.support.desk import TestDesk
from tests.support.running.run import MARK
from tests.support.servers.app import RunningApp

READY = "FILE_THAT_SAYS_READY"


def test_everything_is_at_work(desk: TestDesk, short_folder: Path) -> None:
    with start_worker(desk.services.settings, short_folder / "worker"), RunningApp(short_folder / "home"):
        Path(os.environ[READY]).write_text(os.environ[MARK])
        time.sleep(600)
