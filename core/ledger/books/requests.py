"""Rules of what two people must agree to: nothing is done alone, otherwise than asked, or twice."""

from core.ledger.books.rules import Rule

REQUESTS = (
    Rule(
        "request_one_person",
        "What was asked for and done was agreed to by a second, different person.",
        """
SELECT r.id AS subject, format('asked by %s, answered by %s', r.asked_by, r.answered_by) AS detail
FROM money_request r
WHERE r.state = 'done' AND (r.posted_id IS NULL OR [transfers: r.posted_id])
  AND (r.asked_by <> r.answered_by) IS NOT TRUE
""",
    ),
    Rule(
        "request_otherwise",
        "What was done is what was asked for, to the credit, and was agreed to.",
        """
SELECT r.id AS subject, format('%s, asked %s, posted %s of %s', r.state, r.amount, t.kind, t.amount) AS detail
FROM money_request r LEFT JOIN transfer t ON t.id = r.posted_id
LEFT JOIN account a ON a.id = CASE r.kind WHEN 'grant' THEN t.to_account ELSE t.from_account END
WHERE (r.state = 'done' OR r.posted_id IS NOT NULL)
  AND (r.posted_id IS NULL OR [transfers: r.posted_id])
  AND (r.state = 'done' AND t.amount = r.amount AND a.customer_id = r.customer_id
       AND t.reverses_id IS NOT DISTINCT FROM r.transfer_id AND t.case_id IS NOT DISTINCT FROM r.case_id
       AND CASE r.kind WHEN 'grant' THEN t.kind = 'grant' AND t.key = 'grant:request:' || r.id
           ELSE t.kind = 'reversal' END) IS NOT TRUE
""",
    ),
    Rule(
        "request_twice",
        "What was agreed to was done once; no two requests did the same.",
        """
SELECT r.id AS subject, format('request %s did the same', o.id) AS detail
FROM money_request r
JOIN money_request o ON o.id <> r.id AND (o.posted_id = r.posted_id OR o.transfer_id = r.transfer_id)
WHERE r.state = 'done' AND o.state = 'done' AND [transfers: r.posted_id]
UNION ALL
SELECT r.id, format('transfers %s and %s', r.posted_id, t.id)
FROM transfer t
JOIN money_request r ON r.id = CAST(substring(t.key FROM '^grant[:]request[:]([0-9]{1,18})') AS bigint)
WHERE ([transfers: t.id] OR [transfers: r.posted_id])
  AND t.kind = 'grant' AND r.state = 'done' AND r.posted_id <> t.id
""",
    ),
    Rule(
        "request_missing",
        "Since there are requests, no grant is taken back without one, and none is made in its name.",
        """
SELECT t.id AS subject, format('%s %s of %s credits', t.kind, t.key, t.amount) AS detail
FROM (
    SELECT t.* FROM transfer t WHERE t.kind = 'grant' AND t.key ^@ 'grant:request:'
    UNION ALL
    SELECT t.* FROM transfer t JOIN transfer o ON o.id = t.reverses_id
    WHERE t.kind = 'reversal' AND o.kind = 'grant'
      AND t.created_at >= (SELECT r.asked_at FROM money_request r ORDER BY r.id LIMIT 1)
) t
WHERE [transfers: t.id]
  AND NOT EXISTS (SELECT FROM money_request r WHERE r.posted_id = t.id AND r.state = 'done')
""",
    ),
)
