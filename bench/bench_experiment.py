"""A grid of 40 images at 8 in flight: wall time, memory, disk and requests; on wish promptfoo's beside.

    python -m bench.bench_experiment [--promptfoo DIR]

Method: 4 versions x 2 qualities x 5 selfies. The provider is a sandbox in a process of its own that takes 2 s
an image and delivers 1.5 MB each; PostgreSQL, object store and worker are processes of their own on the same
machine. The worker reads the provider's list and looks for work every 0.1 s (defaults: 1 and 0.5 s, for
images that take 10 to 60 s); everything else is default. Wall is from the start to the last stored avatar by
the database's clock; the ideal is 10 s. Memory is that of the worker, which runs already. Then the same grid
again; 3 samples instead of 1; and a grid of other prompts, stopped 4 s after its first request and begun
again. The bounds are 11.5 s, 300 MB, and no request that is not needed.

The rival is promptfoo from npm: `npm i promptfoo@0.121.20` in a directory of your choice (it runs on Node 20
and takes 1.4 GB), which is then given as DIR. When the desk has finished, it draws the same grid with the
same selfies at the same sandbox, eight at a time. Its provider file (`bench/support/promptfoo/provider.mjs`)
keeps pictures as files and hands their paths to promptfoo, looks every 0.2 s, as often as Replicate lets
eight look at once, and cancels what is not wanted. Wall is the whole command, as somebody waits for it.
Requests for what was bought before are counted twice: with promptfoo's cache, and with a provider that goes
by its files, which is what the table shows.
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

import psutil
from sqlalchemy import select

from bench.support.desk import EMBEDDED
from bench.support.experiment_grid import IMAGES, PROMPTS, QUALITIES, Desk, furnished, photos, worker
from bench.support.footprint import family, on_disk, proportional, watched
from bench.support.promptfoo.rival import PACKAGE, Promptfoo
from bench.support.race import Result, Stop, table
from bench.support.slow_provider import Provider, provider
from core.experiments.runs import stop_now
from core.services import Services, open_services
from core.settings import Settings
from core.startup.embedded import embedded
from core.startup.prepare import prepare
from core.tables.generation import Avatar, Generation, RenderAttempt

IN_FLIGHT = 8
QUICK = {"sweep_interval_seconds": 0.1, "tick_seconds": 0.1, "experiment_in_flight": IN_FLIGHT}


def main() -> None:
    installed = asked_for()
    with tempfile.TemporaryDirectory(prefix="inkdesk-") as folder, provider(Path(folder)) as slow:
        results = [ours(slow, Path(folder))]
        if installed is not None:
            rival = Promptfoo(installed, Path(folder) / "promptfoo", slow, in_flight=IN_FLIGHT)
            results.append(rival.race((PROMPTS, QUALITIES, photos())))
    print(table(results))
    if installed is None:
        print("rival: promptfoo was not run; --promptfoo DIR says where it is installed")
    else:
        print(f"POSTs of promptfoo where its own cache says what was bought: {rival.by_cache}")
    print(f"{os.getloadavg()[0]:.1f} processes wanted to run here")


def asked_for() -> Path | None:
    """Where promptfoo is installed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--promptfoo", metavar="DIR", type=Path, help="where promptfoo is installed")
    found: Path | None = parser.parse_args().promptfoo
    if found is not None and not (found / PACKAGE).is_dir():
        parser.error(f"there is no {PACKAGE} in {found}")
    return found


def ours(slow: Provider, folder: Path) -> Result:
    home = folder / "home"
    asked = {**EMBEDDED, **QUICK, **slow.settings(), "home": home}
    with embedded(Settings().model_copy(update=asked)) as whole:
        services = open_services(whole)
        prepare(services, local=True)
        desk = furnished(services)
        try:
            with worker(whole, folder) as process:
                return measure(desk, slow, home, process.pid)
        finally:
            services.close()


def measure(desk: Desk, slow: Provider, home: Path, pid: int) -> Result:
    idle, before, disk = highest(pid), processor(pid), on_disk(home)
    with watched(pid) as peak:
        number = desk.begin(PROMPTS, "Bench")
        wall = desk.wait_for(number)
    posts, disk, held = slow.posts(), on_disk(home) - disk, max(peak.bytes, highest(pid))
    print(f"{IMAGES} images, 2 s and 1.5 MB each, {IN_FLIGHT} in flight: wall {wall:.1f} s (ideal 10.0 s)")
    print(f"the worker held {held / 1e6:.0f} MB at most, {idle / 1e6:.0f} MB before;", end=" ")
    print(f"it computed for {processor(pid) - before:.1f} s")
    print(f"PostgreSQL and object store hold {proportional(servers(home)) / 1e6:.0f} MB beside it")
    print(f"of one image: {stages(desk.services)}")
    again = desk.wait_for(desk.begin(PROMPTS, "Again"))
    repeated = slow.posts() - posts
    print(f"the same again took {again:.2f} s")
    desk.go_on(number, repeats=3)
    desk.wait_for(number)
    samples = slow.posts() - posts - repeated
    return Result("Inkdesk", wall, held, disk, posts, repeated, samples, stopped(desk, slow))


def stopped(desk: Desk, slow: Provider) -> Stop:
    """Stop a new grid some seconds after its first request, then begin it again."""
    posts, canceled, kept = slow.posts(), slow.canceled(), desk.stored()
    number = desk.begin([f"{each}, once more" for each in PROMPTS], "Stopped")
    while slow.posts() == posts:
        time.sleep(0.05)
    time.sleep(Stop.AFTER_SECONDS)
    with desk.services.database.transaction() as session:
        stop_now(session, actor=desk.actor, experiment_id=number)
    desk.wait_for(number, "stopped")
    canceled = slow.canceled() - canceled
    drawn, had = slow.posts() - posts - canceled, desk.stored() - kept
    before = slow.posts()
    desk.go_on(number)
    desk.wait_for(number)
    return Stop(canceled=canceled, lost=drawn - had, missing=IMAGES - had, posts=slow.posts() - before)


def stages(services: Services) -> str:
    """Where an image's time goes, as medians in seconds."""
    with services.database.transaction() as session:
        rows = session.execute(
            select(Generation.created_at, RenderAttempt, Avatar.stored_at)
            .join(RenderAttempt, RenderAttempt.generation_id == Generation.id)
            .join(Avatar, Avatar.attempt_id == RenderAttempt.id)
        ).all()
    moments = [
        (asked, a.submitted_at, a.accepted_at, a.completed_at, a.detected_at, stored)
        for asked, a, stored in rows
    ]
    names = ("queued", "sent", "drawn", "noticed", "stored")
    spans = [
        statistics.median((each[n + 1] - each[n]).total_seconds() for each in moments)  # type: ignore[operator]
        for n in range(len(names))
    ]
    return ", ".join(f"{name} after {span:.2f}" for name, span in zip(names, spans, strict=True))


def servers(home: Path) -> list[psutil.Process]:
    """PostgreSQL and the object store, which hold their data in this home."""
    postmaster = next(home.rglob("postmaster.pid")).read_text().splitlines()[0]
    stores = [each for each in psutil.Process().children() if "rclone" in each.name()]
    return [each for root in (psutil.Process(int(postmaster)), *stores) for each in family(root)]


def processor(pid: int) -> float:
    """Seconds that the process has computed so far."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def highest(pid: int) -> int:
    """The most bytes that the process ever held (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(each for each in status.splitlines() if each.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    main()
