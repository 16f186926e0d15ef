"""What a rerun of each page takes, and what 20 people at once wait for, beside an empty Streamlit page.

    python -m bench.bench_pages

Method: the app as `make run` starts it, its worker off, so that nobody else uses the processor of its
process, on a database of 20,000 generations, of which 6,000 failed and have a case; on another port, in the
same minutes, an empty Streamlit script. A session is a websocket as a browser opens it. Reruns: one session,
each page after a first look, in turn with the empty page; told are the times from the question to the end of
the script, and the processor time of the web process a rerun (`psutil`). People: 20 sessions, each looks at
some page every 3 s, for 30 s. Memory: what the web process holds at the start, after the pages, after each
round of people; from round to round it should stay where it is. `--as-before` starts the app with Streamlit's
collection of garbage after every run (STREAMLIT_RUNNER_POST_SCRIPT_GC=true), which the empty page has too;
what start-up made is frozen in both.
"""

import argparse
import contextlib
import dataclasses
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from bench.bench_startup import wait_for_answer
from bench.support import office
from core.services import open_services
from core.startup.ports import free_port
from tests.support.servers.app import RunningApp, settings_of
from tests.support.sessions import BrowserSession, browser_session

DRAW, TUNE = ("generate", "generations"), ("prompts", "test-sets", "experiments", "votes")
CREDITS, RUN = ("refunds", "refund-reports", "policy", "ledger"), ("errors", "alerts", "health")
PAGES = ("overview", *DRAW, *TUNE, *CREDITS, *RUN)
PEOPLE, EVERY_SECONDS, ROUND_SECONDS = 20, 3.0, 30.0
MEGABYTE = 2**20


@dataclasses.dataclass
class Web:
    """A web process and where it answers."""

    url: str
    process: psutil.Process

    @property
    def cpu(self) -> float:
        used = self.process.cpu_times()
        return float(used.user + used.system)

    @property
    def megabytes(self) -> float:
        return float(self.process.memory_info().rss / MEGABYTE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--generations", type=int, default=20_000)
    parser.add_argument("--reruns", type=int, default=15)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--as-before", action="store_true")
    options = parser.parse_args()
    environment = {"INKDESK_WORKER": "external"}
    if options.as_before:
        environment["STREAMLIT_RUNNER_POST_SCRIPT_GC"] = "true"
    with (
        tempfile.TemporaryDirectory(prefix="inkdesk-") as folder,
        RunningApp(Path(folder) / "home", **environment) as app,
        contextlib.closing(open_services(settings_of(app.home))) as services,
        empty_page(Path(folder)) as rival,
    ):
        office.seed(services.database, options.generations)
        web = Web(app.url, serving(app.port))
        print(f"garbage collected after every run: {options.as_before}")
        print(f"memory at the start: {web.megabytes:.0f} MB; of the empty page: {rival.megabytes:.0f} MB")
        reruns(web, rival, options.reruns)
        print(f"memory after the pages: {web.megabytes:.0f} MB; of the empty page: {rival.megabytes:.0f} MB")
        for _ in range(options.rounds):
            people(web, PAGES)
        people(rival, ("",))


@contextlib.contextmanager
def empty_page(folder: Path) -> Iterator[Web]:
    """An empty script, served with Streamlit's defaults but for the watcher of files."""
    script, port = folder / "nothing.py", free_port()
    script.write_text('import streamlit as st\nst.title("Nothing")\n')
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port)]
    command += ["--server.headless", "true", "--server.fileWatcherType", "none"]
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            wait_for_answer(f"http://127.0.0.1:{port}/", process)
            yield Web(f"http://127.0.0.1:{port}", psutil.Process(process.pid))
        finally:
            process.terminate()


def serving(port: int) -> psutil.Process:
    """The child of ours that listens on this port."""
    for child in psutil.Process().children():
        if any(each.laddr.port == port for each in child.net_connections("tcp") if each.status == "LISTEN"):
            return child
    raise SystemExit(f"nobody of ours listens on port {port}")


def reruns(web: Web, rival: Web, count: int) -> None:
    """Each page, then the empty one, in turn."""
    print(
        f"{'page':16} {'first ms':>9} {'p50 ms':>8} {'p95 ms':>8} {'CPU ms':>7} {'empty p50':>10} {'CPU':>6}"
    )
    with browser_session(web.url) as tab, browser_session(rival.url) as nothing:
        nothing.look()
        for page in PAGES:
            first = looked(tab, page)
            ours, theirs = Took(web), Took(rival)
            for _ in range(count):
                ours.add(tab, page)
                theirs.add(nothing, "")
            print(
                f"{page:16} {first * 1000:9.0f} {ours.p50:8.0f} {ours.p95:8.0f} {ours.cpu:7.0f} "
                f"{theirs.p50:10.0f} {theirs.cpu:6.0f}",
                flush=True,
            )


class Took:
    """Milliseconds of reruns, on the clock and of the processor."""

    def __init__(self, web: Web) -> None:
        self._web = web
        self._clock: list[float] = []
        self._cpu = 0.0

    def add(self, tab: BrowserSession, page: str) -> None:
        before = self._web.cpu
        self._clock.append(looked(tab, page) * 1000)
        self._cpu += self._web.cpu - before

    @property
    def p50(self) -> float:
        return statistics.median(self._clock)

    @property
    def p95(self) -> float:
        return statistics.quantiles(self._clock, n=20)[-1]

    @property
    def cpu(self) -> float:
        return self._cpu / len(self._clock) * 1000


def looked(tab: BrowserSession, page: str) -> float:
    taken = tab.look(page)
    assert not tab.alerts, f"{page}: {tab.alerts}"
    return taken


def people(web: Web, pages: tuple[str, ...]) -> None:
    """Twenty at once, each with a rhythm of their own."""
    waited: list[float] = []
    end, before = time.monotonic() + ROUND_SECONDS, web.cpu

    def work(number: int) -> None:
        chance = random.Random(number)
        time.sleep(chance.random() * EVERY_SECONDS)
        with browser_session(web.url) as tab:
            while time.monotonic() < end:
                waited.append(looked(tab, chance.choice(pages)))
                time.sleep(max(0.0, EVERY_SECONDS - waited[-1]))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(PEOPLE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    used = (web.cpu - before) / ROUND_SECONDS
    p95 = statistics.quantiles(waited, n=20)[-1]
    print(
        f"{PEOPLE} at once, {'the empty page' if len(pages) == 1 else 'all pages'}: {len(waited)} looks, "
        f"p50 {statistics.median(waited):.3f} s, p95 {p95:.3f} s, {used:.2f} cores, {web.megabytes:.0f} MB",
        flush=True,
    )


if __name__ == "__main__":
    main()
