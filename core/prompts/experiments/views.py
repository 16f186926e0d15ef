"""What pages show of experiments: the list, how far one is with its money, and the cells of its grid."""

import dataclasses
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session, aliased

from core.access.models import Staff
from core.errors import NotFound
from core.failures.taxonomy import TAXONOMY, FailureClass
from core.generation.models import Avatar, Generation, RenderAttempt
from core.generation.states import OPEN, State
from core.images.addresses import Picture, Shown
from core.images.models import StoredSelfie
from core.prompts.experiments.models import (
    Experiment,
    ExperimentCell,
    ExperimentPurchase,
    ExperimentVariant,
)
from core.prompts.experiments.money import Money, money_of
from core.prompts.experiments.plan import expected_time
from core.prompts.experiments.runs import LARGEST_ID
from core.prompts.testsets.models import TestSet, TestSetMember, TestSetVersion
from core.settings import Settings

MOST_LISTED = 50


@dataclasses.dataclass(frozen=True)
class Progress:
    """One experiment. Each cell is in one of `done`, `failed` (canceled included), `running` and `missing`.

    `left` is how long what is running and missing takes; None where nothing was drawn in the last 24 hours.
    """

    id: int
    name: str
    state: str
    stop_reason: str | None
    test_set: str
    set_version: int
    variants: int
    selfies: int
    repeats: int
    done: int
    failed: int
    running: int
    missing: int
    shared: int
    money: Money
    budget_usd: Decimal
    created_by: str
    started_by: str | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    left: timedelta | None

    @property
    def total(self) -> int:
        return self.done + self.failed + self.running + self.missing

    @property
    def settled(self) -> int:
        return self.done + self.failed

    @property
    def active(self) -> bool:
        """Whether anything about it still changes by itself."""
        return self.state in ("running", "stopping") or self.running > 0


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
    """One row of an experiment: whose selfie it is, and where it lies."""

    customer_id: int
    object_key: str
    thumbnail_key: str


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


def experiments(session: Session, settings: Settings, *, limit: int = MOST_LISTED) -> list[Progress]:
    """The latest experiments, the newest first."""
    newest = select(Experiment.id).order_by(Experiment.id.desc()).limit(limit)
    return _progress(session, settings, session.scalars(newest).all())


def progress(session: Session, settings: Settings, experiment_id: int) -> Progress:
    """How far one is. Raises NotFound."""
    found = _progress(session, settings, [experiment_id]) if 0 < experiment_id <= LARGEST_ID else []
    if not found:
        raise NotFound(f"There is no experiment {experiment_id}.")
    return found[0]


def grid(session: Session, experiment_id: int) -> Grid:
    """The whole grid. Raises NotFound."""
    experiment = session.get(Experiment, experiment_id) if 0 < experiment_id <= LARGEST_ID else None
    if experiment is None:
        raise NotFound(f"There is no experiment {experiment_id}.")
    return Grid(_variants(session, experiment), _selfies(session, experiment), _cells(session, experiment))


def _progress(session: Session, settings: Settings, ids: Sequence[int]) -> list[Progress]:
    starter = aliased(Staff)
    rows = session.execute(
        select(Experiment, TestSet.name, TestSetVersion.number, Staff.name, starter.name)
        .join(TestSetVersion, TestSetVersion.id == Experiment.test_set_version_id)
        .join(TestSet, TestSet.id == TestSetVersion.test_set_id)
        .join(Staff, Staff.id == Experiment.created_by)
        .outerjoin(starter, starter.id == Experiment.started_by)
        .where(Experiment.id.in_(ids))
        .order_by(Experiment.id.desc())
        .execution_options(populate_existing=True)
    ).all()
    counts, open_models, shared = _counts(session, ids)
    variants = _variant_counts(session, ids)
    money = money_of(session, ids)
    return [
        Progress(
            id=each.id,
            name=each.name,
            state=each.state,
            stop_reason=each.stop_reason,
            test_set=test_set,
            set_version=number,
            variants=variants.get(each.id, 0),
            selfies=len(each.selfie_ids),
            repeats=each.repeats,
            done=counts[each.id]["done"],
            failed=counts[each.id]["failed"],
            running=counts[each.id]["running"],
            missing=counts[each.id]["missing"],
            shared=shared[each.id],
            money=money[each.id],
            budget_usd=each.budget_usd,
            created_by=creator,
            started_by=started_by,
            created_at=each.created_at,
            started_at=each.started_at,
            ended_at=each.ended_at,
            left=expected_time(session, settings, open_models[each.id]) if each.state == "running" else None,
        )
        for each, test_set, number, creator, started_by in rows
    ]


def _counts(
    session: Session, ids: Sequence[int]
) -> tuple[dict[int, Counter[str]], dict[int, Counter[str]], Counter[int]]:
    """Cells by where they stand, models of those that are to come, and images that somebody else paid."""
    mine = ExperimentPurchase.experiment_id == ExperimentCell.experiment_id
    foreign = func.count().filter(Generation.id.is_not(None), ExperimentPurchase.generation_id.is_(None))
    rows = session.execute(
        select(
            ExperimentCell.experiment_id,
            ExperimentVariant.model,
            Generation.state,
            ExperimentCell.problem.is_not(None),
            func.count(),
            foreign,
        )
        .join(ExperimentVariant, ExperimentVariant.id == ExperimentCell.variant_id)
        .outerjoin(Generation, Generation.id == ExperimentCell.generation_id)
        .outerjoin(ExperimentPurchase, (ExperimentPurchase.generation_id == Generation.id) & mine)
        .where(ExperimentCell.experiment_id.in_(ids))
        .group_by(
            ExperimentCell.experiment_id,
            ExperimentVariant.model,
            Generation.state,
            ExperimentCell.problem.is_not(None),
        )
    )
    counts = {each: Counter[str]() for each in ids}
    models = {each: Counter[str]() for each in ids}
    shared = Counter[int]()
    for experiment_id, model, state, problem, number, others in rows:
        kind = standing(state, problem=problem)
        counts[experiment_id][kind] += number
        shared[experiment_id] += others
        if kind in ("running", "missing"):
            models[experiment_id][model] += number
    return counts, models, shared


def standing(state: str | None, *, problem: bool) -> str:
    """Where a cell stands, by the state of its generation."""
    if state is None:
        return "failed" if problem else "missing"
    if state in OPEN:
        return "running"
    return "done" if state == State.SUCCEEDED else "failed"


def _variant_counts(session: Session, ids: Sequence[int]) -> dict[int, int]:
    rows = session.execute(
        select(ExperimentVariant.experiment_id, func.count())
        .where(ExperimentVariant.experiment_id.in_(ids))
        .group_by(ExperimentVariant.experiment_id)
    )
    return dict(rows.all())


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
        select(StoredSelfie, TestSetMember.tags)
        .join(TestSetMember, TestSetMember.selfie_id == StoredSelfie.id)
        .where(TestSetMember.version_id == experiment.test_set_version_id)
        .where(StoredSelfie.id.in_(experiment.selfie_ids))
        .order_by(TestSetMember.position)
    )
    return [
        SelfieView(
            id=row.id,
            name=f"Selfie {row.id}",
            customer_id=row.customer_id,
            object_key=row.object_key,
            thumbnail_key=row.thumbnail_key,
            tags=tuple(tags),
            picture=Shown(Picture.SELFIE, row.id),
        )
        for row, tags in rows
    ]


def _cells(session: Session, experiment: Experiment) -> list[CellView]:
    costs = (
        select(func.sum(RenderAttempt.cost_usd))
        .where(RenderAttempt.generation_id == Generation.id)
        .correlate(Generation)
        .scalar_subquery()
    )
    rows = session.execute(
        select(ExperimentCell, Generation, Avatar, RenderAttempt, ExperimentPurchase.experiment_id, costs)
        .outerjoin(Generation, Generation.id == ExperimentCell.generation_id)
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
    payer: int | None,
    cost: Decimal | None,
    *,
    checks: Mapping[int, Mapping[str, Any]],
) -> CellView:
    kind, title, sentence = _failure(cell, generation)
    return CellView(
        id=cell.id,
        variant_id=cell.variant_id,
        selfie_id=cell.selfie_id,
        repeat=cell.repeat,
        state=standing(None if generation is None else generation.state, problem=cell.problem is not None),
        stage=State(generation.state) if generation else None,
        generation_id=cell.generation_id,
        object_key=None if avatar is None else avatar.object_key,
        thumbnail_key=None if avatar is None else avatar.thumbnail_key,
        width=None if avatar is None else avatar.width,
        height=None if avatar is None else avatar.height,
        cost_usd=cost,
        seconds=_seconds(attempt),
        shared=payer is not None and payer != cell.experiment_id,
        failure_class=kind,
        failure_title=title,
        failure_sentence=sentence,
        checks=checks.get(generation.id) if generation else None,
        picture=None if avatar is None else Shown(Picture.AVATAR, avatar.generation_id),
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
    """The rows of image checks by generation; nothing where this desk does not check images."""
    if session.scalar(select(func.to_regclass("image_check"))) is None:
        return {}
    rows = session.execute(
        text(
            "SELECT c.generation_id, to_jsonb(k) FROM experiment_cell c"
            " JOIN image_check k ON k.generation_id = c.generation_id WHERE c.experiment_id = :id"
        ),
        {"id": experiment_id},
    )
    return dict(rows.all())
