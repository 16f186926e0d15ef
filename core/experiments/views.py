"""What pages show of experiments beside their grid: the list, and how far one is with its money."""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from core.experiments.grids import standing
from core.experiments.money import Money, money_of
from core.experiments.plan import expected_time
from core.foundation.database import LARGEST_ID
from core.foundation.errors import NotFound
from core.settings import Settings
from core.tables.access import Staff
from core.tables.experiments import Experiment, ExperimentCell, ExperimentPurchase, ExperimentVariant
from core.tables.generation import Generation
from core.tables.testsets import TestSet, TestSetVersion

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


def _variant_counts(session: Session, ids: Sequence[int]) -> dict[int, int]:
    rows = session.execute(
        select(ExperimentVariant.experiment_id, func.count())
        .where(ExperimentVariant.experiment_id.in_(ids))
        .group_by(ExperimentVariant.experiment_id)
    )
    return dict(rows.all())
