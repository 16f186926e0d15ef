"""The whole app as a user starts it: killed in mid-flight and started again, stopped, and started twice."""

import contextlib
import dataclasses
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil

from core.sandbox.server import RunningSandbox
from core.services import open_services
from core.settings import Settings
from core.startup.home import Home
from core.startup.ports import free_port
from core.tables.generation import State
from tests.chaos.checks import check_money, check_pictures, count, let_leases_run_out
from tests.chaos.processes import SOURCE, Process, environment, living_in
from tests.support.desk import QUICK, TestDesk, wait_for
from tests.support.servers.app import sandbox_api, settings_of

LIMITS: dict[str, object] = {
    **QUICK,
    "sandbox_time_scale": 0.01,
    "sweep_interval_seconds": 0.2,
    "max_in_flight": 4,
    # What waits for a provider that does not answer shall still wait when the app is killed.
    "provider_timeout_seconds": 40.0,
    "transfer_timeout_seconds": 40.0,
    "lease_seconds": 90.0,
    "adoption_grace_seconds": 50.0,
    "generation_deadline_seconds": 150.0,
}
# Longer than any of its leases.
DEAD_SECONDS = 1000.0


class App(Process):
    """`streamlit run app.py` on a home folder, with everything embedded."""

    def __init__(self, home: Path, name: str) -> None:
        self.home = Home(home)
        self.url = f"http://127.0.0.1:{free_port()}"
        settings = Settings().model_copy(update=LIMITS | {"home": home})
        arguments = ["--server.port", self.url.rpartition(":")[2], "--server.headless", "true"]
        command = [sys.executable, "-m", "streamlit", "run", "app.py", *arguments]
        super().__init__(command, env=environment(settings), log=home.parent / f"{name}.log")

    def wait_until_healthy(self) -> None:
        wait_for(lambda: self._healthy() or not self.alive())
        assert self.alive(), self.said()

    def _healthy(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/healthz", timeout=5).status_code == 200
        return False

    def settings(self) -> Settings:
        """How this app reaches its own servers."""
        return settings_of(self.home.folder, **LIMITS)

    def tell_sandbox(self, path: str, **values: Any) -> None:
        """Use one of the sandbox's own endpoints."""
        with sandbox_api(self.settings()) as sandbox:
            sandbox.post(path, json=values).raise_for_status()

    def creations(self) -> dict[str, int]:
        with sandbox_api(self.settings()) as sandbox:
            created: dict[str, int] = sandbox.get("/sandbox/state").json()["created_by_user_id"]
        return created


@contextlib.contextmanager
def running(home: Path, name: str) -> Iterator[App]:
    """An app that answers. Whatever happens, nothing of it is left."""
    try:
        with App(home, name) as app:
            app.wait_until_healthy()
            yield app
    finally:
        for process in living_in(home):
            with contextlib.suppress(psutil.Error):
                process.kill()


def test_after_kill_9_of_the_whole_app_the_next_start_finishes_everything(short_folder: Path) -> None:
    home = short_folder / "home"
    with running(home, "first") as app:
        # The app's own sandbox is asked by HTTP, not through this one.
        with contextlib.closing(TestDesk.open(app.settings(), RunningSandbox())) as desk:
            put_one_in_every_state(app, desk)
            before = app.creations()
        orphans = [process for process in living_in(home) if "postgres" not in process.name()]
        app.kill()
        with running(home, "second") as again:
            assert not any(orphan.is_running() for orphan in orphans)
            reopened = dataclasses.replace(desk, services=open_services(again.settings()))
            with contextlib.closing(reopened) as desk:
                let_leases_run_out(desk, DEAD_SECONDS)
                wait_for(desk.all_ended)
                assert count(desk, State.SUCCEEDED) == 10
                check_money(desk, granted=1000)
                check_pictures(desk.services)
                assert set(before.values()) | set(again.creations().values()) == {1}


def put_one_in_every_state(app: App, desk: TestDesk) -> None:
    """Three that are done, and in flight: one storing, two rendering, two submitting, two queued."""
    for number in range(3):
        desk.ask(f"Hero {number}")
    wait_for(lambda: count(desk, State.SUCCEEDED) == 3)
    for name in ("output_endless", "create_hangs", "answer_hangs"):
        want(app, name, prompt_contains=name)
    desk.ask("Hero whose output_endless")
    wait_for(lambda: count(desk, State.STORING) == 1)
    app.tell_sandbox("/sandbox/clock", scale=10)
    for number in range(2):
        desk.ask(f"Hero {number} who takes time")
    wait_for(lambda: count(desk, State.RENDERING) == 2)
    want(app, "list_500")  # or the prediction whose answer hangs would be found there
    desk.ask("Hero whose create_hangs")
    desk.ask("Hero whose answer_hangs")
    wait_for(lambda: len(app.creations()) == 7)
    for number in range(2):
        desk.ask(f"Hero {number} who waits")
    assert (count(desk, State.SUBMITTING), count(desk, State.QUEUED)) == (2, 2)


def want(app: App, fault: str, **conditions: str) -> None:
    """Let this fault strike from now on."""
    app.tell_sandbox("/sandbox/faults", name=fault, times=None, **conditions)


def test_one_home_takes_one_app_and_sigterm_leaves_nothing_behind(short_folder: Path) -> None:
    home = short_folder / "home"
    with running(home, "first") as app:
        with App(home, "second") as second:
            assert second.ended() == 2
            assert f"already running at {app.url}" in second.said()
            assert "Traceback" not in second.said()
        checked = preflight(home)
        assert (checked.returncode, checked.stdout) == (2, "")
        assert f"already running at {app.url}" in checked.stderr
        assert {process.name().partition("-")[0] for process in living_in(home)} > {"rclone", "postgres"}
        app.terminate()
        assert living_in(home) == []
        assert "Traceback" not in app.said()


def preflight(home: Path) -> subprocess.CompletedProcess[str]:
    """What `make run` does before it starts anything."""
    return subprocess.run(
        [sys.executable, "-m", "core.startup.preflight"],
        cwd=SOURCE,
        env=environment(Settings().model_copy(update={"home": home})),
        capture_output=True,
        text=True,
        check=False,
    )
