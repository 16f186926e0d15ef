"""A whole desk for tests: real database, real object store, the sandbox over real sockets, quick clocks."""

import dataclasses
import functools
import io
import mimetypes
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psutil
from PIL import Image
from pydantic import SecretStr
from sqlalchemy import select, text

from core.access.permissions import Actor
from core.access.staff import active_staff
from core.foundation.database import Database, connect
from core.generation.request import Wish, request_generation
from core.images.intake import Selfie, take_in
from core.images.samples import samples
from core.images.selfies import keep_selfie
from core.ledger import moves as ledger
from core.provider.gateway import Gateway
from core.sandbox.server import RunningSandbox
from core.services import Services
from core.settings import Settings
from core.startup.object_store import EmbeddedObjectStore, ObjectStoreAddress
from core.startup.prepare import prepare
from core.storage.objects import ObjectStore
from core.tables.generation import OPEN, Generation, RenderAttempt
from jobs.schedule import ticks
from jobs.ticker import Worker
from tests.support.factories import make_customer

__all__ = ["EmbeddedObjectStore", "TestDesk", "quick_settings", "working"]

# The provider's seconds pass a hundred times faster, and our own limits shrink with them.
TIME_SCALE = 0.01
# The sandbox ends what is drawn for longer than the attempt's limit, by its own quick clock; for tests that
# look at something that is still drawn.
PATIENT = {"attempt_timeout_seconds": 36_000.0, "generation_deadline_seconds": 72_000.0}
# The sandbox removes data and files after an hour of its quick clock, 36 s; a busy machine takes longer.
KEPT: dict[str, Any] = {"retention": 1e6, "file_retention": 1e6}
# For tests that count attempts while the machine is busy: being late for that reason alone costs no attempt.
UNHURRIED = {
    "provider_timeout_seconds": 5.0,
    "transfer_timeout_seconds": 5.0,
    "adoption_grace_seconds": 4.0,
    "lease_seconds": 15.0,
    "attempt_timeout_seconds": 900.0,
}
QUICK = {
    "lease_seconds": 5.0,
    "provider_timeout_seconds": 2.0,
    "transfer_timeout_seconds": 1.5,
    "adoption_grace_seconds": 1.5,
    "tick_seconds": 0.05,
    "sweep_interval_seconds": 0.05,
    "sweep_window_seconds": 3.0,
    "straggler_interval_seconds": 0.1,
    "heartbeat_seconds": 0.2,
    # Three seconds of the sandbox's clock, so that a busy machine draws in time.
    "generation_deadline_seconds": 600.0,
    "attempt_timeout_seconds": 300.0,
    "backoff_factor": 0.01,
    "backoff_max_seconds": 0.5,
    "worker_threads": 4,
}


def quick_settings(
    database_url: str, store: ObjectStoreAddress, sandbox: RunningSandbox, **changes: object
) -> Settings:
    """Settings of a desk on these servers; bucket and limits of its own."""
    given = {
        "database_url": SecretStr(database_url),
        "s3_endpoint": store.endpoint,
        "s3_access_key": store.access_key,
        "s3_secret_key": SecretStr(store.secret_key),
        "s3_secure": False,
        "s3_bucket": f"b-{uuid.uuid4().hex[:20]}",
        "replicate_base_url": sandbox.url,
        "replicate_api_token": SecretStr(sandbox.token),
        "openai_api_key": SecretStr("sk-sandbox"),
        "output_hosts": (sandbox.files_url.removeprefix("http://"),),
        "sandboxed": True,
        **QUICK,
        **changes,
    }
    return Settings().model_copy(update=given)


@dataclasses.dataclass
class TestDesk:
    """Services with a customer who has credits and a selfie, and the sandbox they talk to."""

    __test__ = False

    services: Services
    sandbox: RunningSandbox
    admin: Actor
    customer_id: int
    selfie_id: int
    gateways: list[Gateway] = dataclasses.field(default_factory=list)

    @classmethod
    def open(cls, settings: Settings, sandbox: RunningSandbox, *, credits_given: int = 1000) -> "TestDesk":
        services = doors(settings)
        prepare(services, local=True)
        with services.database.transaction() as session:
            admin = active_staff(session)[0]
            customer = make_customer(session, name="Ada")
            ledger.grant(
                session,
                customer_id=customer.id,
                amount=credits_given,
                reason="for tests",
                key=uuid.uuid4().hex,
                actor=admin.name,
            )
            kept = keep_selfie(
                session,
                services.objects,
                actor=admin,
                customer_id=customer.id,
                selfie=sample_selfie(),
            )
        return cls(services, sandbox, admin, customer.id, kept.id)

    @classmethod
    def resume(cls, settings: Settings, sandbox: RunningSandbox, begun: "Begun") -> "TestDesk":
        """A desk on a copy of the database of one that was opened before."""
        services = doors(settings)
        services.objects.ensure_bucket()
        for key, content in begun.pictures.items():
            services.objects.put(key, content, mimetypes.guess_type(key)[0] or "")
        return cls(services, sandbox, begun.admin, begun.customer_id, begun.selfie_id)

    def with_settings(self, **changes: object) -> "TestDesk":
        """The same desk with other limits."""
        settings = self.services.settings.model_copy(update=changes)
        gateway = Gateway.from_settings(settings)
        self.gateways.append(gateway)
        services = dataclasses.replace(self.services, settings=settings, gateway=gateway)
        return dataclasses.replace(self, services=services)

    @property
    def database(self) -> Database:
        return self.services.database

    def close(self) -> None:
        self.services.close()
        for gateway in self.gateways:
            gateway.close()

    def wish(self, prompt: str = "A comic hero", **changes: object) -> Wish:
        given: dict[str, object] = {
            "request_key": uuid.uuid4().hex,
            "customer_id": self.customer_id,
            "selfie_id": self.selfie_id,
            "template": prompt,
            "values": None,
            "parameters": {"quality": "low"},
            "charged": True,
            **changes,
        }
        return Wish(**given)  # type: ignore[arg-type]

    def ask(self, prompt: str = "A comic hero", **changes: object) -> int:
        """Ask for one generation; its id."""
        with self.database.transaction() as session:
            wish = self.wish(prompt, **changes)
            return request_generation(session, self.services.settings, actor=self.admin, wish=wish).id

    def generation(self, generation_id: int) -> Generation:
        with self.database.transaction() as session:
            return session.get_one(Generation, generation_id)

    def attempts(self, generation_id: int) -> list[RenderAttempt]:
        with self.database.transaction() as session:
            return list(
                session.scalars(
                    select(RenderAttempt)
                    .where(RenderAttempt.generation_id == generation_id)
                    .order_by(RenderAttempt.number)
                )
            )

    def staff(self, role: str) -> Actor:
        """The persona of a role."""
        with self.database.transaction() as session:
            return next(each for each in active_staff(session) if role in each.roles)

    def wallet(self) -> int:
        with self.database.transaction() as session:
            return ledger.balance(session, customer_id=self.customer_id)

    def age(self, generation_id: int, seconds: float) -> None:
        """Let time pass for one generation: its lease, its deadline and its attempts grow old."""
        with self.database.transaction() as session:
            given = {"id": generation_id, "s": seconds}
            session.execute(
                text(
                    "UPDATE generation SET lease_until = lease_until - :s * interval '1 second',"
                    " due_at = due_at - :s * interval '1 second' WHERE id = :id"
                ),
                given,
            )
            session.execute(
                text(
                    "UPDATE render_attempt SET submitted_at = submitted_at - :s * interval '1 second',"
                    " save_by = save_by - :s * interval '1 second',"
                    " next_check_at = next_check_at - :s * interval '1 second' WHERE generation_id = :id"
                ),
                given,
            )

    def all_ended(self) -> bool:
        with self.database.transaction() as session:
            query = select(Generation.id).where(Generation.state.in_(OPEN)).limit(1)
            return session.scalar(query) is None

    def creations(self) -> dict[str, int]:
        """How often each of our references was created at the provider."""
        return dict(self.sandbox.state.summary()["created_by_user_id"])


@dataclasses.dataclass(frozen=True)
class Begun:
    """What every copy of an opened desk has: who is there, and what lies in its bucket."""

    admin: Actor
    customer_id: int
    selfie_id: int
    pictures: dict[str, bytes]

    @classmethod
    def of(cls, desk: TestDesk) -> "Begun":
        objects = desk.services.objects
        pictures = {key: objects.get(key) for key in objects.keys("")}
        return cls(desk.admin, desk.customer_id, desk.selfie_id, pictures)


def doors(settings: Settings) -> Services:
    """The services of these settings; nothing is asked of them yet."""
    assert settings.database_url is not None
    return Services(
        settings=settings,
        database=connect(settings.database_url.get_secret_value(), pool_size=20),
        objects=ObjectStore.from_settings(settings),
        gateway=Gateway.from_settings(settings),
    )


@functools.cache
def sample_selfie() -> Selfie:
    """The portrait that comes with Inkdesk, taken in once a process."""
    return take_in(samples()[0][1](), "portrait.png")


@contextmanager
def working(desk: TestDesk) -> Iterator[Worker]:
    """A worker at work in this process."""
    worker = Worker(desk.services, ticks(desk.services.settings))
    worker.start()
    try:
        yield worker
    finally:
        worker.stop()


def wait_for(condition: Callable[[], bool], *, seconds: float = 180.0) -> None:
    """Wait until the condition holds; the limit only ends a test that hangs."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.03)


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def children() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)
