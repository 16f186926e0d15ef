"""How long the stages of generations took, all together or by one dimension: read from tallies alone."""

import dataclasses
import math
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import BigInteger, cast, func, select, true
from sqlalchemy.orm import Session

from core.foundation.statistics.rates import FEWEST
from core.monitoring.rollups import MOST_VALUES, between, value_titles
from core.rollups.absorb import BUCKET_RATIO
from core.rollups.dimensions import LATENCY_DIMENSIONS
from core.tables.failures import LatencyTally

STAGES = {
    "queue": "Queue wait",
    "render": "Render",
    "detection": "Detection delay",
    "store": "Store",
}
PERCENTILES = (0.5, 0.95, 0.99)
Histogram = list[tuple[int, int]]


@dataclasses.dataclass(frozen=True)
class StageTimes:
    """How long a stage took, in seconds, right to 2.5 %; `count` is how many generations passed it.

    `title` is the stage's, or with a dimension the value's. Without generations there are no percentiles.
    """

    stage: str
    title: str
    count: int
    percentiles: tuple[float, ...]

    @property
    def enough(self) -> bool:
        """Whether there are enough generations to speak of percentiles."""
        return self.count >= FEWEST


def stage_times(session: Session, since: datetime, until: datetime) -> list[StageTimes]:
    """The percentiles of every stage. `since` and `until` are whole quarters of an hour."""
    found = _histograms(session, "all", since, until)
    return [_times(stage, title, found.get((stage, ""), [])) for stage, title in STAGES.items()]


def stage_times_by(
    session: Session, dimension: str, since: datetime, until: datetime
) -> dict[str, list[StageTimes]]:
    """For every stage the percentiles of each value of one of LATENCY_DIMENSIONS, the commonest first."""
    if dimension not in LATENCY_DIMENSIONS:
        raise ValueError(f"times are not counted by {dimension}")
    found = _histograms(session, dimension, since, until)
    passed: dict[str, int] = {}
    for (_, value), histogram in found.items():
        passed[value] = max(passed.get(value, 0), sum(n for _, n in histogram))
    values = sorted(passed, key=lambda value: (-passed[value], value))[:MOST_VALUES]
    titles = value_titles(session, dimension, values)
    return {
        stage: [_times(stage, titles[value], found.get((stage, value), [])) for value in values]
        for stage in STAGES
    }


def _histograms(
    session: Session, dimension: str, since: datetime, until: datetime
) -> dict[tuple[str, str], Histogram]:
    each = func.jsonb_each_text(LatencyTally.histogram).table_valued("key", "value").lateral("each")
    bucket = cast(each.c.key, BigInteger)
    rows = session.execute(
        select(LatencyTally.stage, LatencyTally.value, bucket, func.sum(cast(each.c.value, BigInteger)))
        .select_from(LatencyTally)
        .join(each, true())
        .where(LatencyTally.dimension == dimension, between(LatencyTally, since, until))
        .group_by(LatencyTally.stage, LatencyTally.value, bucket)
        .order_by(bucket)
    )
    found: dict[tuple[str, str], Histogram] = {}
    for stage, value, number, count in rows:
        found.setdefault((stage, value), []).append((number, int(count)))
    return found


def _times(stage: str, title: str, histogram: Sequence[tuple[int, int]]) -> StageTimes:
    count = sum(n for _, n in histogram)
    if not count:
        return StageTimes(stage, title, 0, ())
    return StageTimes(stage, title, count, tuple(_percentile(histogram, count, p) for p in PERCENTILES))


def _percentile(histogram: Sequence[tuple[int, int]], count: int, share: float) -> float:
    """The middle of the bucket (by ratio) in which the generation of that rank lies."""
    rank, seen = max(1, math.ceil(share * count)), 0
    for bucket, n in histogram:
        seen += n
        if seen >= rank:
            return float(BUCKET_RATIO ** (bucket + 0.5))
    raise AssertionError("a rank lies beyond all that was counted")
