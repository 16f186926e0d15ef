"""Child processes that are found again: each leaves a note, so that the next start can end an orphan."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

from core.foundation.errors import SetupError

STOP_SECONDS = 5.0


class Child:
    """One child process of ours, with a note of its identity under the home folder."""

    def __init__(self, name: str, run_folder: Path) -> None:
        self._note = run_folder / f"{name}.json"
        self._log = run_folder / f"{name}.log"
        self._name = name
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, command: Sequence[str], *, env: Mapping[str, str] | None = None) -> None:
        """Start it in a process group of its own, so that Ctrl-C reaches it through us, in order."""
        self.end_orphan()
        self._note.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                env={**os.environ, **(env or {})},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        born = psutil.Process(self._process.pid).create_time()
        self._note.write_text(json.dumps({"pid": self._process.pid, "born": born}))

    def end_orphan(self) -> None:
        """End what an earlier, killed start of ours left behind; never a stranger that got its number."""
        try:
            note = json.loads(self._note.read_text())
            orphan = psutil.Process(note["pid"])
            if abs(orphan.create_time() - note["born"]) > 1:
                return
            orphan.terminate()
            try:
                orphan.wait(STOP_SECONDS)
            except psutil.TimeoutExpired:
                orphan.kill()
        except (FileNotFoundError, ValueError, KeyError, psutil.Error):
            return
        finally:
            self._note.unlink(missing_ok=True)

    def wait_until(self, ready: Callable[[], bool], *, seconds: float = 15.0) -> None:
        """Wait until `ready()` is true. Raises SetupError when the child ends or takes too long."""
        end = time.monotonic() + seconds
        while not ready():
            if self._process is None or self._process.poll() is not None or time.monotonic() > end:
                raise SetupError(f"the embedded {self._name} did not start; its words are in {self._log}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Ask it to end, insist after a while, and take its note away."""
        if self._process is None:
            return
        if self._process.stdin:
            self._process.stdin.close()
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
        self._note.unlink(missing_ok=True)
