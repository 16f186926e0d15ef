"""Plans in stages for tests: versions on the lab's selfies, images as rows, and raters with a taste."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, text

from core.access.permissions import Actor
from core.experiments.stages import carry_on_plans, create_plan
from core.experiments.stages_made import lines_of, stages_of
from core.experiments.stages_plan import Staging
from core.experiments.variants import Variant
from core.tables.experiment_stages import ExperimentLine, ExperimentPlan, ExperimentStage
from core.tables.experiments import Experiment
from core.tables.votes import VotePair
from core.votes.batches import Answer, cast, next_pairs
from tests.support.desk import TestDesk
from tests.support.experiments import LOTS, Lab

# Whoever stands first wins every vote.
BEST_FIRST = (1, 2, 3, 4, 5, 6, 7, 8)
# Images of gpt-image-1 at high fidelity, with Replicate's fee, in US dollars.
LOW, MEDIUM, HIGH = Decimal("0.053"), Decimal("0.084"), Decimal("0.209")


class Stages:
    """A lab's plan; `order` says which lines raters like, the best first."""

    def __init__(self, lab: Lab, *, versions: int = 4, **given: Any) -> None:
        self.lab = lab
        staging = given.pop("staging", Staging())
        actor = given.pop("actor", lab.desk.admin)
        texts = [f"{given.get('name', 'A')} hero {number}" for number in range(versions)]
        variants = [Variant(version_id=each) for each in lab.versions(*texts)]
        wish = lab.wish(given.pop("variants", variants), **{"budget_usd": LOTS, **given})
        with lab.database.transaction() as session:
            first = create_plan(session, actor=actor, wish=wish, staging=staging)
            self.first = first.id
            self.id = session.get_one(ExperimentStage, first.id).plan_id

    def carry_on(self) -> int:
        return carry_on_plans(self.lab.database, self.lab.services.settings)

    def stages(self) -> list[Experiment]:
        with self.lab.database.transaction() as session:
            return [experiment for _, experiment in stages_of(session, self.id)]

    def plan(self) -> ExperimentPlan:
        with self.lab.database.transaction() as session:
            return session.get_one(ExperimentPlan, self.id)

    def lines(self, stage: int = -1) -> list[ExperimentLine]:
        with self.lab.database.transaction() as session:
            return lines_of(session, stages_of(session, self.id)[stage][1].id)

    def outcomes(self, stage: int = -1) -> list[str | None]:
        return [each.outcome for each in self.lines(stage)]

    def draw(self) -> None:
        """Let the running stage be drawn to its end."""
        while not self.lab.over(self.stages()[-1].id):
            self.lab.feed()
            self.lab.pay_open()
            keep_avatars(self.lab)

    def batch(self, stage: int = -1) -> int:
        with self.lab.database.transaction() as session:
            made = stages_of(session, self.id)[stage][0]
            assert made.batch_id is not None
            return made.batch_id

    def asked(self) -> bool:
        """Whether the last stage is drawn and waits for votes."""
        with self.lab.database.transaction() as session:
            return stages_of(session, self.id)[-1][0].batch_id is not None

    def vote(
        self,
        most: int = 10_000,
        *,
        order: Sequence[int] = BEST_FIRST,
        answer: Answer | None = None,
        actor: Actor | None = None,
    ) -> int:
        """Vote on so many pairs of the last stage; how many there were."""
        batch_id, done = self.batch(), 0
        rater = actor or self.lab.desk.admin
        with self.lab.database.transaction() as session:
            by_variant = {each.variant_id: each.line for each in session.scalars(select(ExperimentLine))}
            while done < most and (pairs := next_pairs(session, actor=rater, batch_id=batch_id, most=1)):
                pair = session.get_one(VotePair, pairs[0].id)
                left, right = by_variant[pair.left_variant_id], by_variant[pair.right_variant_id]
                side: Answer = "left" if order.index(left) < order.index(right) else "right"
                cast(session, actor=rater, pair_id=pair.id, answer=answer or side)
                done += 1
        return done

    def spent(self) -> Decimal:
        with self.lab.database.transaction() as session:
            return session.scalar(text("SELECT coalesce(sum(cost_usd), 0) FROM render_attempt")) or Decimal(0)


def keep_avatars(lab: Lab) -> None:
    """What is drawn becomes an avatar, as rows."""
    with lab.database.transaction() as session:
        session.execute(
            text(
                "INSERT INTO avatar (generation_id, attempt_id, object_key, thumbnail_key, content_type,"
                " sha256, width, height, size_bytes)"
                " SELECT g.id, t.id, 'a/' || g.id, 'a/' || g.id || '.webp', 'image/png', md5(g.id::text),"
                " 1024, 1024, 1 FROM generation g JOIN render_attempt t ON t.generation_id = g.id"
                " AND t.status = 'succeeded' WHERE g.state = 'succeeded'"
                " AND NOT EXISTS (SELECT FROM avatar a WHERE a.generation_id = g.id)"
            )
        )


@pytest.fixture
def lab(desk: TestDesk) -> Lab:
    return Lab(desk.with_settings(experiment_in_flight=50), people=3)


@pytest.fixture
def stages(lab: Lab) -> Stages:
    """Four versions, started and drawn at low quality; raters may vote."""
    return drawn(Stages(lab))


def drawn(stages: Stages) -> Stages:
    """A plan whose first stage is drawn and is being voted on."""
    stages.lab.start(stages.first)
    stages.draw()
    stages.carry_on()
    return stages
