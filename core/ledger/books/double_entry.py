"""Rules of double entry: pairs that sum to zero, between the accounts that a kind is for."""

from core.ledger.books.rules import Rule

# One pass over all entries. `broken` names what each of them breaks.
ENTRIES = """
SELECT r.rule, e.transfer_id AS subject, format('account=%s amount=%s version=%s', e.account_id, e.amount,
                                                coalesce(e.version::text, 'none')) AS detail
FROM (
    SELECT e.*, t.id IS NULL OR a.id IS NULL AS stray,
        NOT (e.account_id = t.from_account AND e.amount = -t.amount
             OR e.account_id = t.to_account AND e.amount = t.amount) AS unbalanced,
        (a.kind = 'wallet') <> (num_nulls(e.version, e.balance_after, e.hash) = 0) AS unnumbered
    FROM entry e LEFT JOIN transfer t ON t.id = e.transfer_id LEFT JOIN account a ON a.id = e.account_id
    WHERE [transfers: e.transfer_id]
) e
CROSS JOIN LATERAL (VALUES
    ('stray_entry', e.stray), ('unbalanced_transfer', e.unbalanced), ('unnumbered_entry', e.unnumbered)
) r (rule, broken)
WHERE (e.stray OR e.unbalanced OR e.unnumbered) AND r.broken
UNION ALL
-- Every entry is one of its transfer's two legs, as told above, and there are twice as many entries as
-- transfers: then none is missing. Only where the numbers differ are the legs of each transfer counted.
SELECT 'unbalanced_transfer', t.id,
       format('legs=%s', (SELECT count(*) FROM entry e WHERE e.transfer_id = t.id))
FROM transfer t
WHERE [transfers: t.id]
  AND (SELECT 2 * count(*) FROM transfer c WHERE [transfers: c.id])
      <> (SELECT count(*) FROM entry c WHERE [transfers: c.transfer_id])
  AND (SELECT count(*) FROM entry e WHERE e.transfer_id = t.id) <> 2
"""

DOUBLE_ENTRY = (
    Rule(
        "unbalanced_transfer",
        "Every transfer has exactly two legs, which sum to zero and say what it says.",
        ENTRIES,
    ),
    Rule("stray_entry", "Every entry belongs to a transfer and an account that are there.", ENTRIES),
    Rule(
        "unnumbered_entry",
        "The entries of wallets are numbered and chained, those of system accounts are not.",
        ENTRIES,
    ),
    Rule(
        "not_conserved",
        "All credits together sum to zero: none appears and none vanishes.",
        """
SELECT 'all' AS subject, sum(e.amount) AS detail FROM entry e
WHERE [transfers: e.transfer_id] HAVING sum(e.amount) <> 0
""",
    ),
    Rule(
        "wrong_accounts",
        "Every kind of transfer runs between the accounts that it is for.",
        """
SELECT t.id AS subject, format('%s: %s -> %s', t.kind, f.kind, d.kind) AS detail
FROM transfer t LEFT JOIN account f ON f.id = t.from_account LEFT JOIN account d ON d.id = t.to_account
WHERE [transfers: t.id] AND t.kind <> 'reversal' AND ((t.kind, f.kind, d.kind) IN (
    ('grant', 'issued', 'wallet'), ('charge', 'wallet', 'in_flight'), ('capture', 'in_flight', 'revenue'),
    ('refund', 'in_flight', 'wallet'), ('goodwill', 'goodwill', 'wallet'),
    ('clawback', 'clawback', 'wallet'))) IS NOT TRUE
""",
    ),
    Rule(
        "reversal_no_mirror",
        "A reversal is the mirror image of one transfer, once.",
        """
SELECT r.id AS subject, format('reverses=%s', r.reverses_id) AS detail
FROM transfer r LEFT JOIN transfer t ON t.id = r.reverses_id
WHERE [transfers: r.id] AND r.kind = 'reversal' AND (
    (r.amount, r.from_account, r.to_account) IS DISTINCT FROM (t.amount, t.to_account, t.from_account)
    OR EXISTS (SELECT FROM transfer o WHERE o.reverses_id = r.reverses_id AND o.id <> r.id))
""",
    ),
)
