"""Rules of the seals: what was sealed is still what it was, and the chain over all of it is whole."""

# ruff: noqa: S608 - the rules are put together from constants of this file

from core.ledger.books.rules import Rule

# Which seal covers a transfer follows from numbers alone: its own says the epoch, and its transaction's, laid
# in order among the seals' limits, the seal. What came with a backup is in the epoch's first, and so is what
# the former epoch left behind. A row that is put in later under an old number falls into a closed seal.
SEALED = """
SELECT s.number, count(*) AS transfers, sha256(string_agg(s.leaf, '' ORDER BY s.id)) AS rows_hash
FROM (
    SELECT q.id, q.leaf, CASE WHEN q.id <= q.restored_id THEN q.opening
        ELSE max(q.number) OVER (
            PARTITION BY q.epoch ORDER BY q.xid, q.id ROWS UNBOUNDED PRECEDING) END AS number
    FROM (
        SELECT e.epoch, e.opening, e.restored_id, d.id, d.xid, NULL::bigint AS number,
            transfer_leaf(d.digest, d.xid, x.bytes) AS leaf
        FROM digests d
        LEFT JOIN (
            SELECT e.transfer_id, string_agg(entry_bytes(e), '' ORDER BY e.account_id) AS bytes
            FROM entry e WHERE [transfers: e.transfer_id] GROUP BY e.transfer_id
        ) x ON x.transfer_id = d.id
        JOIN (
            SELECT epoch, min(number) AS opening, min(restored_id) AS restored_id,
                coalesce(lag(max(last_id)) OVER (ORDER BY epoch), 0) AS former_id,
                CASE WHEN lead(epoch) OVER (ORDER BY epoch) IS NOT NULL THEN max(last_id) END AS final_id
            FROM ledger_seal GROUP BY epoch
        ) e ON d.id > e.former_id AND (e.final_id IS NULL OR d.id <= e.final_id)
        UNION ALL
        SELECT epoch, NULL, NULL, 0, upto_xid, number + 1, NULL FROM ledger_seal
        WHERE number >= :seal
    ) q
) s
WHERE s.id > 0 AND s.number > :seal GROUP BY s.number
"""

SEALING = (
    Rule(
        "sealed_rows",
        "What a seal covers is all there, and says what it said.",
        f"""
SELECT s.number AS subject,
       format('sealed %s transfers, found %s', s.transfers, coalesce(r.transfers, 0)) AS detail
FROM ledger_seal s LEFT JOIN ({SEALED}) r USING (number)
WHERE s.number > :seal AND s.number <= :newest AND (
    s.transfers <> coalesce(r.transfers, 0) OR s.rows_hash <> coalesce(r.rows_hash, sha256('')))
""",
    ),
    Rule(
        "seal_chain",
        "Each seal follows from the one before it and from all that it says, numbered without a gap.",
        """
SELECT s.number AS subject, format('epoch %s', s.epoch) AS detail
FROM ledger_seal s
JOIN ledger_epoch e ON e.number = s.epoch
LEFT JOIN ledger_seal p ON p.number = s.number - 1
WHERE s.number > :seal AND (
    s.number > 1 AND p.number IS NULL OR s.previous_hash <> coalesce(p.hash, '')
    OR (s.last_id, s.epoch) < (p.last_id, p.epoch)
    OR s.hash <> seal_hash(s, e.home, seal_balances(s.number)))
""",
    ),
    Rule(
        "snapshot_drift",
        "The balances drawn up with the newest seal are the sums of what is sealed.",
        """
SELECT a.kind AS subject,
       format('snapshot=%s entries=%s', n.balance, coalesce(p.balance, 0) + coalesce(m.credits, 0)) AS detail
FROM ledger_seal s
JOIN account a ON a.customer_id IS NULL
LEFT JOIN account_snapshot n ON n.seal = s.number AND n.account_id = a.id
LEFT JOIN account_snapshot p ON p.seal = :seal AND p.account_id = a.id
LEFT JOIN (
    SELECT account_id, sum(amount) AS credits FROM (
        SELECT e.account_id, e.amount FROM entry e WHERE e.version IS NULL AND [transfers: e.transfer_id]
        UNION ALL
        SELECT e.account_id, -e.amount
        FROM ledger_seal s
        JOIN transfer t ON t.id > s.last_id OR (t.id > s.restored_id AND t.xid >= s.upto_xid)
        JOIN entry e ON e.transfer_id = t.id AND e.version IS NULL
        WHERE s.number = :newest AND [transfers: t.id]
    ) q GROUP BY account_id
) m ON m.account_id = a.id
WHERE s.number = :newest AND n.balance IS DISTINCT FROM coalesce(p.balance, 0) + coalesce(m.credits, 0)
""",
    ),
    Rule(
        "new_epoch",
        "The ledger lives where it was last sealed, or somebody has said why it moved.",
        """
SELECT e.number AS subject, format('since %s', e.began_at) AS detail
FROM ledger_epoch e LEFT JOIN ledger_epoch_acceptance a ON a.epoch = e.number
WHERE e.number > 1 AND a.epoch IS NULL
""",
    ),
)
