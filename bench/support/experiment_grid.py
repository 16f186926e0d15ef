"""The grid that `bench.bench_experiment` draws, and how the desk draws it."""

import contextlib
import dataclasses
import hashlib
import io
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from PIL import Image, ImageEnhance
from pydantic import SecretStr
from sqlalchemy import func, select

from core.access.permissions import Actor
from core.access.staff import active_staff
from core.customers.directory import create_customer
from core.experiments.plan import Wish
from core.experiments.runs import create, start
from core.experiments.variants import Variant
from core.images.samples import samples
from core.images.thumbnails import thumbnail
from core.prompts.library import create_prompt
from core.prompts.versions import Content
from core.services import Services
from core.settings import Settings
from core.tables.experiments import Experiment
from core.tables.generation import Avatar
from core.tables.images import StoredSelfie
from core.testsets.sets import Member, create_set

VERSIONS, QUALITIES, SELFIES = 4, ("low", "medium"), 5
IMAGES = VERSIONS * len(QUALITIES) * SELFIES
PROMPTS = [f"A comic hero, style {number}" for number in range(VERSIONS)]
CAP = Decimal(25)


@dataclasses.dataclass(frozen=True)
class Desk:
    """The services, and who runs experiments on which people."""

    services: Services
    actor: Actor
    test_set_version_id: int

    def begin(self, prompts: list[str], name: str) -> int:
        """Start a new experiment over these prompts, every quality and every selfie; its number."""
        wish = self.wish(prompts, name)
        with self.services.database.transaction() as session:
            made = create(session, actor=self.actor, wish=wish).id
        self.go_on(made)
        return made

    def go_on(self, number: int, repeats: int | None = None) -> None:
        with self.services.database.transaction() as session:
            start(
                session,
                self.services.settings,
                actor=self.actor,
                experiment_id=number,
                most_usd=CAP,
                repeats=repeats,
            )

    def wait_for(self, number: int, state: str = "done") -> float:
        """Seconds from its last start to the last stored avatar, or to its end where none was needed."""
        while True:
            with self.services.database.transaction() as session:
                found = session.get_one(Experiment, number)
                last = session.scalar(
                    select(func.max(Avatar.stored_at)).where(Avatar.stored_at >= found.started_at)
                )
            if found.state not in ("running", "draft", "stopping"):
                break
            time.sleep(0.1)
        assert found.state == state, found.stop_reason
        assert found.started_at is not None
        assert found.ended_at is not None
        return ((last or found.ended_at) - found.started_at).total_seconds()

    def wish(self, prompts: list[str], name: str) -> Wish:
        contents = [Content(each, self.services.settings.model, {}) for each in prompts]
        with self.services.database.transaction() as session:
            saved = [
                create_prompt(session, actor=self.actor, name=f"{name} {number}", content=content)
                for number, content in enumerate(contents)
            ]
        variants = [
            Variant(version_id=each.id, overrides={"quality": quality})
            for each in saved
            for quality in QUALITIES
        ]
        return Wish(
            name=name, test_set_version_id=self.test_set_version_id, variants=variants, budget_usd=CAP
        )

    def stored(self) -> int:
        with self.services.database.transaction() as session:
            return session.scalar(select(func.count()).select_from(Avatar)) or 0


def furnished(services: Services) -> Desk:
    """A desk with a test set of people who agreed."""
    with services.database.transaction() as session:
        actor = active_staff(session)[0]
    members = [Member(_kept(services, actor, each, number)) for number, each in enumerate(photos())]
    with services.database.transaction() as session:
        return Desk(services, actor, create_set(session, actor=actor, name="Bench", members=members).id)


def photos() -> list[bytes]:
    """JPEG files of the selfies: one photograph, each a little darker."""
    base = Image.open(io.BytesIO(samples()[0][1]())).convert("RGB")
    found = []
    for number in range(SELFIES):
        target = io.BytesIO()
        ImageEnhance.Brightness(base).enhance(1 - number * 0.05).save(target, "JPEG", quality=92)
        found.append(target.getvalue())
    return found


def _kept(services: Services, actor: Actor, content: bytes, number: int) -> int:
    digest = hashlib.sha256(content).hexdigest()
    keys = f"selfies/{digest}.jpg", f"selfies/{digest}.webp"
    services.objects.put(keys[0], content, "image/jpeg")
    services.objects.put(keys[1], thumbnail(content), "image/webp")
    width, height = Image.open(io.BytesIO(content)).size
    with services.database.transaction() as session:
        customer = create_customer(session, actor=actor, reference=f"bench-{number}", name=f"Bench {number}")
        customer.test_consent_at, customer.test_consent_by = func.now(), actor.id
        stored = StoredSelfie(
            customer_id=customer.id,
            sha256=digest,
            object_key=keys[0],
            thumbnail_key=keys[1],
            content_type="image/jpeg",
            width=width,
            height=height,
            size_bytes=len(content),
            cropped=False,
            warnings=[],
        )
        session.add(stored)
        session.flush()
        return stored.id


@contextlib.contextmanager
def worker(settings: Settings, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A worker in a process of its own, at work."""
    log = folder / "worker.log"
    with log.open("wb") as words:
        process = subprocess.Popen(
            [sys.executable, "-m", "jobs.worker"],
            env=_environment(settings, folder),
            stdout=words,
            stderr=words,
        )
    while b"is at work" not in log.read_bytes():
        assert process.poll() is None, log.read_text()
        time.sleep(0.1)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def _environment(settings: Settings, folder: Path) -> dict[str, str]:
    """The variables that make another process read these settings."""
    given = {}
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        if value is not None and field.init is not False:
            plain = value.get_secret_value() if isinstance(value, SecretStr) else value
            text = ",".join(plain) if isinstance(plain, tuple) else str(plain)
            given[str(field.validation_alias or f"INKDESK_{name.upper()}")] = text
    return {**os.environ, **given, "INKDESK_HOME": str(folder / "worker")}
