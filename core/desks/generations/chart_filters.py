"""The conditions behind a click on a chart: when it ended, one value of one dimension, an error group,
a batch of retries.

They say of a single generation what the tallies say of many (`core.rollups.absorb`).
"""

from datetime import datetime

from sqlalchemy import ColumnElement, Select, false, func, literal_column, select

from core.rollups.dimensions import SELFIE_VALUES
from core.tables.failures import ErrorEvent
from core.tables.generation import Generation, RenderAttempt, WorkerBeat
from core.tables.images import StoredSelfie
from core.tables.retries import RetryBatchItem


def of_the_chart(
    *,
    ended_since: datetime | None,
    ended_until: datetime | None,
    dimension: str | None,
    value: str,
    error_group: str | None,
    retry_batch: int | None,
) -> list[ColumnElement[bool]]:
    """What is asked for; None asks for nothing."""
    conditions: list[ColumnElement[bool]] = []
    if ended_since is not None:
        conditions.append(Generation.finished_at >= ended_since)
    if ended_until is not None:
        conditions.append(Generation.finished_at < ended_until)
    if dimension is not None:
        conditions.append(VALUES[dimension] == value if dimension in VALUES else false())
    if error_group is not None:
        occurred = select(ErrorEvent.generation_id).where(ErrorEvent.fingerprint == error_group)
        conditions.append(Generation.id.in_(occurred))
    if retry_batch is not None:
        made = select(RetryBatchItem.retry_id).where(RetryBatchItem.batch_id == retry_batch)
        conditions.append(Generation.id.in_(made))
    return conditions


def _worker() -> ColumnElement[str]:
    """The host of the last attempt's worker, or the worker's own name where it was never seen."""
    last = (
        select(func.coalesce(WorkerBeat.host, RenderAttempt.worker))
        .select_from(RenderAttempt)
        .outerjoin(WorkerBeat, WorkerBeat.id == RenderAttempt.worker)
        .where(RenderAttempt.generation_id == Generation.id)
        .order_by(RenderAttempt.number.desc())
        .limit(1)
        .correlate(Generation)
        .scalar_subquery()
    )
    return func.coalesce(last, "")


def _selfie(value: str) -> ColumnElement[str]:
    """What the selfie counts as, by the SQL of `core.rollups.dimensions`."""
    found: Select[str] = select(literal_column(value)).select_from(StoredSelfie)
    return found.where(StoredSelfie.id == Generation.selfie_id).correlate(Generation).scalar_subquery()


VALUES: dict[str, ColumnElement[str]] = {
    "model": Generation.model.expression,
    "purpose": Generation.purpose.expression,
    "quality": func.coalesce(Generation.parameters["quality"].astext, ""),
    "prompt": func.md5(Generation.template),
    "worker": _worker(),
    **{name: _selfie(value) for name, value in SELFIE_VALUES.items()},
}
