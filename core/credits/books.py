"""The invariants of the ledger. A healthy ledger has no finding; each rule is one SQL statement, and so sees
one moment, however many postings go on beside it.

They are checked against what the tables hold, not against what our own code meant to write: rows that
somebody edited past the triggers are found too.
"""

# ruff: noqa: S608 - the rules are put together from constants of this file

import dataclasses

from sqlalchemy import text
from sqlalchemy.orm import Session

from core.generation.states import ENDED, OPEN, State


@dataclasses.dataclass(frozen=True)
class Finding:
    """One broken promise: which rule, about what, and what stands there."""

    rule: str
    subject: str
    detail: str


@dataclasses.dataclass(frozen=True)
class Rule:
    """A promise, and the query that selects (subject, detail) of whatever breaks it."""

    name: str
    promise: str
    sql: str


def check_books(session: Session) -> list[Finding]:
    """Check every rule on the whole ledger; an empty list means that the books hold."""
    return [
        Finding(rule.name, str(row.subject), str(row.detail))
        for rule in RULES
        for row in session.execute(text(rule.sql), STATES)
    ]


STATES = {
    "open": [str(state) for state in OPEN],
    "unsuccessful": [str(state) for state in ENDED if state is not State.SUCCEEDED],
}

# What each charge had captured, refunded and in flight, by its transfers alone.
BY_CHARGE = """
SELECT generation_id,
       coalesce(sum(amount) FILTER (WHERE kind = 'charge'), 0) AS charged,
       coalesce(sum(amount) FILTER (WHERE kind = 'capture'), 0) AS captured,
       coalesce(sum(amount) FILTER (WHERE kind = 'refund'), 0) AS refunded
FROM transfer WHERE generation_id IS NOT NULL GROUP BY generation_id
"""

IN_FLIGHT = """
SELECT t.generation_id, sum(e.amount) AS credits
FROM entry e JOIN account a ON a.id = e.account_id AND a.kind = 'in_flight'
LEFT JOIN transfer t ON t.id = e.transfer_id GROUP BY t.generation_id
"""

DOUBLE_ENTRY = (
    Rule(
        "unbalanced_transfer",
        "Every transfer has exactly two legs, which sum to zero and say what it says.",
        """
SELECT t.id AS subject, format('legs=%s sum=%s', count(e.amount), coalesce(sum(e.amount), 0)) AS detail
FROM transfer t LEFT JOIN entry e ON e.transfer_id = t.id
GROUP BY t.id
HAVING count(e.amount) <> 2 OR sum(e.amount) <> 0
    OR max(e.amount) FILTER (WHERE e.account_id = t.to_account) IS DISTINCT FROM t.amount
    OR min(e.amount) FILTER (WHERE e.account_id = t.from_account) IS DISTINCT FROM -t.amount
""",
    ),
    Rule(
        "stray_entry",
        "Every entry belongs to a transfer and an account that are there.",
        """
SELECT e.transfer_id AS subject, format('account=%s amount=%s', e.account_id, e.amount) AS detail
FROM entry e LEFT JOIN transfer t ON t.id = e.transfer_id LEFT JOIN account a ON a.id = e.account_id
WHERE t.id IS NULL OR a.id IS NULL
""",
    ),
    Rule(
        "not_conserved",
        "All credits together sum to zero: none appears and none vanishes.",
        "SELECT 'all' AS subject, sum(amount) AS detail FROM entry HAVING sum(amount) <> 0",
    ),
    Rule(
        "wrong_accounts",
        "Every kind of transfer runs between the accounts that it is for.",
        """
SELECT t.id AS subject, format('%s: %s -> %s', t.kind, f.kind, d.kind) AS detail
FROM transfer t LEFT JOIN account f ON f.id = t.from_account LEFT JOIN account d ON d.id = t.to_account
WHERE t.kind <> 'reversal' AND ((t.kind, f.kind, d.kind) IN (
    ('grant', 'issued', 'wallet'), ('charge', 'wallet', 'in_flight'), ('capture', 'in_flight', 'revenue'),
    ('refund', 'in_flight', 'wallet'), ('goodwill', 'goodwill', 'wallet'))) IS NOT TRUE
""",
    ),
    Rule(
        "edited_request",
        "Every transfer is still the request that its key stands for.",
        """
SELECT id AS subject, key AS detail FROM transfer
WHERE request_hash <> transfer_request_hash(
    kind, from_account, to_account, amount, generation_id, reverses_id)
""",
    ),
    Rule(
        "reversal_no_mirror",
        "A reversal is the mirror image of one transfer, once.",
        """
SELECT r.id AS subject, format('reverses=%s', r.reverses_id) AS detail
FROM transfer r LEFT JOIN transfer t ON t.id = r.reverses_id
WHERE r.kind = 'reversal' AND (
    (r.amount, r.from_account, r.to_account) IS DISTINCT FROM (t.amount, t.to_account, t.from_account)
    OR EXISTS (SELECT FROM transfer o WHERE o.reverses_id = r.reverses_id AND o.id < r.id))
""",
    ),
)

WALLETS = (
    Rule(
        "wallet_without_balance",
        "Every wallet has its one balance, and nothing else has one.",
        """
SELECT coalesce(a.id, w.account_id) AS subject, coalesce(a.kind, 'no account') AS detail
FROM account a FULL JOIN wallet_balance w ON w.account_id = a.id
WHERE (a.kind = 'wallet') IS DISTINCT FROM (w.account_id IS NOT NULL)
""",
    ),
    Rule(
        "balance_drift",
        "What a wallet holds is the sum of its entries.",
        """
SELECT w.account_id AS subject, format('balance=%s entries=%s', w.balance, coalesce(s.total, 0)) AS detail
FROM wallet_balance w
LEFT JOIN (SELECT account_id, sum(amount) AS total FROM entry GROUP BY account_id) s USING (account_id)
WHERE w.balance <> coalesce(s.total, 0)
""",
    ),
    Rule(
        "unnumbered_entry",
        "The entries of wallets are numbered and chained, those of system accounts are not.",
        """
SELECT e.transfer_id AS subject, format('account=%s version=%s', e.account_id, e.version) AS detail
FROM entry e JOIN account a ON a.id = e.account_id
WHERE (a.kind = 'wallet') <> (num_nulls(e.version, e.balance_after, e.hash) = 0)
""",
    ),
    Rule(
        "broken_run",
        "Each entry of a wallet goes on from the one before it, numbered without a gap.",
        """
SELECT account_id AS subject, format('version=%s balance_after=%s', version, balance_after) AS detail
FROM (
    SELECT account_id, version, balance_after, amount,
           lag(balance_after, 1, 0::bigint) OVER run AS held, lag(version, 1, 0::bigint) OVER run AS last
    FROM entry WHERE version IS NOT NULL WINDOW run AS (PARTITION BY account_id ORDER BY version)
) q
WHERE version <> last + 1 OR balance_after <> held + amount
""",
    ),
    Rule(
        "negative_history",
        "No wallet was ever below zero.",
        """
SELECT account_id AS subject, format('version=%s balance_after=%s', version, balance_after) AS detail
FROM entry WHERE balance_after < 0
UNION ALL SELECT account_id, format('balance=%s', balance) FROM wallet_balance WHERE balance < 0
""",
    ),
    Rule(
        "broken_chain",
        "The hash of each wallet's entry follows from the one before it and from all that its transfer says.",
        """
SELECT account_id AS subject, format('version=%s', version) AS detail
FROM (
    SELECT e.*, transfer_digest(t) AS digest, lag(e.hash, 1, ''::bytea) OVER run AS previous
    FROM entry e JOIN transfer t ON t.id = e.transfer_id
    WHERE e.version IS NOT NULL WINDOW run AS (PARTITION BY e.account_id ORDER BY e.version)
) q
WHERE hash IS DISTINCT FROM entry_hash(previous, account_id, version, amount, balance_after, digest)
""",
    ),
    Rule(
        "wrong_head",
        "A wallet's version and head are those of its last entry.",
        """
SELECT w.account_id AS subject, format('version=%s last=%s', w.version, coalesce(e.version, 0)) AS detail
FROM wallet_balance w
LEFT JOIN (
    SELECT DISTINCT ON (account_id) account_id, version, hash FROM entry
    WHERE version IS NOT NULL ORDER BY account_id, version DESC
) e USING (account_id)
WHERE w.version <> coalesce(e.version, 0) OR w.head_hash <> coalesce(e.hash, '')
""",
    ),
)

CHARGES = (
    Rule(
        "charge_counter",
        "A charge says what its transfers say: the amount, what was captured, what came back.",
        f"""
SELECT coalesce(c.generation_id, t.generation_id) AS subject,
       format('charge=%s/%s/%s transfers=%s/%s/%s', c.amount, c.captured, c.refunded,
              t.charged, t.captured, t.refunded) AS detail
FROM charge c FULL JOIN ({BY_CHARGE}) t ON t.generation_id = c.generation_id
WHERE (c.amount, c.captured, c.refunded) IS DISTINCT FROM (t.charged, t.captured, t.refunded)
""",
    ),
    Rule(
        "settled_twice",
        "No charge is taken, captured or refunded twice, nor both captured and refunded.",
        f"""
SELECT c.generation_id AS subject,
       format('charged=%s captured=%s refunded=%s', t.charged, t.captured, t.refunded) AS detail
FROM charge c JOIN ({BY_CHARGE}) t ON t.generation_id = c.generation_id
WHERE (t.captured > 0 AND t.refunded > 0) OR t.captured + t.refunded > t.charged
   OR EXISTS (SELECT FROM transfer o WHERE o.generation_id = c.generation_id
              AND o.kind IN ('charge','capture','refund') GROUP BY o.kind HAVING count(*) > 1)
""",
    ),
    Rule(
        "another_wallet",
        "A charge is taken from its own customer's wallet, and comes back to it.",
        """
SELECT t.id AS subject, format('charge of customer %s, wallet of %s', c.customer_id, a.customer_id) AS detail
FROM transfer t JOIN charge c ON c.generation_id = t.generation_id
JOIN account a ON a.id IN (t.from_account, t.to_account) AND a.kind = 'wallet'
WHERE a.customer_id <> c.customer_id
""",
    ),
    Rule(
        "uncharged_generation",
        "Every generation that costs credits has one charge, of its customer and price; a preview has none.",
        """
SELECT g.id AS subject, format('costs %s, charged %s', g.credits, c.amount) AS detail
FROM generation g FULL JOIN charge c ON c.generation_id = g.id
WHERE (nullif(g.credits, 0), CASE WHEN g.credits > 0 THEN g.customer_id END)
      IS DISTINCT FROM (c.amount, c.customer_id)
""",
    ),
    Rule(
        "in_flight_at_rest",
        "Every credit in flight belongs to a generation that is under way.",
        f"""
SELECT coalesce(g.id::text, 'none') AS subject, format('%s credits, %s', f.credits, g.state) AS detail
FROM ({IN_FLIGHT}) f LEFT JOIN generation g ON g.id = f.generation_id
WHERE f.credits <> 0 AND (g.state = ANY (:open)) IS NOT TRUE
""",
    ),
    Rule(
        "settled_early",
        "A generation under way has all of its price in flight.",
        f"""
SELECT g.id AS subject, format('%s of %s in flight', coalesce(f.credits, 0), g.credits) AS detail
FROM generation g LEFT JOIN ({IN_FLIGHT}) f ON f.generation_id = g.id
WHERE g.state = ANY (:open) AND coalesce(f.credits, 0) <> g.credits
""",
    ),
    Rule(
        "succeeded_not_captured",
        "What a delivered generation cost is captured.",
        """
SELECT g.id AS subject, format('captured %s of %s', coalesce(c.captured, 0), g.credits) AS detail
FROM generation g LEFT JOIN charge c ON c.generation_id = g.id
WHERE g.state = 'succeeded' AND coalesce(c.captured, 0) <> g.credits
""",
    ),
    Rule(
        "failed_not_refunded",
        "What a generation without an avatar cost is given back.",
        """
SELECT g.id AS subject, format('%s, refunded %s of %s', g.state, coalesce(c.refunded, 0), g.credits) AS detail
FROM generation g LEFT JOIN charge c ON c.generation_id = g.id
WHERE g.state = ANY (:unsuccessful) AND coalesce(c.refunded, 0) <> g.credits
""",
    ),
)

RULES = DOUBLE_ENTRY + WALLETS + CHARGES
