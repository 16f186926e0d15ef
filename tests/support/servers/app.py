"""The whole application as a user starts it: a process of its own, on a home and a port of its own."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import httpx
import psutil

from core.settings import Settings
from core.startup.embedded import Addresses
from core.startup.home import Home
from core.startup.ports import free_port
from tests.support.desk import wait_for

SOURCE = Path(__file__).parents[3]
OURS = ("INKDESK_", "REPLICATE_", "OPENAI_")


def settings_of(home: Path, **changes: object) -> Settings:
    """How the Inkdesk that lives in this home reaches its own servers."""
    word = Home(home).word()
    assert word is not None
    return Addresses(word["addresses"]).apply(Settings().model_copy(update=changes))


def sandbox_api(settings: Settings) -> httpx.Client:
    """A plain HTTP client for the sandbox that these settings name."""
    assert settings.replicate_api_token is not None
    token = settings.replicate_api_token.get_secret_value()
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=settings.replicate_base_url, headers=headers, timeout=10, trust_env=False)


class RunningApp:
    """`streamlit run app.py` on an own home; `environment` are further settings."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = home.parent / f"{home.name}.log"
        foreign = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        self.environment = {**foreign, "INKDESK_HOME": str(home), **environment}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait until it says that it is well."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command(), cwd=SOURCE, env=self.environment, stdout=log, stderr=log
            )
        wait_for(self.healthy)

    def command(self) -> list[str]:
        return [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(self.port)]

    def healthy(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log
        try:
            return httpx.get(f"{self.url}/healthz", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    def stop(self) -> None:
        """Stop it as a service manager does."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
            self._process = None

    def kill(self) -> None:
        """`kill -9` of the application alone; its children are left as they are."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None

    @property
    def log(self) -> str:
        return self._log.read_text()

    @contextlib.contextmanager
    def failing(self, fault: str, **conditions: str) -> Iterator[None]:
        """Let a fault of the sandbox strike, for as long as this lasts."""
        with sandbox_api(settings_of(self.home)) as sandbox:
            sandbox.post(
                "/sandbox/faults", json={"name": fault, "times": None, **conditions}
            ).raise_for_status()
            yield
            sandbox.delete("/sandbox/faults").raise_for_status()

    def left_behind(self) -> list[psutil.Process]:
        """Living processes that still work on this home."""
        home = str(self.home)
        found = []
        for process in psutil.process_iter(["cmdline", "status"]):
            words = " ".join(process.info["cmdline"] or [])
            if home in words and process.info["status"] != psutil.STATUS_ZOMBIE:
                found.append(process)
        return found
