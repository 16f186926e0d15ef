"""A version that has earned its promotion, as rows, and customers' jobs of a version."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.promotion.gate import Gate, gate
from core.tables.experiments import ExperimentCell
from core.tables.generation import Generation, RenderAttempt
from core.tables.image_checks import ImageCheck
from core.tables.prompts import PromptVersion
from core.tables.votes import Vote, VoteBatch, VotePair
from tests.support.factories import make_generations
from tests.support.prompts import edit, make_actor, make_prompt, put_production
from tests.support.votes import Drawn, drawn_experiment


@dataclasses.dataclass(frozen=True)
class Proven:
    """Production, the version beside it, and the experiment that drew both."""

    production: PromptVersion
    candidate: PromptVersion
    drawn: Drawn

    @property
    def variant_ids(self) -> list[int]:
        """Production's variant and the candidate's, then any other."""
        return list(self.drawn.variants)

    @property
    def experiment_id(self) -> int:
        return self.drawn.experiment_id


def proven(
    session: Session,
    actor: Actor,
    *,
    selfies: int = 12,
    repeats: int = 2,
    seen: int = 0,
    name: str = "Woodcut",
) -> Proven:
    """A candidate that met every condition of the default limits: 24 images, all whole, all votes won."""
    production = make_prompt(session, actor, name=name, quality="low")
    candidate = edit(session, actor, production, "A tall hero", quality="low")
    put_production(session, actor, production.id, seen=seen)
    drawn = drawn_experiment(
        session,
        actor,
        names=(f"{name} v1", f"{name} v2"),
        versions=(production, candidate),
        selfies=selfies,
        repeats=repeats,
    )
    made = Proven(production, candidate, drawn)
    framed(session, made.variant_ids[1], ["passed"] * selfies * repeats)
    voted(session, actor, drawn, [made.variant_ids[1]] * selfies * repeats)
    return made


def images(session: Session, variant_id: int) -> Sequence[Generation]:
    """A variant's generations in the order of its cells."""
    query = (
        select(Generation)
        .join(ExperimentCell, ExperimentCell.generation_id == Generation.id)
        .where(ExperimentCell.variant_id == variant_id)
    )
    return session.scalars(query.order_by(ExperimentCell.id)).all()


def framed(session: Session, variant_id: int, framings: Sequence[str]) -> None:
    """Write what the checks say of a variant's avatars, in the order of its cells."""
    for generation, framing in zip(images(session, variant_id), framings, strict=False):
        session.merge(
            ImageCheck(generation_id=generation.id, version=1, framing=framing, verdicts={}, facts={})
        )
    session.flush()


def priced(session: Session, variant_id: int, usd: str) -> None:
    """Let a variant's images have cost so much each."""
    numbers = [each.id for each in images(session, variant_id)]
    for attempt in session.scalars(select(RenderAttempt).where(RenderAttempt.generation_id.in_(numbers))):
        attempt.cost_usd = usd  # type: ignore[assignment]
    session.flush()


def voted(
    session: Session,
    actor: Actor,
    drawn: Drawn,
    winners: Sequence[int | str],
    pair: tuple[int, int] | None = None,
) -> None:
    """A vote on each selfie and repeat in turn, between two variants (the first two).

    A winner is a variant's number, or an answer such as `both_good`.
    """
    first, second = pair or list(drawn.variants)[:2]
    batch = VoteBatch(
        experiment_id=drawn.experiment_id, variant_ids=sorted([first, second]), created_by=actor.id
    )
    session.add(batch)
    session.flush()
    cells = {
        variant: session.scalars(
            select(ExperimentCell).where(ExperimentCell.variant_id == variant).order_by(ExperimentCell.id)
        ).all()
        for variant in (first, second)
    }
    shown = list(zip(cells[first], cells[second], strict=True))
    for position, winner in enumerate(winners, start=1):
        left, right = shown[(position - 1) % len(shown)]
        shown_pair = VotePair(
            batch_id=batch.id,
            position=position,
            selfie_id=left.selfie_id,
            left_variant_id=first,
            left_generation_id=left.generation_id,
            right_variant_id=second,
            right_generation_id=right.generation_id,
        )
        session.add(shown_pair)
        session.flush()
        answer = "left" if winner == first else "right" if winner == second else str(winner)
        session.add(Vote(pair_id=shown_pair.id, rater_id=actor.id, answer=answer))
    session.flush()


def jobs(
    session: Session, version: PromptVersion, ends: Sequence[str], *, at: datetime, **columns: object
) -> list[int]:
    """Customers' jobs of a version, asked for and ended at a moment: `succeeded`, or how each failed."""
    each = []
    for end in ends:
        failed = end not in ("succeeded", "queued", "canceled")
        given: dict[str, object] = {
            "state": "failed" if failed else end,
            "prompt_version_id": version.id,
            "template": version.resolved,
            "created_at": at,
            "finished_at": None if end == "queued" else at,
            **({"failure_class": end, "failure_message": "It failed."} if failed else {}),
            **columns,
        }
        each.append(given)
    return [generation.id for generation in make_generations(session, each)]


@pytest.fixture
def tom(session: Session) -> Actor:
    return make_actor(session)


def standing(session: Session, actor: Actor, made: Proven, experiment_id: int | None = None) -> Gate:
    """What the gate says of the candidate."""
    found = gate(session, actor=actor, version_id=made.candidate.id, experiment_id=experiment_id)
    assert found is not None
    return found
