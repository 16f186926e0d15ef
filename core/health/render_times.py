"""How long the provider usually draws, by model: what takes longer than nearly all others is overdue."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import DateTime, Float, column, func, select, true
from sqlalchemy.orm import Session

from core.tables.generation import Generation, RenderAttempt, State

QUANTILE = 0.995
LEAST_SAMPLES = 20
DAYS = 3
SAMPLES_AN_HOUR = 30


def overdue_after(
    session: Session, models: Iterable[str], *, now: datetime, at_most: float
) -> dict[str, timedelta]:
    """For each model the p99.5 of its rendering times of the last days, `at_most` so many seconds.

    A model with fewer than 20 samples gets `at_most`. Each hour gives up to 30 samples, so that a busy hour
    does not speak for all and a million generations are not read.
    """
    wanted = sorted(models)
    if not wanted:
        return {}
    found = dict(_quantiles(session, now))
    return {model: timedelta(seconds=min(found.get(model, at_most), at_most)) for model in wanted}


def _quantiles(session: Session, now: datetime) -> list[tuple[str, float]]:
    hour = timedelta(hours=1)
    hours = (
        func.generate_series(now - timedelta(days=DAYS), now - hour, hour)
        .table_valued(column("start", DateTime(timezone=True)), name="hours")
        .render_derived()
    )
    sample = (
        select(Generation.id, Generation.model)
        .where(Generation.finished_at >= hours.c.start, Generation.finished_at < hours.c.start + hour)
        .where(Generation.state == State.SUCCEEDED)
        .order_by(Generation.finished_at)
        .limit(SAMPLES_AN_HOUR)
        .lateral("sample")
    )
    # By our own clock at both ends, as the time that a generation spends in this state.
    took = func.extract("epoch", RenderAttempt.detected_at - RenderAttempt.accepted_at).cast(Float)
    rows = session.execute(
        select(sample.c.model, func.percentile_cont(QUANTILE).within_group(took))
        .select_from(hours.join(sample, true()))
        .join(RenderAttempt, RenderAttempt.generation_id == sample.c.id)
        .where(RenderAttempt.status == "succeeded", RenderAttempt.detected_at.is_not(None))
        .group_by(sample.c.model)
        .having(func.count() >= LEAST_SAMPLES)
    )
    return [(model, seconds) for model, seconds in rows]
