"""What is different about a spike: the values that failed more than all others of their dimension in it.

A value stands out where Newcombe's interval of its failure rate minus that of all other values, in the same
time, lies above zero, and Fisher's exact one-sided test agrees after Holm's correction over all values of all
dimensions.
The lines are ranked by the share of the spike's failures that would not be there had the value failed as
rarely as the others (Levin's attributable fraction), by the lower end of its interval, so that chance does
not outrank the cause; those whose lead is not certainly larger than in the baseline come last. Read from
tallies alone.
"""

import dataclasses
import enum
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from core.foundation.statistics.rates import (
    FEWEST,
    Difference,
    Rate,
    change_of,
    compare,
    differs,
    exact_excess,
    verdicts,
)
from core.foundation.wording import count
from core.monitoring.rollups import between, value_titles
from core.rollups.dimensions import DIMENSIONS
from core.tables.failures import GenerationTally
from core.tables.generation import State

# (dimension, value) -> failures among what ended by itself.
Counts = Mapping[tuple[str, str], Rate]
Window = tuple[datetime, datetime]


class Novelty(enum.StrEnum):
    """How a value's lead over the others compares with its lead in the baseline."""

    NEW = "new"  # certainly larger
    UNSEEN = "unseen"  # too few generations in the baseline to say
    USUAL = "usual"  # not certainly larger


NOVELTIES = {
    Novelty.NEW: "new",
    Novelty.UNSEEN: "too few before to compare",
    Novelty.USUAL: "not certainly more than before",
}


@dataclasses.dataclass(frozen=True)
class Standout:
    """A value that failed more than the others of its dimension, in the spike and in the baseline.

    `explained` is the share of the spike's failures that would not be there had it failed as the others did,
    `explained_at_least` the lower end of its interval; `share` and `share_before` are its share of all
    failures.
    """

    dimension: str
    value: str
    title: str
    rate: Rate
    others: Rate
    difference: Difference
    explained: float
    explained_at_least: float
    share: Rate
    share_before: Rate
    novelty: Novelty


@dataclasses.dataclass(frozen=True)
class Findings:
    """What stands out, the likeliest cause first. `rose` is the spike's whole rate minus the baseline's.

    `compared` is how many values had enough generations, on both sides, to be compared at all.
    """

    spike: Rate
    baseline: Rate
    rose: Difference | None
    compared: int
    standouts: Sequence[Standout]


def what_differs(session: Session, spike: Window, baseline: Window, classes: Sequence[str] = ()) -> Findings:
    """What differs in the spike. Windows are of whole quarters of an hour, from a start to an exclusive end.

    A baseline around the spike is taken without it; one that only overlaps it raises ValueError. With
    `classes` only their failures count as such.
    """
    now, before = counts_in(session, spike, classes), counts_in(session, baseline, classes)
    if baseline[0] <= spike[0] and spike[1] <= baseline[1]:
        before = {each: _without(rate, now.get(each, Rate(0, 0))) for each, rate in before.items()}
    elif baseline[0] < spike[1] and spike[0] < baseline[1]:
        raise ValueError("the baseline overlaps the spike")
    return _titled(session, findings(now, before))


def alike(found: Findings) -> str:
    """What may be said where nothing stands out."""
    if not found.spike.enough:
        return f"only {count(found.spike.cases, 'generation')} ended, which says too little"
    if not found.compared:
        said = f"no dimension has two values with {FEWEST} generations each"
    else:
        said = f"of {count(found.compared, 'value')} compared, none failed certainly more than the others"
    if differs(found.rose) and found.rose and found.rose.value > 0:
        rose = f"the rate rose from {found.baseline.value:.1%} to {found.spike.value:.1%}"
        few = f"{count(found.spike.hits, 'failure')} are too few to tell"
        said += f", while {rose}: either the cause is common to all, such as the provider, or {few}"
    return said


def novelty(each: Standout) -> str:
    """How a value's lead compares with its lead in the baseline, in words."""
    return NOVELTIES[each.novelty]


def counts_in(session: Session, window: Window, classes: Sequence[str] = ()) -> Counts:
    """The failure rate of every value of every dimension in that time."""
    failed = GenerationTally.outcome == State.FAILED
    hit = and_(failed, GenerationTally.failure_class.in_(classes)) if classes else failed
    rows = session.execute(
        select(
            GenerationTally.dimension,
            GenerationTally.value,
            func.coalesce(func.sum(GenerationTally.generations).filter(hit), 0),
            func.sum(GenerationTally.generations),
        )
        .where(GenerationTally.dimension.in_(list(DIMENSIONS)), between(GenerationTally, *window))
        .where(GenerationTally.outcome != State.CANCELED)
        .group_by(GenerationTally.dimension, GenerationTally.value)
    )
    return {(dimension, value): Rate(int(hits), int(cases)) for dimension, value, hits, cases in rows}


def findings(now: Counts, before: Counts) -> Findings:
    """What stands out in these counts; a value's title is the value itself."""
    wholes, wholes_before = _wholes(now), _wholes(before)
    names = sorted(now)
    pairs = [(now[name], _without(wholes[name[0]], now[name])) for name in names]
    # One-sided, because only what failed more is told of.
    found = verdicts(pairs, exact_excess)
    standouts = [
        _standout(name, pair, each, wholes[name[0]], before, wholes_before.get(name[0], Rate(0, 0)))
        for name, pair, each in zip(names, pairs, found, strict=True)
        if each is not None and differs(each) and each.value > 0
    ]
    standouts.sort(key=lambda each: (each.novelty is Novelty.USUAL, -each.explained_at_least))
    spike, baseline = _largest(wholes), _largest(wholes_before)
    compared = sum(each is not None for each in found)
    return Findings(spike, baseline, compare(spike, baseline), compared, standouts)


def _standout(
    name: tuple[str, str],
    pair: tuple[Rate, Rate],
    difference: Difference,
    whole: Rate,
    before: Counts,
    whole_before: Rate,
) -> Standout:
    rate, others = pair
    once = before.get(name, Rate(0, 0))
    return Standout(
        dimension=name[0],
        value=name[1],
        title=name[1],
        rate=rate,
        others=others,
        difference=difference,
        explained=difference.value * rate.cases / whole.hits,
        explained_at_least=difference.interval.low * rate.cases / whole.hits,
        share=Rate(rate.hits, whole.hits),
        share_before=Rate(once.hits, whole_before.hits),
        novelty=_novelty(difference, compare(once, _without(whole_before, once))),
    )


def _novelty(now: Difference, before: Difference | None) -> Novelty:
    if before is None:
        return Novelty.UNSEEN
    return Novelty.NEW if change_of(now, before).low > 0 else Novelty.USUAL


def _wholes(counts: Counts) -> dict[str, Rate]:
    """All values of each dimension together."""
    wholes: dict[str, Rate] = {}
    for (dimension, _), rate in counts.items():
        known = wholes.get(dimension, Rate(0, 0))
        wholes[dimension] = Rate(known.hits + rate.hits, known.cases + rate.cases)
    return wholes


def _largest(wholes: Mapping[str, Rate]) -> Rate:
    return max(wholes.values(), key=lambda rate: rate.cases, default=Rate(0, 0))


def _without(whole: Rate, part: Rate) -> Rate:
    return Rate(whole.hits - part.hits, whole.cases - part.cases)


def _titled(session: Session, found: Findings) -> Findings:
    titles = {
        (dimension, value): title
        for dimension in {each.dimension for each in found.standouts}
        for value, title in value_titles(
            session, dimension, [each.value for each in found.standouts if each.dimension == dimension]
        ).items()
    }
    named = [dataclasses.replace(each, title=titles[each.dimension, each.value]) for each in found.standouts]
    return dataclasses.replace(found, standouts=named)
