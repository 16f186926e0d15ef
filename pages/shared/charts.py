"""How charts are shown, and the words about their rates."""

from core.foundation.statistics.rates import Rate
from core.foundation.wording import UNKNOWN

CONFIG = {"displaylogo": False, "modeBarButtonsToRemove": ["lasso2d", "autoScale2d", "zoomIn2d", "zoomOut2d"]}


def share(rate: Rate) -> str:
    """The rate in per cent, where there are enough cases to speak of one."""
    if rate.enough:
        return f"{rate.value:.1%}"
    return UNKNOWN if not rate.cases else f"{rate.hits:,} of {rate.cases:,}"


def interval(rate: Rate) -> str:
    """Its interval in per cent."""
    if not rate.enough:
        return "Not enough data"
    return f"{rate.interval.low:.1%} to {rate.interval.high:.1%}"
