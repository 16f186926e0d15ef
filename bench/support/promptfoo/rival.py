"""promptfoo on the same grid, with the provider file beside: what `bench.bench_experiment` measures of it.

Its cache is on; telemetry, updates and sharing are off. Everything it writes lies in one folder. Wall is
the whole command, its start included; memory is that of node and its children.
"""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.support.footprint import on_disk, watched
from bench.support.race import Result, Stop
from bench.support.slow_provider import Provider
from core.settings import load_settings

PROVIDER_FILE = Path(__file__).with_name("provider.mjs")
PACKAGE = Path("node_modules/promptfoo")
QUIET = {
    "PROMPTFOO_DISABLE_TELEMETRY": "1",
    "PROMPTFOO_DISABLE_UPDATE": "1",
    "PROMPTFOO_DISABLE_REMOTE_GENERATION": "1",
    "PROMPTFOO_DISABLE_SHARING": "1",
}
# By what the provider file knows what was bought before: promptfoo's cache, or the file of the picture.
BY_CACHE, BY_FILE = "cache", "file"
Grid = tuple[Sequence[str], Sequence[str], Sequence[bytes]]


class Promptfoo:
    """An installed promptfoo, and a folder of its own for one race."""

    def __init__(self, installed: Path, folder: Path, slow: Provider, *, in_flight: int) -> None:
        self._package = (installed / PACKAGE).resolve()
        self._folder, self._slow, self._in_flight = folder, slow, in_flight
        self._pictures = folder / "pictures"
        self._pictures.mkdir(parents=True)
        self._by_cache = ""

    @property
    def name(self) -> str:
        return f"promptfoo {json.loads((self._package / 'package.json').read_text())['version']}"

    @property
    def by_cache(self) -> str:
        """What it asks for when its own cache alone says what was bought; after the race."""
        return self._by_cache

    def race(self, grid: Grid) -> Result:
        """Every measurement of this grid of prompts, qualities and selfies, one after another."""
        config = self._config("first", grid)
        began, before = time.monotonic(), self._slow.posts()
        with self._running(config, known_by=BY_CACHE) as process, watched(process.pid) as peak:
            process.wait()
        wall, posts, disk = time.monotonic() - began, self._slow.posts() - before, on_disk(self._folder)
        assert self._kept() == cells(grid), (self._folder / "log").read_text()
        again = {by: self._posts(config, known_by=by) for by in (BY_CACHE, BY_FILE)}
        # By file first: what it buys is then not in the cache.
        samples = {by: self._posts(config, "--repeat", "3", known_by=by) for by in (BY_FILE, BY_CACHE)}
        self._by_cache = f"{again[BY_CACHE]} for the same again, {samples[BY_CACHE]} from 1 to 3 samples"
        stop = self._stopped(self._config("second", (_others(grid[0]), *grid[1:])), cells(grid))
        return Result(self.name, wall, peak.bytes, disk, posts, min(again.values()), samples[BY_FILE], stop)

    def _posts(self, config: Path, *more: str, known_by: str = BY_FILE) -> int:
        before = self._slow.posts()
        with self._running(config, *more, known_by=known_by) as process:
            process.wait()
        return self._slow.posts() - before

    def _stopped(self, config: Path, images: int) -> Stop:
        """Interrupt it some seconds after its first request, then go on by both of its ways."""
        posts, canceled, kept = self._slow.posts(), self._slow.canceled(), self._kept()
        with self._running(config) as process:
            while self._slow.posts() == posts:
                time.sleep(0.05)
            time.sleep(Stop.AFTER_SECONDS)
            process.send_signal(signal.SIGINT)
            process.wait()
        canceled = self._slow.canceled() - canceled
        drawn, had = self._slow.posts() - posts - canceled, self._kept() - kept
        more = self._posts(config, "--resume") + self._posts(config, "--retry-errors")
        assert self._kept() - kept == images, (self._folder / "log").read_text()
        return Stop(canceled=canceled, lost=drawn - had, missing=images - had, posts=more)

    def _kept(self) -> int:
        return len(list(self._pictures.glob("*.png")))

    @contextlib.contextmanager
    def _running(
        self, config: Path, *more: str, known_by: str = BY_FILE
    ) -> Iterator[subprocess.Popen[bytes]]:
        """One evaluation; resumed and retried ones know their configuration."""
        given = more if more and more[0] in ("--resume", "--retry-errors") else ("-c", str(config), *more)
        command = ["node", str(self._package / "dist/src/entrypoint.js"), "eval", *given]
        with (self._folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [*command, "-j", str(self._in_flight), "--no-table", "--no-progress-bar"],
                cwd=self._folder,
                env=self._environment(known_by),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()

    def _environment(self, known_by: str) -> dict[str, str]:
        return {
            **os.environ,
            **QUIET,
            "PROMPTFOO_CONFIG_DIR": str(self._folder / "config"),
            "REPLICATE_BASE_URL": self._slow.url,
            "REPLICATE_API_TOKEN": self._slow.token,
            "RACE_PICTURES": str(self._pictures),
            "RACE_KNOWN_BY": known_by,
            "RACE_MODEL": load_settings().model,
        }

    def _config(self, name: str, grid: Grid) -> Path:
        prompts, qualities, selfies = grid
        paths = [self._folder / f"selfie-{number}.jpg" for number in range(len(selfies))]
        for path, content in zip(paths, selfies, strict=True):
            path.write_bytes(content)
        # Qualities as providers would be the usual way, but resumed with two of them it asks for each twice.
        tests = [{"vars": {"selfie": str(path), "quality": each}} for path in paths for each in qualities]
        said = {"prompts": list(prompts), "providers": [f"file://{PROVIDER_FILE}"], "tests": tests}
        config = self._folder / f"{name}.json"
        config.write_text(json.dumps(said))
        return config


def cells(grid: Grid) -> int:
    return len(grid[0]) * len(grid[1]) * len(grid[2])


def _others(prompts: Sequence[str]) -> list[str]:
    return [f"{each}, once more" for each in prompts]
