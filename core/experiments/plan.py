"""What an experiment would buy, before anything is bought: images, dollars, minutes, against both caps."""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import Float, func, select
from sqlalchemy.orm import Session

from core.experiments.cells import selfie_hashes, usable
from core.experiments.money import Money, money_today, money_under_cap
from core.experiments.variants import Frozen, Variant, freeze, thawed
from core.foundation.errors import InvalidInput, NotFound
from core.settings import Settings
from core.tables.experiments import Experiment, ExperimentCell, ExperimentVariant, OwnedImage
from core.tables.generation import Generation, RenderAttempt, State
from core.tables.testsets import TestSetMember
from core.testsets.sets import MOST_SELFIES, refused_selfies

MOST_REPEATS = 10
LONGEST_NAME = 80
# The latest of this time say how long an image takes.
RECENT = timedelta(hours=24)
SAMPLES = 200


@dataclasses.dataclass(frozen=True)
class Wish:
    """An experiment that somebody has in mind. Without `selfie_ids` the whole version of the test set.

    `own_key`: images are drawn with an OpenAI key of our own, which changes what they are counted with.
    """

    name: str
    test_set_version_id: int
    variants: Sequence[Variant]
    budget_usd: Decimal
    repeats: int = 1
    selfie_ids: Sequence[int] | None = None
    own_key: bool = False


@dataclasses.dataclass(frozen=True)
class Forecast:
    """What a start would do. `takes` is None where nothing was drawn in the last 24 hours.

    `settled` cells need nothing, `owned` ones are taken from what was bought before, `new` ones are bought
    for `usd`; for `unpublished` of them that is the most they can cost. `budget_left` and `day_left` are what
    the caps still allow.
    """

    cells: int
    settled: int
    owned: int
    new: int
    unpublished: int
    usd: Decimal
    takes: timedelta | None
    budget_left: Decimal
    day_left: Decimal

    @property
    def over_budget(self) -> bool:
        return self.usd > self.budget_left

    @property
    def over_day(self) -> bool:
        return self.usd > self.day_left


@dataclasses.dataclass(frozen=True)
class Checked:
    """A wish that can be carried out."""

    name: str
    variants: Sequence[Frozen]
    selfie_ids: Sequence[int]


def check(session: Session, wish: Wish) -> Checked:
    """Raises InvalidInput with what is wrong, NotFound, and Conflict for an archived version."""
    name = " ".join(wish.name.split())
    if not 0 < len(name) <= LONGEST_NAME:
        raise InvalidInput(f"An experiment needs a name of at most {LONGEST_NAME} characters.")
    check_repeats(wish.repeats)
    check_budget(wish.budget_usd)
    return Checked(name, freeze(session, wish.variants, own_key=wish.own_key), _selfies(session, wish))


def check_repeats(repeats: int) -> None:
    if not 1 <= repeats <= MOST_REPEATS:
        raise InvalidInput(f"Each cell has 1 to {MOST_REPEATS} samples.")


def check_budget(budget_usd: Decimal) -> None:
    if not Decimal("0.01") <= budget_usd <= 10_000:
        raise InvalidInput("The cap must be between $0.01 and $10,000.")


def forecast_wish(session: Session, settings: Settings, wish: Wish) -> Forecast:
    """What it would be to start this now; nothing is written. Raises as `check`."""
    found = check(session, wish)
    hashes = selfie_hashes(session, found.selfie_ids)
    cells = [
        (variant.key(hashes[selfie_id], repeat), variant)
        for repeat in range(1, wish.repeats + 1)
        for selfie_id in found.selfie_ids
        for variant in found.variants
    ]
    return _forecast(session, settings, cells, settled=0, budget=wish.budget_usd, money=Money())


def forecast_start(
    session: Session,
    settings: Settings,
    experiment: Experiment,
    *,
    repeats: int | None = None,
    retry: bool = False,
    budget_usd: Decimal | None = None,
) -> Forecast:
    """What a start would buy: what is missing or was canceled; with `retry` also what failed, with more
    `repeats` those too.
    """
    rows = session.scalars(
        select(ExperimentVariant).where(ExperimentVariant.experiment_id == experiment.id)
    ).all()
    variants = {row.id: thawed(row) for row in rows}
    again = [State.CANCELED, *([State.FAILED] if retry else [])]
    cells: list[tuple[str, Frozen]] = []
    settled = 0
    for cell, state in session.execute(
        select(ExperimentCell, Generation.state)
        .outerjoin(Generation, Generation.id == ExperimentCell.generation_id)
        .where(ExperimentCell.experiment_id == experiment.id)
        .execution_options(populate_existing=True)
    ):
        if state in again or (cell.generation_id is None and (retry or not cell.problem)):
            cells.append((cell.key, variants[cell.variant_id]))
        else:
            settled += 1
    hashes = selfie_hashes(session, experiment.selfie_ids)
    cells += [
        (variant.key(hashes[selfie_id], repeat), variant)
        for repeat in range(experiment.repeats + 1, (repeats or 0) + 1)
        for selfie_id in experiment.selfie_ids
        for variant in variants.values()
    ]
    return _forecast(
        session,
        settings,
        cells,
        settled=settled,
        budget=budget_usd or experiment.budget_usd,
        money=money_under_cap(session, experiment.id),
    )


def expected_time(session: Session, settings: Settings, models: Mapping[str, int]) -> timedelta | None:
    """How long so many images of these models take, from recent ones and how many are drawn at once."""
    if not sum(models.values()):
        return timedelta(0)
    usual = _usual_seconds(session)
    if not usual:
        return None
    other = max(usual.values())
    each = {model: usual.get(model, other) for model in models}
    in_turn = sum(number * each[model] for model, number in models.items()) / settings.experiment_in_flight
    slowest = max(each[model] for model, number in models.items() if number)
    return timedelta(seconds=max(in_turn, slowest))


def _forecast(
    session: Session,
    settings: Settings,
    cells: Sequence[tuple[str, Frozen]],
    *,
    settled: int,
    budget: Decimal,
    money: Money,
) -> Forecast:
    owned = _owned(session, {key for key, _ in cells})
    new = {key: variant for key, variant in cells if key not in owned}
    return Forecast(
        cells=len(cells) + settled,
        settled=settled,
        owned=len(cells) - len(new),
        new=len(new),
        unpublished=sum(not variant.price.published for variant in new.values()),
        usd=sum((variant.price.usd for variant in new.values()), Decimal(0)),
        takes=expected_time(session, settings, Counter(variant.model for variant in new.values())),
        budget_left=max(budget - money.committed, Decimal(0)),
        day_left=max(settings.experiment_day_cap_usd - money_today(session).committed, Decimal(0)),
    )


def _owned(session: Session, keys: set[str]) -> set[str]:
    query = (
        select(OwnedImage.key)
        .join(Generation, Generation.id == OwnedImage.generation_id)
        .where(OwnedImage.key.in_(keys), usable())
    )
    return set(session.scalars(query))


def _selfies(session: Session, wish: Wish) -> list[int]:
    held = session.scalars(
        select(TestSetMember.selfie_id)
        .where(TestSetMember.version_id == wish.test_set_version_id)
        .order_by(TestSetMember.position)
    ).all()
    if not held:
        raise NotFound("There is no such version of a test set. Choose another one.")
    wanted = set(held if wish.selfie_ids is None else wish.selfie_ids)
    if strangers := sorted(wanted - set(held)):
        raise InvalidInput(f"Selfie {strangers[0]} is not in this version of the test set.")
    refused = refused_selfies(session, sorted(wanted))
    if wish.selfie_ids is not None and refused:
        raise InvalidInput(next(iter(refused.values())))
    chosen = [each for each in held if each in wanted and each not in refused]
    if not 0 < len(chosen) <= MOST_SELFIES:
        raise InvalidInput(f"An experiment needs 1 to {MOST_SELFIES} selfies whose people agreed to tests.")
    return chosen


def _usual_seconds(session: Session) -> dict[str, float]:
    now = func.clock_timestamp()
    latest = (
        select(Generation.id, Generation.model)
        .where(Generation.finished_at >= now - RECENT, Generation.state == State.SUCCEEDED)
        .order_by(Generation.finished_at.desc())
        .limit(SAMPLES)
        .subquery()
    )
    took = func.extract("epoch", RenderAttempt.detected_at - RenderAttempt.submitted_at).cast(Float)
    rows = session.execute(
        select(latest.c.model, func.percentile_cont(0.5).within_group(took))
        .join_from(latest, RenderAttempt, RenderAttempt.generation_id == latest.c.id)
        .where(RenderAttempt.status == "succeeded", RenderAttempt.detected_at.is_not(None))
        .group_by(latest.c.model)
    )
    return dict(rows.all())
