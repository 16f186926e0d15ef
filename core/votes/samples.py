"""What a version's single images are worth: the share that would be shipped, and the worst of k."""

import dataclasses
from collections.abc import Hashable, Mapping, Sequence

from core.foundation.statistics.rates import Rate


@dataclasses.dataclass(frozen=True)
class Sample:
    """One image on one selfie, and what its raters said: would they ship it?"""

    selfie: Hashable
    answers: Sequence[bool]

    @property
    def shippable(self) -> bool:
        """Whether most raters would ship it; where they are divided, not."""
        return sum(self.answers) * 2 > len(self.answers)


@dataclasses.dataclass(frozen=True)
class Shipping:
    """The share of samples that would be shipped, and of selfies on which even the worst sample would be."""

    samples: Rate
    worst: Rate

    @property
    def order(self) -> tuple[float, float]:
        """What versions are sorted by, best last: the share first, the worst of k where that is equal."""
        return self.samples.value, self.worst.value


def shipping(samples: Sequence[Sample]) -> Shipping:
    """Counts of the rated samples; one without answers does not count."""
    rated = [each for each in samples if each.answers]
    by_selfie: dict[Hashable, bool] = {}
    for each in rated:
        by_selfie[each.selfie] = by_selfie.get(each.selfie, True) and each.shippable
    return Shipping(
        Rate(sum(each.shippable for each in rated), len(rated)),
        Rate(sum(by_selfie.values()), len(by_selfie)),
    )


def best_first(versions: Mapping[str, Shipping]) -> list[str]:
    """Names by shippable share, then by the worst; equal ones by name."""
    return sorted(versions, key=lambda name: (*(-part for part in versions[name].order), name))
