"""The times of the stages: percentiles as exact as promised, by every dimension, from tallies."""

import random
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from core.foundation.database import Database
from core.monitoring.latencies import STAGES, stage_times, stage_times_by
from core.rollups.absorb import absorb, absorb_batch
from core.rollups.dimensions import LATENCY_DIMENSIONS
from core.tables.failures import LatencyTally
from core.tables.generation import Avatar, Generation
from tests.support.factories import make_customer, make_generation, make_selfie
from tests.support.failures import make_attempt

pytestmark = pytest.mark.slow

START = datetime(2026, 6, 1, tzinfo=UTC)
UNTIL = START + timedelta(days=2)
Seconds = tuple[float, float, float, float]
Spans = dict[str, list[float]]


def timed(
    session: Session, ended: datetime, seconds: tuple[float, float, float, float], **columns: str
) -> None:
    """A generation that waited, was drawn, was found and was stored in so many seconds."""
    queue, render, late, store = seconds
    completed = ended - timedelta(seconds=late + store)
    selfie = make_selfie(session, customer=make_customer(session))
    generation: Generation = make_generation(
        session,
        state="succeeded",
        selfie=selfie,
        finished_at=ended,
        created_at=completed - timedelta(seconds=render + queue),
        parameters={"quality": columns.get("quality", "low")},
        model=columns.get("model", "openai/gpt-image-1"),
        template=columns.get("prompt", "A comic hero"),
    )
    attempt = make_attempt(
        session,
        generation,
        worker=columns.get("worker", "w"),
        submitted_at=completed - timedelta(seconds=render),
        completed_at=completed,
        detected_at=completed + timedelta(seconds=late),
        predict_seconds=render,
    )
    session.add(
        Avatar(
            generation_id=generation.id,
            attempt_id=attempt.id,
            object_key="k",
            thumbnail_key="t",
            content_type="image/png",
            sha256="0",
            width=1,
            height=1,
            size_bytes=1,
            stored_at=ended,
        )
    )
    session.flush()


def drawn(chance: random.Random, slow: float = 0.0) -> tuple[float, float, float, float]:
    queue, render, late, store = (
        chance.lognormvariate(mu, 0.7) for mu in (slow, 3 + slow, slow - 1, slow - 1.5)
    )
    return queue, render, late, store


def exact(seconds: list[float]) -> list[float]:
    return list(np.quantile(seconds, (0.5, 0.95, 0.99), method="inverted_cdf"))


def test_percentiles_are_right_to_two_and_a_half_per_cent(session: Session) -> None:
    chance = random.Random(5)  # noqa: S311 - no secret
    spans: Spans = {stage: [] for stage in STAGES}
    for n in range(400):
        seconds = drawn(chance)
        timed(session, START + timedelta(minutes=3 * n), seconds)
        for stage, spent in zip(STAGES, seconds, strict=True):
            spans[stage].append(spent)
    # In several batches, so that histograms are added to those that are there.
    for _ in range(5):
        absorb_batch(session, limit=90)
    times = stage_times(session, START, UNTIL)
    assert [each.stage for each in times] == list(STAGES)
    for each in times:
        assert each.count == 400
        assert each.percentiles == pytest.approx(exact(spans[each.stage]), rel=0.025)


@pytest.mark.parametrize("dimension", LATENCY_DIMENSIONS)
def test_percentiles_by_every_dimension_are_those_of_its_values(session: Session, dimension: str) -> None:
    chance = random.Random(8)  # noqa: S311 - no secret
    spans: dict[str, Spans] = {name: {stage: [] for stage in STAGES} for name in ("quick", "slow", "rare")}
    for n in range(150):
        name = "rare" if n < 9 else "slow" if n % 3 else "quick"
        seconds = drawn(chance, 1.0 if name == "slow" else 0.0)
        timed(session, START + timedelta(minutes=15 * n), seconds, **{dimension: name})
        for stage, spent in zip(STAGES, seconds, strict=True):
            spans[name][stage].append(spent)
    absorb_batch(session)
    found = stage_times_by(session, dimension, START, UNTIL)
    assert list(found) == list(STAGES)
    for stage, rows in found.items():
        assert [row.title.split(" ")[-1] for row in rows] == ["slow", "quick", "rare"]
        assert [row.enough for row in rows] == [True, True, False]
        for row in rows:
            seconds_of = spans[row.title.split(" ")[-1]][stage]
            assert row.count == len(seconds_of)
            assert row.percentiles == pytest.approx(exact(seconds_of), rel=0.025)


def test_a_dimension_that_is_not_counted_is_refused(session: Session) -> None:
    with pytest.raises(ValueError, match="not counted by faces"):
        stage_times_by(session, "faces", START, UNTIL)


def test_without_generations_there_are_no_percentiles_and_no_error(session: Session) -> None:
    assert [(each.count, each.percentiles) for each in stage_times(session, START, UNTIL)] == [(0, ())] * 4
    assert stage_times_by(session, "model", START, UNTIL) == {stage: [] for stage in STAGES}


def test_the_day_rows_are_the_sum_of_their_quarters(database: Database) -> None:
    chance = random.Random(1)  # noqa: S311 - no secret
    with database.transaction() as session:
        for n in range(60):
            timed(
                session,
                START + timedelta(minutes=40 * n),
                drawn(chance),
                quality=chance.choice(["low", "high"]),
            )
    absorb(database)
    statement = text("""
        SELECT date_trunc('day', start, 'UTC'), dimension, t.value, stage, b.key, sum(b.value::int)
        FROM latency_tally t, jsonb_each_text(histogram) AS b WHERE grain = :grain GROUP BY 1, 2, 3, 4, 5
    """)
    with database.transaction() as session:
        quarters, days = (
            set(session.execute(statement, {"grain": grain}).all()) for grain in ("quarter", "day")
        )
        dimensions = set(session.scalars(select(LatencyTally.dimension)))
    assert quarters == days
    assert dimensions == {"all", *LATENCY_DIMENSIONS}
