"""Rules of compensation cases: what a case says is what the ledger did, and nothing else was paid."""

# ruff: noqa: S608 - the rules are put together from constants of this file

from core.ledger.books.rules import Rule

# A case's payments by the ledger alone, each with whether it was taken back.
PAYMENTS = """
SELECT t.case_id, count(*) AS payments, sum(t.amount) AS paid, count(r.id) AS reversals,
       array_agg(DISTINCT t.kind) AS kinds
FROM transfer t LEFT JOIN transfer r ON r.reverses_id = t.id
WHERE t.case_id IS NOT NULL AND t.kind IN ('refund','goodwill') AND [generations: t.generation_id]
GROUP BY t.case_id
"""

# A limit's row is chosen by the moment at which its transaction began, the log is written some moments later:
# what was logged within ten minutes of a window's begin may count for it or for the one before.
AUTOMATIC = """
SELECT w.scope, w.window_start, w.sure, l.amount
FROM case_log l JOIN compensation_case k ON k.id = l.case_id AND k.kind = 'failure',
LATERAL (VALUES (format('customer:%s:day', k.customer_id), 'day'),
                (format('customer:%s:month', k.customer_id), 'month'),
                ('global:hour', 'hour'), ('provider:replicate:hour', 'hour')) AS s (scope, unit),
LATERAL (SELECT date_trunc(s.unit, l.at, 'UTC') AS late,
                date_trunc(s.unit, l.at - interval '10 minutes', 'UTC') AS early) AS m,
LATERAL (SELECT s.scope, m.late AS window_start, m.late = m.early AS sure
         UNION SELECT s.scope, m.early, m.late = m.early) AS w
WHERE l.to_state = 'auto_approved'
"""

# In a recent check only the windows that can still change are added up.
LATELY = "([generations: 0] OR {} >= now() - interval '35 days')"

CASES = (
    Rule(
        "case_missing",
        "Every charged generation that ended without an avatar has a case, or is from before there were any.",
        """
SELECT g.id AS subject, g.state AS detail
FROM generation g JOIN charge c ON c.generation_id = g.id
WHERE [generations: g.id] AND g.state = ANY (:unsuccessful)
  AND NOT EXISTS (SELECT FROM compensation_case k WHERE k.generation_id = g.id AND k.kind <> 'goodwill')
  AND NOT EXISTS (SELECT FROM transfer t WHERE t.generation_id = g.id AND t.kind = 'refund'
                  AND t.case_id IS NULL)
""",
    ),
    Rule(
        "refund_without_case",
        "Since there are cases, nothing comes back without one.",
        """
SELECT t.id AS subject, format('%s of %s credits', t.kind, t.amount) AS detail FROM transfer t
WHERE [transfers: t.id] AND t.kind IN ('refund','goodwill') AND t.case_id IS NULL
  AND t.created_at >= (SELECT k.opened_at FROM compensation_case k ORDER BY k.id LIMIT 1)
""",
    ),
    Rule(
        "case_unpaid",
        "A case that says so has paid its amount once, and taken it back if it says that; no other has paid.",
        f"""
SELECT k.id AS subject,
       format('%s of %s: payments=%s of %s, reversals=%s', k.state, coalesce(k.amount, 0),
              coalesce(p.payments, 0), coalesce(p.paid, 0), coalesce(p.reversals, 0)) AS detail
FROM compensation_case k JOIN case_state s ON s.state = k.state LEFT JOIN ({PAYMENTS}) p ON p.case_id = k.id
WHERE [generations: k.generation_id] AND (
    (coalesce(p.payments, 0), coalesce(p.paid, 0), coalesce(p.reversals, 0)) IS DISTINCT FROM
    ((s.paid OR k.state = 'reversed')::int, coalesce(k.amount, 0), (k.state = 'reversed')::int)
    OR p.kinds <> ARRAY[CASE k.kind WHEN 'goodwill' THEN 'goodwill' ELSE 'refund' END])
""",
    ),
    Rule(
        "case_unlogged",
        "A case stands where its last logged move led; each move is legal and goes on from the one before.",
        """
SELECT k.id AS subject, format('move %s of %s, %s -> %s', l.seq, k.seq, l.from_state, l.to_state) AS detail
FROM compensation_case k LEFT JOIN (
    SELECT l.*, row_number() OVER moves AS place, lag(l.to_state, 1, 'new') OVER moves AS former,
           lead(l.seq) OVER moves IS NULL AS last
    FROM case_log l WINDOW moves AS (PARTITION BY l.case_id ORDER BY l.seq)
) l ON l.case_id = k.id
WHERE [generations: k.generation_id] AND (
    (l.seq = l.place AND l.from_state = l.former) IS NOT TRUE
    OR (l.last AND (l.seq, l.to_state) IS DISTINCT FROM (k.seq, k.state))
    OR NOT EXISTS (SELECT FROM case_edge e
                   WHERE (e.from_state, e.to_state, e.actor_kind) = (l.from_state, l.to_state, l.actor_kind)))
""",
    ),
    Rule(
        "case_of_another",
        "The case of a transfer is the one that its key names, and of the same generation and customer.",
        """
SELECT t.id AS subject, format('%s names case %s', t.key, t.case_id) AS detail
FROM transfer t LEFT JOIN compensation_case k ON k.id = t.case_id
LEFT JOIN charge c ON c.generation_id = k.generation_id
WHERE [transfers: t.id] AND (
    (t.kind IN ('refund','goodwill','capture') AND t.case_id IS DISTINCT FROM
        CAST(substring(t.key FROM '^[a-z]+[:]case[:]([0-9]+)') AS bigint))
    OR (t.kind IN ('grant','charge') AND t.case_id IS NOT NULL)
    OR (t.case_id IS NOT NULL
        AND (k.generation_id, k.customer_id) IS DISTINCT FROM (t.generation_id, c.customer_id)))
""",
    ),
    Rule(
        "case_one_person",
        "Where two people must agree two have, and the lower of their amounts is what people paid.",
        """
SELECT k.id AS subject,
       format('%s of %s people, paid %s of %s',
              coalesce(a.people, 0), k.required_approvals, k.amount, a.lowest) AS detail
FROM compensation_case k LEFT JOIN refund_policy p ON p.version = k.policy_version LEFT JOIN (
    SELECT case_id, round, count(DISTINCT staff_id) AS people, min(amount) AS lowest
    FROM case_approval GROUP BY case_id, round
) a ON a.case_id = k.id AND a.round = k.round
WHERE [generations: k.generation_id] AND k.amount IS NOT NULL
  AND EXISTS (SELECT FROM case_log l WHERE l.case_id = k.id AND l.to_state = 'approved')
  AND (coalesce(a.people, 0) < k.required_approvals OR k.amount IS DISTINCT FROM a.lowest
       OR (k.required_approvals = 1 AND k.requested > CAST(p.body ->> 'second_over' AS bigint)))
""",
    ),
    Rule(
        "case_over_limit",
        "What was paid automatically stays within the limits, and the limits' rows say how much it was.",
        f"""
SELECT scope || ' ' || window_start AS subject,
       format('used=%s/%s by %s/%s, paid=%s by %s', b.used, b.credit_cap, b.refunds, b.refund_cap,
              a.credits, a.times) AS detail
FROM (SELECT * FROM refund_budget b WHERE {LATELY.format("b.window_start")}) b
FULL JOIN (
    SELECT scope, window_start, count(*) AS times, sum(amount) AS credits,
           count(*) FILTER (WHERE sure) AS sure_times, sum(amount) FILTER (WHERE sure) AS sure_credits
    FROM ({AUTOMATIC} AND {LATELY.format("l.at")}) a
    WHERE {LATELY.format("window_start")} GROUP BY scope, window_start
) a USING (scope, window_start)
WHERE b.used > b.credit_cap OR b.refunds > b.refund_cap
   OR coalesce(b.used, 0) NOT BETWEEN coalesce(a.sure_credits, 0) AND coalesce(a.credits, 0)
   OR coalesce(b.refunds, 0) NOT BETWEEN coalesce(a.sure_times, 0) AND coalesce(a.times, 0)
""",
    ),
    Rule(
        "receipt_untrue",
        "Every payment of a case has one receipt, which says what the wallet's entry says.",
        """
SELECT coalesce(t.id, c.transfer_id) AS subject,
       format('paid %s, balance %s; told %s, balance %s',
              t.amount, t.balance_after, c.amount, c.balance_after) AS detail
FROM (
    SELECT t.id, t.case_id, k.customer_id, t.amount, e.balance_after, e.hash
    FROM transfer t JOIN compensation_case k ON k.id = t.case_id
    LEFT JOIN entry e ON e.transfer_id = t.id AND e.version IS NOT NULL
    WHERE t.kind IN ('refund','goodwill') AND [transfers: t.id]
) t FULL JOIN (SELECT * FROM customer_receipt c WHERE [transfers: c.transfer_id]) c ON c.transfer_id = t.id
WHERE (t.case_id, t.customer_id, t.amount, t.balance_after, t.hash)
      IS DISTINCT FROM (c.case_id, c.customer_id, c.amount, c.balance_after, c.entry_hash)
""",
    ),
    Rule(
        "clawback_alone",
        "What a customer has spent already is advanced only by a reversal, and never more than it takes.",
        """
SELECT t.id AS subject, format('%s of %s credits', t.key, t.amount) AS detail
FROM transfer t LEFT JOIN transfer r ON t.key = 'clawback:' || r.reverses_id AND r.kind = 'reversal'
WHERE [transfers: t.id] AND t.kind = 'clawback' AND (
    r.from_account = t.to_account AND r.xid = t.xid AND r.id > t.id AND r.amount >= t.amount
    AND r.case_id IS NOT DISTINCT FROM t.case_id) IS NOT TRUE
""",
    ),
)
