"""A rate in words, with its interval."""

from core.foundation.statistics.rates import Rate
from core.foundation.wording import UNKNOWN


def share(rate: Rate) -> str:
    """`2 of 40 (1 to 17 %)`; counts first, so that few cases look like few."""
    if not rate.cases:
        return UNKNOWN
    low, high = 100 * rate.interval.low, 100 * rate.interval.high
    return f"{rate.hits:,} of {rate.cases:,} ({low:.0f} to {high:.0f} %)"
