"""A grid of 40 images at 8 in flight: wall time, memory of the engine, and what a second run posts.

    python -m bench.bench_experiment

Method: 4 versions x 2 qualities x 5 selfies. The provider is a sandbox in a process of its own that takes 2 s
an image and delivers 1.5 MB each; PostgreSQL, object store and worker are processes of their own on the same
machine. The worker reads the provider's list and looks for work every 0.1 s (defaults: 1 and 0.5 s, for
images that take 10 to 60 s); everything else is default. Wall is from the start to the last stored avatar by
the database's clock; the ideal is 10 s. Memory is the worker's high-water mark (VmHWM). The bounds are
12.5 s, 300 MB and 0 requests. The rival promptfoo, measured by itself with the same latency and size, needed
19 to 22 s and 1.0 GB, and asked for up to 6 of 40 again; it is not run here.
"""

import contextlib
import dataclasses
import hashlib
import io
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
from PIL import Image, ImageEnhance
from pydantic import SecretStr
from sqlalchemy import func, select

from bench.desk import EMBEDDED
from core.access.permissions import Actor
from core.access.staff import active_staff
from core.customers.directory import create_customer
from core.embedded.house import embedded
from core.generation.models import Avatar, Generation, RenderAttempt
from core.images.models import StoredSelfie
from core.images.samples import samples
from core.images.thumbnails import thumbnail
from core.prompts.experiments.models import Experiment
from core.prompts.experiments.plan import Wish, forecast_wish
from core.prompts.experiments.runs import create, start
from core.prompts.experiments.variants import Variant
from core.prompts.library import create_prompt
from core.prompts.testsets.sets import Member, create_set
from core.prompts.versions import Content
from core.services import Services, open_services, prepare
from core.settings import Settings

VERSIONS, QUALITIES, SELFIES = 4, ("low", "medium"), 5
IMAGES = VERSIONS * len(QUALITIES) * SELFIES
IN_FLIGHT = 8
QUICK = {"sweep_interval_seconds": 0.1, "tick_seconds": 0.1, "experiment_in_flight": IN_FLIGHT}
CAP = Decimal(25)


@dataclasses.dataclass
class Provider:
    """The slow sandbox: its settings, and how many predictions it was asked for."""

    url: str
    files_host: str
    token: str

    def posts(self) -> int:
        headers = {"Authorization": f"Bearer {self.token}"}
        state = httpx.get(f"{self.url}/sandbox/state", headers=headers, trust_env=False).json()
        return len(state["predictions"])

    def settings(self) -> dict[str, object]:
        return {
            "replicate_base_url": self.url,
            "replicate_api_token": SecretStr(self.token),
            "openai_api_key": SecretStr("sk-bench"),
            "output_hosts": (self.files_host,),
        }


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="inkdesk-") as folder, provider(Path(folder)) as slow:
        asked = {**EMBEDDED, **QUICK, **slow.settings(), "home": Path(folder) / "home"}
        with embedded(Settings().model_copy(update=asked)) as whole:
            services = open_services(whole)
            prepare(services)
            measure(services, slow, Path(folder))
            services.close()
    why = "npx is not on this machine" if shutil.which("npx") is None else "this bench does not install it"
    print(f"rival: promptfoo was not run, because {why}")


def measure(services: Services, slow: Provider, folder: Path) -> None:
    with services.database.transaction() as session:
        actor = active_staff(session)[0]
    wish = furnished(services, actor)
    with worker(services.settings, folder) as process:
        idle, before = memory(process.pid), processor(process.pid)
        first = run(services, actor, wish)
        wall, peak, posted = first, memory(process.pid), slow.posts()
        busy = processor(process.pid) - before
        with services.database.transaction() as session:
            owned = forecast_wish(session, services.settings, wish)
        again = run(services, actor, dataclasses.replace(wish, name="Again"))
        repeated = slow.posts() - posted
    print(f"{IMAGES} images, 2 s and 1.5 MB each, {IN_FLIGHT} in flight: wall {wall:.1f} s (ideal 10.0 s)")
    print(f"POSTs {posted}; peak memory of the worker process {peak / 1e6:.0f} MB (idle {idle / 1e6:.0f} MB)")
    print(f"the worker computed for {busy:.1f} s; {os.getloadavg()[0]:.1f} processes wanted to run here")
    print(f"of one image: {stages(services)}")
    print(f"the same again: {owned.owned} owned, {repeated} POSTs, {again:.2f} s")


def run(services: Services, actor: Actor, wish: Wish) -> float:
    """Seconds from the start to the last stored avatar of it, or to its end where none was needed."""
    with services.database.transaction() as session:
        made = create(session, actor=actor, wish=wish)
    with services.database.transaction() as session:
        start(session, services.settings, actor=actor, experiment_id=made.id, most_usd=CAP)
    while True:
        with services.database.transaction() as session:
            found = session.get_one(Experiment, made.id)
            last = session.scalar(
                select(func.max(Avatar.stored_at)).where(Avatar.stored_at >= found.started_at)
            )
        if found.state not in ("running", "draft"):
            break
        time.sleep(0.1)
    assert found.state == "done", found.stop_reason
    assert found.started_at is not None
    assert found.ended_at is not None
    return ((last or found.ended_at) - found.started_at).total_seconds()


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


def furnished(services: Services, actor: Actor) -> Wish:
    """Versions, and a test set of people who agreed."""
    base = Image.open(io.BytesIO(samples()[0][1]())).convert("RGB")
    selfies = [selfie(services, actor, base, number) for number in range(SELFIES)]
    with services.database.transaction() as session:
        members = [Member(each) for each in selfies]
        version = create_set(session, actor=actor, name="Bench", members=members)
        prompts = [
            create_prompt(
                session,
                actor=actor,
                name=f"Bench {number}",
                content=Content(f"A comic hero, style {number}", services.settings.model, {}),
            )
            for number in range(VERSIONS)
        ]
    variants = [
        Variant(version_id=each.id, overrides={"quality": quality})
        for each in prompts
        for quality in QUALITIES
    ]
    return Wish(name="Bench", test_set_version_id=version.id, variants=variants, budget_usd=CAP)


def selfie(services: Services, actor: Actor, base: Image.Image, number: int) -> int:
    target = io.BytesIO()
    ImageEnhance.Brightness(base).enhance(1 - number * 0.05).save(target, "JPEG", quality=92)
    content = target.getvalue()
    digest = hashlib.sha256(content).hexdigest()
    keys = f"selfies/{digest}.jpg", f"selfies/{digest}.webp"
    services.objects.put(keys[0], content, "image/jpeg")
    services.objects.put(keys[1], thumbnail(content), "image/webp")
    with services.database.transaction() as session:
        customer = create_customer(session, actor=actor, reference=f"bench-{number}", name=f"Bench {number}")
        customer.test_consent_at, customer.test_consent_by = func.now(), actor.id
        stored = StoredSelfie(
            customer_id=customer.id, sha256=digest, object_key=keys[0], thumbnail_key=keys[1],
            content_type="image/jpeg", width=base.width, height=base.height, size_bytes=len(content),
            cropped=False, warnings=[],
        )  # fmt: skip
        session.add(stored)
        session.flush()
        return stored.id


@contextlib.contextmanager
def provider(folder: Path) -> Iterator[Provider]:
    """The slow sandbox in a process of its own."""
    ready = folder / "ready.json"
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.slow_sandbox", str(ready)], stdin=subprocess.PIPE
    )
    while not ready.exists() or not ready.read_text():
        time.sleep(0.05)
    said = json.loads(ready.read_text())
    yield Provider(said["api"], urlsplit(said["files"]).netloc, said["token"])
    process.communicate()


@contextlib.contextmanager
def worker(settings: Settings, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A worker in a process of its own, at work."""
    log = folder / "worker.log"
    with log.open("wb") as words:
        process = subprocess.Popen(
            [sys.executable, "-m", "jobs.worker"],
            env=environment(settings, folder),
            stdout=words,
            stderr=words,
        )
    while b"is at work" not in log.read_bytes():
        assert process.poll() is None, log.read_text()
        time.sleep(0.1)
    yield process
    process.terminate()
    process.wait()


def environment(settings: Settings, folder: Path) -> dict[str, str]:
    """The variables that make another process read these settings."""
    given = {}
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        if value is not None and field.init is not False:
            plain = value.get_secret_value() if isinstance(value, SecretStr) else value
            text = ",".join(plain) if isinstance(plain, tuple) else str(plain)
            given[str(field.validation_alias or f"INKDESK_{name.upper()}")] = text
    return {**os.environ, **given, "INKDESK_HOME": str(folder / "worker")}


def processor(pid: int) -> float:
    """Seconds that the process has computed so far."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def memory(pid: int) -> int:
    """The most bytes that the process ever held (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(each for each in status.splitlines() if each.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    main()
