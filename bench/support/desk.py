"""What the engine's benches share: the app's own embedded servers, each a process of its own, a worker here.

Nothing is scaled or shortened: settings are the defaults, the sandbox draws in Replicate's time (10 to 19 s).
"""

import contextlib
import dataclasses
import statistics
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg

from core.access.permissions import Actor
from core.access.staff import active_staff
from core.customers.directory import create_customer
from core.generation.request import Wish, request_generation
from core.images.intake import take_in
from core.images.samples import samples
from core.images.selfies import keep_selfie
from core.ledger import moves as ledger
from core.prompts.starter import STARTER_TEMPLATE
from core.services import Services, open_services
from core.settings import REPLICATE, Settings
from core.startup.embedded import embedded
from core.startup.prepare import prepare
from core.tables.generation import ENDED

# A bench never leaves this machine, whatever the environment says.
EMBEDDED = {
    "database_url": None,
    "s3_endpoint": None,
    "s3_access_key": None,
    "s3_secret_key": None,
    "replicate_api_token": None,
    "replicate_base_url": REPLICATE,
}


@dataclasses.dataclass
class BenchDesk:
    """Services, and a customer with credits and a selfie. `looks` counts the bench's own transactions."""

    services: Services
    actor: Actor
    customer_id: int
    selfie_id: int
    looks: int = 0

    def wish(self, number: int = 0) -> Wish:
        return Wish(
            request_key=uuid.uuid4().hex,
            customer_id=self.customer_id,
            selfie_id=self.selfie_id,
            template=f"Hero {number}. {STARTER_TEMPLATE}",
            values={"style": "ink", "outfit": "a coat"},
            parameters={"quality": "low"},
            charged=True,
        )

    def ask(self, number: int = 0) -> int:
        """One charged generation; its id."""
        with self.services.database.transaction() as session:
            settings = self.services.settings
            return request_generation(session, settings, actor=self.actor, wish=self.wish(number)).id

    def wait_for(self, total: int) -> None:
        """Wait until so many generations have ended."""
        query = "SELECT count(*) FROM generation WHERE state = ANY(%s)"
        with psycopg.connect(self.url, autocommit=True) as connection:
            self.looks += 1  # connecting is a commit of its own
            ended = -1
            while ended < total:
                time.sleep(0.5)
                self.looks += 1
                [ended] = connection.execute(query, [[str(state) for state in ENDED]]).fetchone() or (0,)

    @property
    def url(self) -> str:
        """The address of its database."""
        url = self.services.settings.database_url
        assert url is not None
        return url.get_secret_value()


@contextlib.contextmanager
def bench_desk() -> Iterator[BenchDesk]:
    """A desk in a home of its own, which is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="inkdesk-") as folder:
        asked = Settings().model_copy(update={**EMBEDDED, "home": Path(folder) / "home"})
        with embedded(asked) as whole:
            services = open_services(whole)
            prepare(services, local=True)
            yield _furnished(services)
            services.close()


def _furnished(services: Services) -> BenchDesk:
    selfie = take_in(samples()[0][1](), "portrait.png")
    with services.database.transaction() as session:
        actor = active_staff(session)[0]
        customer = create_customer(session, actor=actor, reference="bench", name="Bench")
        ledger.grant(
            session,
            customer_id=customer.id,
            amount=10_000,
            reason="to measure",
            key="bench",
            actor=actor.name,
        )
    with services.database.transaction() as session:
        kept = keep_selfie(session, services.objects, actor=actor, customer_id=customer.id, selfie=selfie)
    return BenchDesk(services, actor, customer.id, kept.id)


def spread(seconds: Sequence[float]) -> str:
    """Median and 95th percentile, in milliseconds below a second."""
    p50, p95 = statistics.median(seconds), statistics.quantiles(seconds, n=20)[-1]
    return f"p50 {_shown(p50)}, p95 {_shown(p95)}"


def _shown(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"
