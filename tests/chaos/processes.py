"""Processes that a test starts in order to kill them, and what it takes to give them their settings."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
from pydantic import SecretStr

from core.settings import Settings
from tests.support.desk import wait_for

SOURCE = Path(__file__).parents[2]
STOP_SECONDS = 30.0


class Process:
    """A child in a session of its own; its words go to a file, which a failed wait shows."""

    def __init__(self, command: Sequence[str], *, env: Mapping[str, str], log: Path) -> None:
        self.log = log
        kept = {name: value for name, value in os.environ.items() if not is_setting(name)}
        with log.open("wb") as words:
            self._popen = subprocess.Popen(
                command,
                cwd=SOURCE,
                env=kept | dict(env),
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=words,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    @property
    def pid(self) -> int:
        return self._popen.pid

    def alive(self) -> bool:
        return self._popen.poll() is None

    def wait_until_said(self, words: str) -> None:
        wait_for(lambda: words in self.said() or not self.alive())
        assert words in self.said(), self.said()

    def kill(self) -> None:
        """`kill -9`: it gets no chance to tidy up."""
        if self.alive():
            self._popen.kill()
        self._popen.wait()

    def terminate(self) -> int:
        """SIGTERM; the exit code of an orderly end."""
        if self.alive():
            self._popen.send_signal(signal.SIGTERM)
        return self.ended()

    def ended(self) -> int:
        return self._popen.wait(STOP_SECONDS)


def start_worker(settings: Settings, home: Path) -> Process:
    """One worker in a process of its own, at work."""
    home.mkdir(parents=True)
    env = environment(settings) | {"INKDESK_HOME": str(home)}
    worker = Process([sys.executable, "-m", "jobs.worker"], env=env, log=home / "worker.log")
    worker.wait_until_said("is at work")
    return worker


def environment(settings: Settings) -> dict[str, str]:
    """The variables that make another process read these settings."""
    given = {}
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        if value is not None and field.init is not False:
            given[str(field.validation_alias or f"INKDESK_{name.upper()}")] = _plain(value)
    return given


def _plain(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return ",".join(value) if isinstance(value, tuple) else str(value)


def is_setting(variable: str) -> bool:
    return variable.startswith(("INKDESK_", "REPLICATE_", "OPENAI_", "STREAMLIT_"))


def living_in(home: Path) -> list[psutil.Process]:
    """The processes whose command line names this folder."""
    found = []
    for process in psutil.process_iter():
        try:
            named = any(str(home) in word for word in process.cmdline())
            if named and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found
