"""The grid of an experiment: its versions, its selfies, and every image with what came of it."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from core.classification.taxonomy import TAXONOMY, FailureClass
from core.experiments.runs import get_experiment
from core.images.addresses import Picture, Shown
from core.tables.customers import Customer
from core.tables.experiments import Experiment, ExperimentCell, ExperimentPurchase, ExperimentVariant
from core.tables.generation import OPEN, Avatar, Generation, RenderAttempt, State
from core.tables.images import StoredSelfie
from core.tables.testsets import TestSetMember

GONE = "The person was deleted here; their pictures are gone."


@dataclasses.dataclass(frozen=True)
class VariantView:
    """One column of the grid."""

    id: int
    position: int
    version_id: int | None
    label: str
    template: str
    prompt: str
    model: str
    parameters: Mapping[str, str]
    price_usd: Decimal
    price_published: bool


@dataclasses.dataclass(frozen=True)
class RowView:
    """One row of a grid. `picture` is None where the selfie is not here."""

    id: int
    name: str
    tags: tuple[str, ...]
    picture: Shown | None


@dataclasses.dataclass(frozen=True)
class SelfieView(RowView):
    """One row of an experiment: whose selfie it is, and where it lies; nowhere after they were erased."""

    customer_id: int
    object_key: str | None
    thumbnail_key: str | None


@dataclasses.dataclass(frozen=True)
class CellView:
    """One image. `state` is missing, running, done or failed; the keys name objects of the store.

    `cost_usd` is what it has cost, whoever paid; `shared` says that this was another experiment. `seconds` is
    how long the provider drew. `checks` is the row of its image check, where one was made. `picture` is None
    where there is no image, or it is not here.
    """

    id: int
    variant_id: int
    selfie_id: int
    repeat: int
    state: str
    stage: State | None
    generation_id: int | None
    object_key: str | None
    thumbnail_key: str | None
    width: int | None
    height: int | None
    cost_usd: Decimal | None
    seconds: float | None
    shared: bool
    failure_class: str | None
    failure_title: str | None
    failure_sentence: str | None
    checks: Mapping[str, Any] | None
    picture: Shown | None


@dataclasses.dataclass(frozen=True)
class Grid:
    """All that a grid is drawn from; cells by repeat, then selfie, then variant."""

    variants: Sequence[VariantView]
    selfies: Sequence[SelfieView]
    cells: Sequence[CellView]


def grid(session: Session, experiment_id: int) -> Grid:
    """The whole grid. Raises NotFound."""
    experiment = get_experiment(session, experiment_id)
    return Grid(_variants(session, experiment), _selfies(session, experiment), _cells(session, experiment))


def standing(state: str | None, *, problem: bool) -> str:
    """Where a cell stands, by the state of its generation."""
    if state is None:
        return "failed" if problem else "missing"
    if state in OPEN:
        return "running"
    return "done" if state == State.SUCCEEDED else "failed"


def _variants(session: Session, experiment: Experiment) -> list[VariantView]:
    of_it = ExperimentVariant.experiment_id == experiment.id
    return [
        VariantView(
            id=row.id,
            position=row.position,
            version_id=row.version_id,
            label=row.label_text,
            template=row.template,
            prompt=row.prompt,
            model=row.model,
            parameters={name: str(value) for name, value in row.parameters.items()},
            price_usd=row.price_usd,
            price_published=row.price_published,
        )
        for row in session.scalars(
            select(ExperimentVariant).where(of_it).order_by(ExperimentVariant.position)
        )
    ]


def _selfies(session: Session, experiment: Experiment) -> list[SelfieView]:
    rows = session.execute(
        select(StoredSelfie, TestSetMember.tags, Customer.erased_at)
        .join(TestSetMember, TestSetMember.selfie_id == StoredSelfie.id)
        .join(Customer, Customer.id == StoredSelfie.customer_id)
        .where(TestSetMember.version_id == experiment.test_set_version_id)
        .where(StoredSelfie.id.in_(experiment.selfie_ids))
        .order_by(TestSetMember.position)
    )
    return [
        SelfieView(
            id=row.id,
            name=f"Selfie {row.id}",
            customer_id=row.customer_id,
            object_key=None if erased else row.object_key,
            thumbnail_key=None if erased else row.thumbnail_key,
            tags=tuple(tags),
            picture=None if erased else Shown(Picture.SELFIE, row.id),
        )
        for row, tags, erased in rows
    ]


def _cells(session: Session, experiment: Experiment) -> list[CellView]:
    costs = (
        select(func.sum(RenderAttempt.cost_usd))
        .where(RenderAttempt.generation_id == Generation.id)
        .correlate(Generation)
        .scalar_subquery()
    )
    rows = session.execute(
        select(
            ExperimentCell,
            Generation,
            Avatar,
            RenderAttempt,
            Customer.erased_at,
            ExperimentPurchase.experiment_id,
            costs,
        )
        .outerjoin(Generation, Generation.id == ExperimentCell.generation_id)
        .outerjoin(Customer, Customer.id == Generation.customer_id)
        .outerjoin(Avatar, Avatar.generation_id == Generation.id)
        .outerjoin(RenderAttempt, RenderAttempt.id == Avatar.attempt_id)
        .outerjoin(ExperimentPurchase, ExperimentPurchase.generation_id == Generation.id)
        .where(ExperimentCell.experiment_id == experiment.id)
        .order_by(ExperimentCell.id)
        .execution_options(populate_existing=True)
    ).all()
    checks = _checks(session, experiment.id)
    return [_cell(*row, checks=checks) for row in rows]


def _cell(
    cell: ExperimentCell,
    generation: Generation | None,
    avatar: Avatar | None,
    attempt: RenderAttempt | None,
    erased_at: datetime | None,
    payer: int | None,
    cost: Decimal | None,
    *,
    checks: Mapping[int, Mapping[str, Any]],
) -> CellView:
    kind, title, sentence = _failure(cell, generation)
    shown = avatar if erased_at is None else None
    if avatar is not None and shown is None:
        sentence = GONE
    return CellView(
        id=cell.id,
        variant_id=cell.variant_id,
        selfie_id=cell.selfie_id,
        repeat=cell.repeat,
        state=standing(None if generation is None else generation.state, problem=cell.problem is not None),
        stage=State(generation.state) if generation else None,
        generation_id=cell.generation_id,
        object_key=None if shown is None else shown.object_key,
        thumbnail_key=None if shown is None else shown.thumbnail_key,
        width=None if avatar is None else avatar.width,
        height=None if avatar is None else avatar.height,
        cost_usd=cost,
        seconds=_seconds(attempt),
        shared=payer is not None and payer != cell.experiment_id,
        failure_class=kind,
        failure_title=title,
        failure_sentence=sentence,
        checks=checks.get(generation.id) if generation else None,
        picture=None if shown is None else Shown(Picture.AVATAR, shown.generation_id),
    )


def _failure(
    cell: ExperimentCell, generation: Generation | None
) -> tuple[str | None, str | None, str | None]:
    """Class, its title, and a sentence of what was received."""
    if generation is None:
        return None, "Not asked for" if cell.problem else None, cell.problem
    if generation.state == State.CANCELED:
        return None, "Canceled", f"Canceled by {generation.canceled_by}."
    if generation.state != State.FAILED:
        return None, None, None
    name = generation.failure_class or FailureClass.UNKNOWN
    return name, TAXONOMY[FailureClass(name)].title, generation.failure_detail or generation.failure_message


def _seconds(attempt: RenderAttempt | None) -> float | None:
    if attempt is None:
        return None
    if attempt.predict_seconds is not None and math.isfinite(attempt.predict_seconds):
        return attempt.predict_seconds
    return (attempt.detected_at - attempt.submitted_at).total_seconds() if attempt.detected_at else None


def _checks(session: Session, experiment_id: int) -> dict[int, Mapping[str, Any]]:
    """The rows of image checks by generation."""
    rows = session.execute(
        text(
            "SELECT c.generation_id, to_jsonb(k) FROM experiment_cell c"
            " JOIN image_check k ON k.generation_id = c.generation_id WHERE c.experiment_id = :id"
        ),
        {"id": experiment_id},
    )
    return dict(rows.all())
