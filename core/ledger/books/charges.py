"""Rules of charges: what a generation cost is where its state wants it."""

# ruff: noqa: S608 - the rules are put together from constants of this file

from core.ledger.books.rules import Rule

# What each charge had captured and given back, by its transfers alone and less what was reversed; drawn up
# once for a check.
BY_CHARGE = """
SELECT t.generation_id,
       coalesce(sum(t.amount) FILTER (WHERE t.kind = 'charge'), 0) AS charged,
       coalesce(sum(t.amount) FILTER (WHERE t.kind = 'capture'), 0)
           - coalesce(sum(t.amount) FILTER (WHERE o.kind = 'capture'), 0) AS captured,
       coalesce(sum(t.amount) FILTER (WHERE t.kind = 'refund'), 0)
           - coalesce(sum(t.amount) FILTER (WHERE o.kind = 'refund'), 0) AS refunded,
       coalesce(sum(t.amount) FILTER (WHERE t.kind = 'goodwill'), 0)
           - coalesce(sum(t.amount) FILTER (WHERE o.kind = 'goodwill'), 0) AS goodwill,
       count(*) FILTER (WHERE t.kind = 'charge') AS times
FROM transfer t LEFT JOIN (
    SELECT o.id, o.kind FROM transfer r JOIN transfer o ON o.id = r.reverses_id
    WHERE r.reverses_id IS NOT NULL
) o ON o.id = t.reverses_id
WHERE t.generation_id IS NOT NULL AND [generations: t.generation_id] GROUP BY t.generation_id
"""

# A case that still holds back what a generation cost.
UNDECIDED = """
SELECT FROM compensation_case k WHERE k.generation_id = g.id AND k.kind <> 'goodwill' AND k.closed_at IS NULL
"""

IN_FLIGHT = """
SELECT t.generation_id, sum(e.amount) AS credits
FROM entry e JOIN account a ON a.id = e.account_id AND a.kind = 'in_flight'
LEFT JOIN transfer t ON t.id = e.transfer_id
WHERE [generations: t.generation_id] GROUP BY t.generation_id
"""

CHARGES = (
    Rule(
        "charge_counter",
        "A charge says what its transfers say: the amount, what was captured, what came back.",
        """
SELECT coalesce(c.generation_id, t.generation_id) AS subject,
       format('charge=%s/%s/%s/%s transfers=%s/%s/%s/%s', c.amount, c.captured, c.refunded, c.goodwill,
              t.charged, t.captured, t.refunded, t.goodwill) AS detail
FROM (SELECT * FROM charge c WHERE [generations: c.generation_id]) c
FULL JOIN by_charge t ON t.generation_id = c.generation_id
WHERE (c.amount, c.captured, c.refunded, c.goodwill)
      IS DISTINCT FROM (t.charged, t.captured, t.refunded, t.goodwill)
""",
    ),
    Rule(
        "settled_twice",
        "No charge is taken twice; never more of it is kept and given back than there was.",
        """
SELECT c.generation_id AS subject,
       format('charged=%s captured=%s refunded=%s goodwill=%s',
              t.charged, t.captured, t.refunded, t.goodwill) AS detail
FROM charge c JOIN by_charge t ON t.generation_id = c.generation_id
WHERE [generations: c.generation_id]
  AND (t.times > 1 OR least(t.captured, t.refunded, t.goodwill) < 0
       OR t.captured + t.refunded > t.charged OR t.refunded + t.goodwill > t.charged)
""",
    ),
    Rule(
        "another_wallet",
        "A charge is taken from its own customer's wallet, and comes back to it.",
        """
SELECT t.id AS subject, format('charge of customer %s, wallet of %s', c.customer_id,
                               coalesce(f.customer_id, d.customer_id)) AS detail
FROM transfer t JOIN charge c ON c.generation_id = t.generation_id
LEFT JOIN account f ON f.id = t.from_account LEFT JOIN account d ON d.id = t.to_account
WHERE [transfers: t.id] AND (f.customer_id <> c.customer_id OR d.customer_id <> c.customer_id)
""",
    ),
    Rule(
        "uncharged_generation",
        "Every generation that costs credits has one charge, of its customer and price; a preview has none.",
        """
SELECT g.id AS subject, format('costs %s, charged %s', g.credits, c.amount) AS detail
FROM (SELECT * FROM generation g WHERE [generations: g.id]) g
FULL JOIN (SELECT * FROM charge c WHERE [generations: c.generation_id]) c ON c.generation_id = g.id
WHERE (nullif(g.credits, 0), CASE WHEN g.credits > 0 THEN g.customer_id END)
      IS DISTINCT FROM (c.amount, c.customer_id)
""",
    ),
    Rule(
        "in_flight_at_rest",
        "Every credit in flight belongs to a generation that is under way, or whose case is not decided.",
        f"""
SELECT coalesce(g.id::text, 'none') AS subject, format('%s credits, %s', f.credits, g.state) AS detail
FROM ({IN_FLIGHT}) f LEFT JOIN generation g ON g.id = f.generation_id
WHERE f.credits <> 0 AND (g.state = ANY (:open) OR EXISTS ({UNDECIDED})) IS NOT TRUE
""",
    ),
    Rule(
        "settled_early",
        "A generation under way, or whose case is not decided, has all of its price in flight.",
        f"""
SELECT g.id AS subject, format('%s of %s in flight', coalesce(f.credits, 0), g.credits) AS detail
FROM generation g LEFT JOIN ({IN_FLIGHT}) f ON f.generation_id = g.id
WHERE [generations: g.id] AND coalesce(f.credits, 0) <> g.credits
  AND (g.state = ANY (:open) OR EXISTS ({UNDECIDED}))
""",
    ),
    Rule(
        "succeeded_not_captured",
        "What a delivered generation cost is captured.",
        """
SELECT g.id AS subject, format('captured %s of %s', coalesce(c.captured, 0), g.credits) AS detail
FROM generation g LEFT JOIN charge c ON c.generation_id = g.id
WHERE [generations: g.id] AND g.state = 'succeeded' AND coalesce(c.captured, 0) <> g.credits
""",
    ),
    Rule(
        "failed_not_refunded",
        "What a generation without an avatar cost is given back, or kept, as its decided case says.",
        f"""
SELECT g.id AS subject, format('%s, refunded %s and captured %s of %s', g.state, coalesce(c.refunded, 0),
                               coalesce(c.captured, 0), g.credits) AS detail
FROM generation g LEFT JOIN charge c ON c.generation_id = g.id
LEFT JOIN compensation_case d ON d.generation_id = g.id AND d.kind <> 'goodwill'
WHERE [generations: g.id] AND g.state = ANY (:unsuccessful) AND NOT EXISTS ({UNDECIDED})
  AND (coalesce(c.refunded, 0), coalesce(c.captured, 0)) IS DISTINCT FROM CASE
      WHEN d.id IS NULL THEN (g.credits, 0::bigint)
      WHEN d.state IN ('approved','auto_approved') THEN (d.amount, g.credits - d.amount)
      ELSE (0::bigint, g.credits) END
""",
    ),
)
