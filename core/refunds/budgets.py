"""Limits on automatic refunds, held by rows: who asks for more than is left, gets a person's look instead."""

import dataclasses
from datetime import datetime

from sqlalchemy import DateTime, bindparam, text
from sqlalchemy.orm import Session

from core.refunds.policy import CAPS, Policy

PROVIDER = "replicate"

MOMENT = bindparam("at", type_=DateTime(timezone=True))
# The usual hour: the median of the hours with refunds in the two weeks before.
USUAL_HOUR = text("""
SELECT coalesce(percentile_cont(0.5) WITHIN GROUP (ORDER BY refunds), 0)
FROM refund_budget
WHERE scope = :scope AND refunds > 0
    AND window_start < date_trunc('hour', coalesce(:at, now()), 'UTC')
    AND window_start >= date_trunc('hour', coalesce(:at, now()), 'UTC') - interval '14 days'
""").bindparams(MOMENT)

# A limit that was lowered since holds from now on, and never makes what was paid a breach.
SPEND = text("""
INSERT INTO refund_budget AS b (scope, window_start, used, refunds, credit_cap, refund_cap)
    SELECT :scope, date_trunc(:window, coalesce(:at, now()), 'UTC'), :amount, 1, :credits, :refunds
    WHERE :amount <= :credits AND 1 <= :refunds
ON CONFLICT (scope, window_start) DO UPDATE SET
    used = b.used + EXCLUDED.used, refunds = b.refunds + 1,
    credit_cap = greatest(EXCLUDED.credit_cap, b.used + EXCLUDED.used),
    refund_cap = greatest(EXCLUDED.refund_cap, b.refunds + 1)
    WHERE b.used + EXCLUDED.used <= EXCLUDED.credit_cap AND b.refunds + 1 <= EXCLUDED.refund_cap
RETURNING 1
""").bindparams(MOMENT)
TRIP = text("""
INSERT INTO refund_budget AS b (scope, window_start, credit_cap, refund_cap, tripped_at)
    VALUES (:scope, date_trunc(:window, coalesce(:at, now()), 'UTC'), :credits, :refunds, clock_timestamp())
ON CONFLICT (scope, window_start) DO UPDATE SET tripped_at = coalesce(b.tripped_at, EXCLUDED.tripped_at)
""").bindparams(MOMENT)


@dataclasses.dataclass(frozen=True)
class Limit:
    """One budget row of a moment: its scope, its window (a unit of date_trunc) and its caps."""

    scope: str
    window: str
    title: str
    credits: int
    refunds: int

    def values(self, amount: int, at: datetime | None = None) -> dict[str, object]:
        """The parameters of the statements that spend from this row."""
        return {
            "scope": self.scope,
            "window": self.window,
            "credits": self.credits,
            "refunds": self.refunds,
            "amount": amount,
            "at": at,
        }


def usual_hour(session: Session, *, scope: str = "global:hour", at: datetime | None = None) -> float:
    """The automatic refunds of a usual hour before a moment, 0 where there was none yet."""
    return float(session.scalar(USUAL_HOUR, {"scope": scope, "at": at}) or 0)


def limits(
    session: Session, policy: Policy, customer_id: int, *, at: datetime | None = None, book: str = ""
) -> list[Limit]:
    """The limits that a refund to a customer must keep, in the order in which their rows are locked.

    `at` is the moment of the refund, None for now. `book` begins the scopes of a trial's own rows.
    """
    everybody = f"{book}global:hour"
    usual = usual_hour(session, scope=everybody, at=at)
    breaker = max(policy.breaker_floor, int(policy.breaker_factor * usual))
    whole, provider = policy.global_hour, policy.provider_hour
    customer = f"{book}customer:{customer_id}"
    day, month = policy.customer_day, policy.customer_month
    return [
        Limit(f"{customer}:day", "day", CAPS["customer_day"], day.credits, day.refunds),
        Limit(f"{customer}:month", "month", CAPS["customer_month"], month.credits, month.refunds),
        Limit(everybody, "hour", CAPS["global_hour"], whole.credits, min(whole.refunds, breaker)),
        Limit(
            f"{book}provider:{PROVIDER}:hour",
            "hour",
            CAPS["provider_hour"],
            provider.credits,
            provider.refunds,
        ),
    ]


def spend(
    session: Session,
    policy: Policy,
    *,
    customer_id: int,
    amount: int,
    at: datetime | None = None,
    book: str = "",
) -> Limit | None:
    """Take one automatic refund out of every limit that it falls under, or out of none.

    Returns the limit that refused it, which then bears the moment; None when all of them held. `at` and
    `book` are for trials on the past, see `limits`.
    """
    refused = None
    chosen = limits(session, policy, customer_id, at=at, book=book)
    # All or none: what the earlier limits gave is taken back when a later one refuses.
    nested = session.begin_nested()
    for limit in chosen:
        if session.execute(SPEND, limit.values(amount, at)).first() is None:
            refused = limit
            break
    if refused is None:
        nested.commit()
        return None
    nested.rollback()
    session.execute(TRIP, refused.values(amount, at))
    return refused
