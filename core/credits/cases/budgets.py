"""Limits on automatic refunds, held by rows: who asks for more than is left, gets a person's look instead."""

import dataclasses

from sqlalchemy import text
from sqlalchemy.orm import Session

from core.credits.cases.policy import CAPS, Policy

PROVIDER = "replicate"

# The usual hour: the median of the hours with refunds in the two weeks before.
USUAL_HOUR = text("""
SELECT coalesce(percentile_cont(0.5) WITHIN GROUP (ORDER BY refunds), 0)
FROM refund_budget
WHERE scope = 'global:hour' AND refunds > 0 AND window_start < date_trunc('hour', now(), 'UTC')
    AND window_start >= date_trunc('hour', now(), 'UTC') - interval '14 days'
""")

# A limit that was lowered since holds from now on, and never makes what was paid a breach.
SPEND = text("""
INSERT INTO refund_budget AS b (scope, window_start, used, refunds, credit_cap, refund_cap)
    SELECT :scope, date_trunc(:window, now(), 'UTC'), :amount, 1, :credits, :refunds
    WHERE :amount <= :credits AND 1 <= :refunds
ON CONFLICT (scope, window_start) DO UPDATE SET
    used = b.used + EXCLUDED.used, refunds = b.refunds + 1,
    credit_cap = greatest(EXCLUDED.credit_cap, b.used + EXCLUDED.used),
    refund_cap = greatest(EXCLUDED.refund_cap, b.refunds + 1)
    WHERE b.used + EXCLUDED.used <= EXCLUDED.credit_cap AND b.refunds + 1 <= EXCLUDED.refund_cap
RETURNING 1
""")
TRIP = text("""
INSERT INTO refund_budget AS b (scope, window_start, credit_cap, refund_cap, tripped_at)
    VALUES (:scope, date_trunc(:window, now(), 'UTC'), :credits, :refunds, clock_timestamp())
ON CONFLICT (scope, window_start) DO UPDATE SET tripped_at = coalesce(b.tripped_at, EXCLUDED.tripped_at)
""")


@dataclasses.dataclass(frozen=True)
class Limit:
    """One budget row of this moment: its scope, its window (a unit of date_trunc) and its caps."""

    scope: str
    window: str
    title: str
    credits: int
    refunds: int

    def values(self, amount: int) -> dict[str, object]:
        return {
            "scope": self.scope,
            "window": self.window,
            "credits": self.credits,
            "refunds": self.refunds,
            "amount": amount,
        }


def limits(session: Session, policy: Policy, customer_id: int) -> list[Limit]:
    """The limits that a refund to a customer must keep, in the order in which their rows are locked."""
    breaker = max(policy.breaker_floor, int(policy.breaker_factor * float(session.scalar(USUAL_HOUR) or 0)))
    whole, provider = policy.global_hour, policy.provider_hour
    day, month = policy.customer_day, policy.customer_month
    return [
        Limit(f"customer:{customer_id}:day", "day", CAPS["customer_day"], day.credits, day.refunds),
        Limit(f"customer:{customer_id}:month", "month", CAPS["customer_month"], month.credits, month.refunds),
        Limit("global:hour", "hour", CAPS["global_hour"], whole.credits, min(whole.refunds, breaker)),
        Limit(f"provider:{PROVIDER}:hour", "hour", CAPS["provider_hour"], provider.credits, provider.refunds),
    ]


def spend(session: Session, policy: Policy, *, customer_id: int, amount: int) -> Limit | None:
    """Take one automatic refund out of every limit that it falls under, or out of none.

    Returns the limit that refused it, which then bears the moment; None when all of them held.
    """
    refused = None
    chosen = limits(session, policy, customer_id)
    # All or none: what the earlier limits gave is taken back when a later one refuses.
    nested = session.begin_nested()
    for limit in chosen:
        if session.execute(SPEND, limit.values(amount)).first() is None:
            refused = limit
            break
    if refused is None:
        nested.commit()
        return None
    nested.rollback()
    session.execute(TRIP, refused.values(amount))
    return refused
