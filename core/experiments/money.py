"""What experiments have spent and what is in flight, in dollars: by experiment, and of a day over all.

The stages of a plan share one cap, so what they have spent counts together.

Spent is every image that was drawn, wanted or not. In flight is what may still be: asked for and not drawn
yet, or given up here while the provider has not confirmed to have stopped.
"""

import dataclasses
from collections.abc import Sequence
from decimal import Decimal

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from core.tables.experiment_stages import ExperimentStage

_SUMS = """
SELECT coalesce(sum(a.spent), 0) AS spent,
    coalesce(sum(p.price_usd * (a.given_up
        + (g.state IN ('queued','submitting','rendering'))::int)), 0) AS in_flight
"""
_FROM = """
FROM experiment_purchase p
JOIN generation g ON g.id = p.generation_id
CROSS JOIN LATERAL (
    SELECT coalesce(sum(coalesce(t.cost_usd, p.price_usd))
            FILTER (WHERE t.cost_usd IS NOT NULL OR t.remote_status = 'succeeded'), 0) AS spent,
        count(*) FILTER (WHERE t.status IN ('failed','canceled','lost')
            AND t.remote_status IN ('starting','processing')) AS given_up
    FROM render_attempt t WHERE t.generation_id = p.generation_id
) a
"""
_TODAY = text(f"{_SUMS} {_FROM} WHERE p.bought_at >= date_trunc('day', clock_timestamp(), 'UTC')")
_EACH = text(
    _SUMS.replace("SELECT", "SELECT p.experiment_id,", 1)
    + f"{_FROM} WHERE p.experiment_id = ANY(:ids) GROUP BY p.experiment_id"
)
_BOUGHT = text(
    _SUMS.replace("SELECT", "SELECT p.generation_id,", 1)
    + f"{_FROM} WHERE p.experiment_id = :id GROUP BY p.generation_id"
)


@dataclasses.dataclass(frozen=True)
class Money:
    """Dollars."""

    spent: Decimal = Decimal(0)
    in_flight: Decimal = Decimal(0)

    @property
    def committed(self) -> Decimal:
        return self.spent + self.in_flight

    def __add__(self, other: "Money") -> "Money":
        return Money(self.spent + other.spent, self.in_flight + other.in_flight)


def money_of(session: Session, experiment_ids: Sequence[int]) -> dict[int, Money]:
    """What each of these experiments has bought itself; images that it shares cost it nothing."""
    rows = session.execute(_EACH, {"ids": list(experiment_ids)})
    found = {row.experiment_id: Money(row.spent, row.in_flight) for row in rows}
    return {each: found.get(each, Money()) for each in experiment_ids}


def under_one_cap(session: Session, experiment_id: int) -> list[int]:
    """The experiments that share this one's cap: the stages of its plan in their order, or itself alone."""
    plan = select(ExperimentStage.plan_id).where(ExperimentStage.experiment_id == experiment_id)
    stages = (
        select(ExperimentStage.experiment_id)
        .where(ExperimentStage.plan_id == plan.scalar_subquery())
        .order_by(ExperimentStage.number)
    )
    return list(session.scalars(stages)) or [experiment_id]


def money_under_cap(session: Session, experiment_id: int) -> Money:
    """What counts against the cap of this experiment."""
    return sum(money_of(session, under_one_cap(session, experiment_id)).values(), Money())


def money_today(session: Session) -> Money:
    """What all experiments together have bought since midnight, UTC."""
    row = session.execute(_TODAY).one()
    return Money(row.spent, row.in_flight)


def money_by_purchase(session: Session, experiment_id: int) -> dict[int, Money]:
    """What each purchase of an experiment has cost, by its generation; together they are its money."""
    rows = session.execute(_BOUGHT, {"id": experiment_id})
    return {row.generation_id: Money(row.spent, row.in_flight) for row in rows}
