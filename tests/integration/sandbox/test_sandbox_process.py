"""The sandbox as a process of its own: announces itself, and ends when told or when its parent is gone."""

import json
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.servers.sandboxes import CREATE, inputs, until

ROOT = Path(__file__).parents[3]


@pytest.fixture
def ready(tmp_path: Path) -> Path:
    return tmp_path / "ready.json"


@pytest.fixture
def process(ready: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "core.sandbox", "--time-scale", "0.01", "--exit-with-stdin"]
    child = subprocess.Popen(
        [*command, "--mix", "http_500=1.0", "--ready-file", str(ready)], cwd=ROOT, stdin=subprocess.PIPE
    )
    yield child
    child.kill()
    child.wait()
    assert child.stdin is not None
    child.stdin.close()


def announced(ready: Path) -> dict[str, Any]:
    found: dict[str, Any] = until(lambda: json.loads(ready.read_text()) if ready.exists() else None)
    return found


def test_it_announces_its_addresses_and_obeys_its_options(
    process: subprocess.Popen[bytes], ready: Path
) -> None:
    there = announced(ready)
    assert stat.S_IMODE(ready.stat().st_mode) == 0o600
    assert there["pid"] == process.pid
    headers = {"Authorization": f"Bearer {there['token']}"}
    answer = httpx.post(there["api"] + CREATE, json={"input": inputs()}, headers=headers, trust_env=False)
    assert answer.status_code == 500
    assert httpx.get(there["files"] + "/xezq/nothing", trust_env=False).status_code == 404
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 0


def test_it_ends_with_its_parent(process: subprocess.Popen[bytes], ready: Path) -> None:
    announced(ready)
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(timeout=60) == 0
