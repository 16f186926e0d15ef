"""Experiments for tests: a desk with people who agreed, three versions, and what the provider was sent."""

import hashlib
import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from PIL import ImageEnhance
from sqlalchemy import func, select, text, update

from core.experiments.feed import feed
from core.experiments.plan import Forecast, Wish, forecast_start
from core.experiments.runs import create, start
from core.experiments.variants import Variant
from core.foundation.database import Database
from core.images.thumbnails import thumbnail
from core.tables.experiments import Experiment, ExperimentCell
from core.tables.generation import Generation
from core.testsets.sets import Member, create_set
from tests.support.desk import TestDesk
from tests.support.factories import make_selfie
from tests.support.pictures import astronaut, encode
from tests.support.prompts import make_prompt
from tests.support.testsets import consenting

LOTS = Decimal(100)


class Lab:
    """A desk with a test set of `people` and prompts; every experiment of it takes them all."""

    def __init__(self, desk: TestDesk, people: int = 6) -> None:
        self.desk = desk
        self.services = desk.services
        self.selfies = [self._person(number) for number in range(people)]
        with self.database.transaction() as session:
            members = [Member(each) for each in self.selfies]
            # Labs of one desk may follow each other.
            self.set_name = f"Faces {uuid.uuid4().hex[:6]}"
            made = create_set(session, actor=desk.admin, name=self.set_name, members=members)
            self.set_version = made.id

    @property
    def database(self) -> Database:
        return self.services.database

    def versions(self, *templates: str) -> list[int]:
        with self.database.transaction() as session:
            return [make_prompt(session, self.desk.admin, each, quality="low").id for each in templates]

    def wish(self, variants: Sequence[Variant], **given: Any) -> Wish:
        values = {"name": "Trial", "budget_usd": LOTS, "test_set_version_id": self.set_version, **given}
        return Wish(variants=variants, **values)

    def created(self, variants: Sequence[Variant], **given: Any) -> int:
        with self.database.transaction() as session:
            return create(session, actor=self.desk.admin, wish=self.wish(variants, **given)).id

    def start(self, experiment_id: int, **given: Any) -> None:
        values = {"most_usd": LOTS, **given}
        with self.database.transaction() as session:
            settings = self.services.settings
            start(session, settings, actor=self.desk.admin, experiment_id=experiment_id, **values)

    def started(self, variants: Sequence[Variant], **given: Any) -> int:
        experiment_id = self.created(variants, **given)
        self.start(experiment_id)
        return experiment_id

    def forecast(self, experiment_id: int, **given: Any) -> Forecast:
        with self.database.transaction() as session:
            experiment = session.get_one(Experiment, experiment_id)
            return forecast_start(session, self.services.settings, experiment, **given)

    def feed(self) -> int:
        return feed(self.database, self.services.settings)

    def experiment(self, experiment_id: int) -> Experiment:
        with self.database.transaction() as session:
            return session.get_one(Experiment, experiment_id)

    def over(self, *experiment_ids: int) -> bool:
        return all(self.experiment(each).state in ("done", "stopped") for each in experiment_ids)

    def states(self, experiment_id: int) -> list[str]:
        """Where the generations of the cells stand, in the order of the cells; '' where one is missing."""
        with self.database.transaction() as session:
            rows = session.scalars(
                select(Generation.state)
                .select_from(ExperimentCell)
                .outerjoin(Generation, Generation.id == ExperimentCell.generation_id)
                .where(ExperimentCell.experiment_id == experiment_id)
                .order_by(ExperimentCell.id)
            )
            return [each or "" for each in rows]

    def end_open(self, state: str = "succeeded", **columns: Any) -> None:
        """Let everything that is open end like this, as if the engine had done it."""
        if state == "failed":
            columns = {"failure_class": "content_policy", "failure_message": "It was refused.", **columns}
        with self.database.transaction() as session:
            still_open = Generation.finished_at.is_(None)
            session.execute(
                update(Generation)
                .where(still_open)
                .values(state=state, finished_at=func.clock_timestamp(), **columns)
            )

    def pay_open(self) -> None:
        """Let everything that is open be drawn at the catalog's price."""
        with self.database.transaction() as session:
            session.execute(
                text(
                    "INSERT INTO render_attempt (generation_id, number, client_ref, status, remote_id,"
                    " worker, remote_status, cost_usd, accepted_at, detected_at)"
                    " SELECT id, attempts + 1, gen_random_uuid(), 'succeeded', 'r' || id, 'w', 'succeeded',"
                    " price_usd, clock_timestamp(), clock_timestamp() + interval '10 s'"
                    " FROM generation WHERE finished_at IS NULL"
                )
            )
        self.end_open()

    def posts(self) -> int:
        """How many predictions were created at the provider."""
        return len(self.desk.sandbox.state.order)

    def sent(self) -> list[tuple[str, str, str]]:
        """Prompt, quality and selfie of every prediction, as the provider got them."""
        found = [prediction.input for prediction in self.desk.sandbox.state.order]
        return [(str(i["prompt"]), str(i["quality"]), str(i["input_images"][0])) for i in found]

    def _person(self, number: int) -> int:
        """A person with a selfie of their own in the object store."""
        content = encode(ImageEnhance.Brightness(astronaut(256)).enhance(1 - number * 0.05), "JPEG")
        digest = hashlib.sha256(content).hexdigest()
        key, small = f"selfies/{digest}.jpg", f"selfies/{digest}.webp"
        self.services.objects.put(key, content, "image/jpeg")
        self.services.objects.put(small, thumbnail(content), "image/webp")
        with self.database.transaction() as session:
            customer = consenting(session, self.desk.admin, name=f"Person {number}")
            return make_selfie(
                session,
                customer=customer,
                sha256=digest,
                object_key=key,
                thumbnail_key=small,
                content_type="image/jpeg",
            ).id
