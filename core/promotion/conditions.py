"""The gate's conditions: each with its figure and its limit, each enough to hold a promotion back."""

import dataclasses
import enum
from collections.abc import Mapping, Sequence
from typing import Any

from core.foundation.wording import count, dollars
from core.promotion.evidence import Evidence
from core.promotion.limits import Limits


class Name(enum.StrEnum):
    """What is asked of a version, in the order in which it is shown."""

    COMPARED = "compared"
    SELFIES = "selfies"
    VOTES = "votes"
    NOT_LOST = "not_lost"
    REFUSED = "refused"
    CROPPED = "cropped"
    COST = "cost"


@dataclasses.dataclass(frozen=True)
class Condition:
    """One condition as it was judged: what was found (`figure`) and what is asked for (`limit`), in words."""

    name: Name
    title: str
    met: bool
    figure: str
    limit: str

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Condition":
        return cls(**{**told, "name": Name(told["name"])})

    def __str__(self) -> str:
        return f"{self.title}: {self.figure}; asked for: {self.limit}"


def judge(evidence: Evidence, limits: Limits) -> tuple[Condition, ...]:
    """Every condition, met or not."""
    return (
        _compared(evidence),
        _selfies(evidence, limits),
        _votes(evidence, limits),
        _not_lost(evidence),
        _refused(evidence, limits),
        _cropped(evidence, limits),
        _cost(evidence, limits),
    )


def blocking(conditions: Sequence[Condition]) -> list[Condition]:
    """Those that are not met."""
    return [each for each in conditions if not each.met]


def _compared(evidence: Evidence) -> Condition:
    if evidence.experiment_id is None:
        figure = "no experiment has drawn this version with its own parameters"
    elif evidence.compared:
        figure = "it took part"
    else:
        figure = "it did not take part in the experiment, so nothing can be compared"
    limit = "the version in production in the same experiment"
    return Condition(Name.COMPARED, "Compared with production", evidence.compared, figure, limit)


def _selfies(evidence: Evidence, limits: Limits) -> Condition:
    found = evidence.drawn.selfies
    return Condition(
        Name.SELFIES,
        "Enough selfies",
        found >= limits.selfies,
        f"drawn for {count(found, 'selfie')}",
        f"{limits.selfies:,} or more",
    )


def _votes(evidence: Evidence, limits: Limits) -> Condition:
    against = " against production" if evidence.compared else ""
    return Condition(
        Name.VOTES,
        "Enough decided votes",
        evidence.votes >= limits.votes,
        f"{count(evidence.votes, 'decided vote')}{against}",
        f"{limits.votes:,} or more",
    )


def _not_lost(evidence: Evidence) -> Condition:
    figure = f"it lost to {evidence.lost_to}" if evidence.lost_to else "it lost to neither"
    if not evidence.votes and not evidence.lost_to:
        figure = "nobody has voted, so it lost to neither"
    return Condition(
        Name.NOT_LOST,
        "Not lost",
        evidence.lost_to is None,
        figure,
        "lost to neither production nor the leader, by the stop rule",
    )


def _refused(evidence: Evidence, limits: Limits) -> Condition:
    rate = evidence.drawn.refused
    high = 100 * rate.interval.high
    figure = "no image has ended yet"
    if rate.cases:
        figure = f"{rate.hits:,} of {rate.cases:,} refused, at most {high:.1f} % by Wilson's interval"
    return Condition(
        Name.REFUSED,
        "Refusal rate",
        high < limits.refused_percent,
        figure,
        f"95 % interval below {limits.refused_percent:g} %",
    )


def _cropped(evidence: Evidence, limits: Limits) -> Condition:
    rate = evidence.drawn.cropped
    enough = rate.cases >= max(1, limits.judged)
    figure = (
        f"{rate.hits:,} of {rate.cases:,} judged avatars cropped" if rate.cases else "none could be judged"
    )
    if rate.cases:
        figure += f" ({100 * rate.value:.1f} %)"
    if evidence.drawn.unjudged:
        figure += f"; of {evidence.drawn.unjudged:,} the checks cannot tell"
    if evidence.drawn.unchecked:
        figure += f"; {evidence.drawn.unchecked:,} not checked yet"
    return Condition(
        Name.CROPPED,
        "Cropped avatars",
        enough and 100 * rate.value <= limits.cropped_percent,
        figure,
        f"{limits.cropped_percent:g} % or less of at least {count(max(1, limits.judged), 'judged avatar')}",
    )


def _cost(evidence: Evidence, limits: Limits) -> Condition:
    ours, theirs = evidence.cost_usd, evidence.production_usd
    source = "measured" if evidence.measured else "by the price list"
    if ours is None or theirs is None or not theirs:
        met, figure = False, "what an avatar costs is not known"
    else:
        more = 100 * float(ours / theirs - 1)
        met = more <= limits.dearer_percent + 1e-9
        figure = f"{dollars(ours)} an avatar, production {dollars(theirs)} ({more:+.0f} %, {source})"
    return Condition(
        Name.COST,
        "Cost per avatar",
        met,
        figure,
        f"at most {limits.dearer_percent:g} % more than the version in production",
    )
