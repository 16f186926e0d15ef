"""Stages that somebody has in mind: which qualities, how many go on after each, and what it may cost."""

import dataclasses
from collections import Counter
from datetime import timedelta
from decimal import Decimal

from sqlalchemy.orm import Session

from core.catalog.prices import price_of
from core.experiments.plan import LONGEST_NAME, Checked, Forecast, Wish, check, expected_time, forecast_wish
from core.experiments.variants import Variant, freeze
from core.foundation.errors import InvalidInput
from core.settings import Settings
from core.votes.staging import FINALISTS, STAGES, default_keeps, next_stage

# Of two versions none can be dropped before the last stage, so stages would only cost more.
FEWEST_VERSIONS = 3


@dataclasses.dataclass(frozen=True)
class Staging:
    """Qualities in turn, the lowest first; `keeps` is how many versions at most go on after each.

    The last stage has one winner. Without `keeps` it is a third after the first stage, then two.
    """

    qualities: tuple[str, ...] = STAGES
    keeps: tuple[int, ...] | None = None

    def keeping(self, versions: int) -> tuple[int, ...]:
        return self.keeps or default_keeps(versions, len(self.qualities))


@dataclasses.dataclass(frozen=True)
class PlanForecast:
    """What a plan would do: its `first` stage for sure, the whole between `least` and `most`, in dollars.

    The least is where one version wins at once, the most where as many go on as may and nothing is owned.
    `grid_usd` is what all versions would cost in the last quality. Times leave the voting out.
    """

    first: Forecast
    least_usd: Decimal
    most_usd: Decimal
    least_time: timedelta | None
    most_time: timedelta | None
    grid_usd: Decimal


def check_staging(staging: Staging, versions: int) -> tuple[int, ...]:
    """How many go on after each stage. Raises InvalidInput with what is wrong."""
    places = [STAGES.index(each) for each in staging.qualities if each in STAGES]
    if len(places) != len(staging.qualities) or places != sorted(set(places)):
        raise InvalidInput(f"Stages go up in quality: {', '.join(STAGES)}, each once.")
    if len(places) < 2:
        raise InvalidInput("Stages need two qualities at least; with one, start it without stages.")
    if versions < FEWEST_VERSIONS:
        raise InvalidInput(f"Stages pay from {FEWEST_VERSIONS} versions on; start these without stages.")
    keeps = staging.keeping(versions)
    if len(keeps) != len(places) or keeps[-1] != 1:
        raise InvalidInput(
            "Each stage but the last needs a number of versions that go on; one wins the last."
        )
    if keeps[0] >= versions or list(keeps) != sorted(keeps, reverse=True) or keeps[-2] < FINALISTS:
        raise InvalidInput(
            f"Of {versions} versions {FINALISTS} to {versions - 1} go on after the first stage, "
            "and never more after a later one."
        )
    return keeps


def first_wish(session: Session, wish: Wish, staging: Staging) -> Wish:
    """The wish of the first stage: every version in the first quality, named without it."""
    columns = freeze(session, [_without_quality(each) for each in wish.variants], own_key=wish.own_key)
    return dataclasses.replace(
        wish,
        name=stage_name(wish.name, staging.qualities[0]),
        variants=[
            in_quality(each, staging.qualities[0], label=column.label)
            for each, column in zip(wish.variants, columns, strict=True)
        ],
    )


def stage_name(name: str, quality: str) -> str:
    """`Ink or paint? · low`; nothing where there is no name, so that it is asked for."""
    plain = " ".join(name.split())
    return f"{plain[: LONGEST_NAME - len(quality) - 3]} · {quality}" if plain else ""


def in_quality(variant: Variant, quality: str, *, label: str) -> Variant:
    return dataclasses.replace(variant, overrides={**variant.overrides, "quality": quality}, label=label)


def forecast_plan(session: Session, settings: Settings, wish: Wish, staging: Staging) -> PlanForecast:
    """What the plan would cost and take; nothing is written. Raises as `plan.check` and `check_staging`."""
    keeps = check_staging(staging, len(wish.variants))
    wished = first_wish(session, wish, staging)
    first = forecast_wish(session, settings, wished)
    found = check(session, wished)
    most_usd, most_time = first.usd, first.takes
    place, left = 0, len(found.variants)
    while place < len(keeps) - 1:
        left = min(left, keeps[place])
        place = next_stage(keeps, place, left)
        usd, takes = _dearest(session, settings, wish, found, staging.qualities[place], left)
        most_usd += usd
        most_time = None if most_time is None or takes is None else most_time + takes
    grid = _dearest(session, settings, wish, found, staging.qualities[-1], len(found.variants))
    return PlanForecast(first, first.usd, most_usd, first.takes, most_time, grid[0])


def _dearest(
    session: Session, settings: Settings, wish: Wish, found: Checked, quality: str, number: int
) -> tuple[Decimal, timedelta | None]:
    """Dollars and time of a stage with the dearest of these variants."""
    images = len(found.selfie_ids) * wish.repeats
    prices = [
        (price_of(each.model, {**each.parameters, "quality": quality}, own_key=wish.own_key).usd, each)
        for each in found.variants
    ]
    chosen = sorted(prices, key=lambda pair: -pair[0])[:number]
    models = Counter[str]()
    for _, each in chosen:
        models[each.model] += images
    return sum((usd for usd, _ in chosen), Decimal(0)) * images, expected_time(session, settings, models)


def _without_quality(variant: Variant) -> Variant:
    others = {name: value for name, value in variant.overrides.items() if name != "quality"}
    return dataclasses.replace(variant, overrides=others)
