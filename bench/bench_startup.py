"""From the command to the first page: with an empty home, and with the home of the start before.

    python -m bench.bench_startup

Method: the two commands of an installed `make run` (`python -m core.startup.preflight`, then `streamlit run
app.py`), started in a shell on a free port, everything embedded. Answered: the first 200 to `GET /`. Drawn:
headless Chromium, started before, shows the heading of the overview, which came over the websocket; without a
Chromium only the former is measured. Three runs each, medians; a run's second start uses the home that the
first one made. The rival: an empty Streamlit script, started by `streamlit run` in the same way. Bounds: 8 s
and 4 s.
"""

import contextlib
import dataclasses
import os
import shlex
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
from playwright.sync_api import Browser

from bench.support.browser import chromium
from core.startup.ports import free_port
from tests.browser.chromium import find

RUNS = 3
LIMIT_SECONDS = 120
SOURCE = Path(__file__).parents[1]
PYTHON = shlex.quote(sys.executable)
OURS = f"{PYTHON} -m core.startup.preflight && exec {PYTHON} -m streamlit run app.py"
HEADING = {"ours": "Overview", "rival": "Nothing"}


@dataclasses.dataclass
class Times:
    """Seconds, one a run."""

    answered: list[float] = dataclasses.field(default_factory=list)
    drawn: list[float] = dataclasses.field(default_factory=list)

    def show(self, name: str) -> None:
        told = f"{name}: answered {seconds(self.answered)}"
        print(f"{told}, drawn {seconds(self.drawn)}" if self.drawn else told, flush=True)


def main() -> None:
    empty, used, rival = Times(), Times(), Times()
    with chromium() if find() else contextlib.nullcontext() as browser:
        for _ in range(RUNS):
            with tempfile.TemporaryDirectory(prefix="inkdesk-") as folder:
                home = Path(folder) / "home"
                start(OURS, home, empty, browser, HEADING["ours"])
                start(OURS, home, used, browser, HEADING["ours"])
                script = Path(folder) / "nothing.py"
                script.write_text(f'import streamlit as st\nst.title("{HEADING["rival"]}")\n')
                command = f"exec {PYTHON} -m streamlit run {shlex.quote(str(script))}"
                start(command, home, rival, browser, HEADING["rival"])
    empty.show("empty home")
    used.show("used home")
    rival.show("rival, an empty Streamlit script")
    for name, times in (("empty", empty), ("used", used)):
        ratio = statistics.median(times.answered) / statistics.median(rival.answered)
        print(f"ratio to the rival, answered, {name} home: {ratio:.1f}")


def start(command: str, home: Path, times: Times, browser: Browser | None, heading: str) -> None:
    """Start once, add the times, stop and wait until it has ended."""
    port = free_port()
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("INKDESK_", "REPLICATE_"))
    }
    env = kept | {"INKDESK_HOME": str(home), "STREAMLIT_SERVER_PORT": str(port)}
    begun = time.perf_counter()
    with subprocess.Popen(
        ["/bin/sh", "-c", command],
        cwd=SOURCE,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            wait_for_answer(f"http://127.0.0.1:{port}/", process)
            times.answered.append(time.perf_counter() - begun)
            if browser is not None:
                page = browser.new_page()
                page.goto(f"http://127.0.0.1:{port}/", wait_until="commit")
                page.get_by_role("heading", name=heading).wait_for(timeout=LIMIT_SECONDS * 1000)
                times.drawn.append(time.perf_counter() - begun)
                page.close()
        finally:
            process.send_signal(signal.SIGTERM)


def wait_for_answer(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.perf_counter() + LIMIT_SECONDS
    with httpx.Client(timeout=LIMIT_SECONDS, trust_env=False) as client:
        while time.perf_counter() < end and process.poll() is None:
            with contextlib.suppress(httpx.TransportError):
                if client.get(url).status_code == 200:
                    return
            time.sleep(0.01)
    raise SystemExit(f"nothing answered at {url}; exit code {process.poll()}")


def seconds(taken: list[float]) -> str:
    each = ", ".join(f"{one:.2f}" for one in taken)
    return f"{statistics.median(taken):.2f} s ({each})"


if __name__ == "__main__":
    main()
