"""Rules of wallets: balances, runs without a gap, and the chain of hashes."""

from core.ledger.books.rules import Rule

# One pass over the entries of wallets, each beside the one before it.
RUNS = """
SELECT r.rule, q.account_id AS subject,
       format('version=%s balance_after=%s', q.version, q.balance_after) AS detail
FROM (
    SELECT e.account_id, e.version, e.balance_after,
        e.version <> lag(e.version, 1, 0::bigint) OVER run + 1
            OR e.balance_after <> lag(e.balance_after, 1, 0::bigint) OVER run + e.amount AS jumps,
        -- Without a digest it was posted since the digests were made, and the next check looks at it.
        d.id IS NOT NULL AND e.hash IS DISTINCT FROM entry_hash(lag(e.hash, 1, ''::bytea) OVER run,
            e.account_id, e.version, e.amount, e.balance_after, d.digest) AS unchained
    FROM entry e LEFT JOIN digests d ON d.id = e.transfer_id
    WHERE e.version IS NOT NULL AND [wallets: e.account_id]
    WINDOW run AS (PARTITION BY e.account_id ORDER BY e.version)
) q
CROSS JOIN LATERAL (VALUES ('broken_run', q.jumps), ('broken_chain', q.unchained)) r (rule, broken)
WHERE (q.jumps OR q.unchained) AND r.broken
"""

WALLETS = (
    Rule(
        "wallet_without_balance",
        "Every wallet has its one balance, and nothing else has one.",
        """
SELECT coalesce(a.id, w.account_id) AS subject, coalesce(a.kind, 'no account') AS detail
FROM (SELECT * FROM account a WHERE [wallets: a.id]) a
FULL JOIN (SELECT * FROM wallet_balance w WHERE [wallets: w.account_id]) w ON w.account_id = a.id
WHERE (a.kind = 'wallet') IS DISTINCT FROM (w.account_id IS NOT NULL)
""",
    ),
    Rule(
        "balance_drift",
        "What a wallet holds is the sum of its entries.",
        """
SELECT w.account_id AS subject, format('balance=%s entries=%s', w.balance, coalesce(s.total, 0)) AS detail
FROM wallet_balance w
LEFT JOIN (
    SELECT e.account_id, sum(e.amount) AS total FROM entry e
    WHERE [wallets: e.account_id] AND e.version IS NOT NULL GROUP BY e.account_id
) s USING (account_id)
WHERE [wallets: w.account_id] AND w.balance <> coalesce(s.total, 0)
""",
    ),
    Rule(
        "broken_run", "Each entry of a wallet goes on from the one before it, numbered without a gap.", RUNS
    ),
    Rule(
        "broken_chain",
        "The hash of each wallet's entry follows from the one before it and from all that its transfer says.",
        RUNS,
    ),
    Rule(
        "negative_history",
        "No wallet was ever below zero.",
        """
SELECT e.account_id AS subject, format('version=%s balance_after=%s', e.version, e.balance_after) AS detail
FROM entry e WHERE [transfers: e.transfer_id] AND e.balance_after < 0
UNION ALL
SELECT w.account_id, format('balance=%s', w.balance) FROM wallet_balance w
WHERE [wallets: w.account_id] AND w.balance < 0
""",
    ),
    Rule(
        "wrong_head",
        "A wallet's version and head are those of its last entry.",
        """
SELECT w.account_id AS subject, format('version=%s last=%s', w.version, coalesce(e.version, 0)) AS detail
FROM wallet_balance w
LEFT JOIN (
    SELECT DISTINCT ON (e.account_id) e.account_id, e.version, e.hash FROM entry e
    WHERE e.version IS NOT NULL AND [wallets: e.account_id] ORDER BY e.account_id, e.version DESC
) e USING (account_id)
WHERE [wallets: w.account_id] AND (w.version <> coalesce(e.version, 0) OR w.head_hash <> coalesce(e.hash, ''))
""",
    ),
)
