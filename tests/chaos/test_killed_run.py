"""A run of the tests that is killed leaves nothing behind."""

import os
import subprocess
import sys
from pathlib import Path

import psutil

from tests.chaos import everything_at_work
from tests.chaos.processes import SOURCE
from tests.support.desk import wait_for
from tests.support.running.reaper import marked
from tests.support.running.run import MARK

# What bears the run's mark while everything is at work; the app has a database and two servers of its own.
AT_WORK = ("postgres", "rclone", "jobs.worker", "streamlit", "core.sandbox")


def test_kill_9_of_a_run_ends_all_that_it_started(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    command = [sys.executable, "-m", "pytest", "-q", "-n", "1", "-p", "no:cacheprovider"]
    with (tmp_path / "log").open("wb") as log:
        run = subprocess.Popen(
            [*command, everything_at_work.__file__],
            cwd=SOURCE,
            env=os.environ | {everything_at_work.READY: str(ready)},
            stdout=log,
            stderr=log,
        )
    wait_for(lambda: said(ready) != "" or run.poll() is not None)
    folder = said(ready)
    assert folder, (tmp_path / "log").read_text()
    there = [words(each) for each in marked(folder, MARK)]
    assert [name for name in AT_WORK if not any(name in each for each in there)] == []

    run.kill()
    run.wait()

    wait_for(lambda: list(marked(folder, MARK)) == [] and not Path(folder).exists())


def said(file: Path) -> str:
    return file.read_text() if file.exists() else ""


def words(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
