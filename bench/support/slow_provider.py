"""The slow sandbox as benches see it: a process of its own, and what it was asked for."""

import contextlib
import dataclasses
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

OPEN = ("starting", "processing")


@dataclasses.dataclass
class Provider:
    """The slow sandbox: its settings, and what became of the predictions that it was asked for."""

    url: str
    files_host: str
    token: str

    def posts(self) -> int:
        return len(self.statuses())

    def canceled(self) -> int:
        """How many were stopped there, once none is under way any more."""
        while any(status in OPEN for status in self.statuses()):
            time.sleep(0.1)
        return self.statuses().count("canceled")

    def statuses(self) -> list[str]:
        headers = {"Authorization": f"Bearer {self.token}"}
        state = httpx.get(f"{self.url}/sandbox/state", headers=headers, trust_env=False).json()
        return [each["status"] for each in state["predictions"]]

    def settings(self) -> dict[str, object]:
        return {
            "replicate_base_url": self.url,
            "replicate_api_token": SecretStr(self.token),
            "openai_api_key": SecretStr("sk-bench"),
            "output_hosts": (self.files_host,),
        }


@contextlib.contextmanager
def provider(folder: Path) -> Iterator[Provider]:
    """The slow sandbox in a process of its own."""
    ready = folder / "ready.json"
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.support.slow_sandbox", str(ready)], stdin=subprocess.PIPE
    )
    while not ready.exists() or not ready.read_text():
        time.sleep(0.05)
    said = json.loads(ready.read_text())
    try:
        yield Provider(said["api"], urlsplit(said["files"]).netloc, said["token"])
    finally:
        process.communicate()
