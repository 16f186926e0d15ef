"""A ledger of a million transfers with valid hashes, made by SQL in minutes.

Customers with one grant each, and charged generations of them, two of three captured and one canceled and
refunded by its case. Wallets are chained in rounds: the n-th entry of every wallet at once.
"""

# ruff: noqa: S608 - constants of this file

import time
from collections.abc import Callable

from sqlalchemy import text

from core.foundation.database import Database

# Each customer: a grant, `GENERATIONS` charges, and as many captures or refunds.
GENERATIONS = 12
TRANSFERS_EACH = 1 + 2 * GENERATIONS
PRICE = 10
SECONDS_APART = 2.5
PER_SEAL = 250

PEOPLE = """
INSERT INTO staff (email, name, roles) VALUES ('bench@desk.test', 'Bench', '{admin}');
INSERT INTO customer (reference, name)
    SELECT 'c-' || n, 'Customer ' || n FROM generate_series(1, :customers) n;
INSERT INTO account (kind, customer_id) SELECT 'wallet', id FROM customer ORDER BY id;
INSERT INTO wallet_balance (account_id) SELECT id FROM account WHERE customer_id IS NOT NULL;
INSERT INTO selfie (customer_id, sha256, object_key, thumbnail_key, content_type, width, height, size_bytes,
                    cropped, warnings)
    SELECT id, md5(id::text), 'k', 't', 'image/png', 512, 512, 1, true, '[]' FROM customer ORDER BY id;
INSERT INTO refund_policy (body, note) VALUES ('{}', 'bench');
"""
DONE = "(n % 3 <> 0)"
WORK = f"""
INSERT INTO generation (request_key, purpose, customer_id, selfie_id, requested_by, template, prompt, model,
    parameters, credits, state, created_at, state_since, deadline_at, finished_at, max_attempts,
    failure_class, failure_message)
SELECT 'bench-' || n, 'avatar', c, c, 1, 'A hero', 'A hero', 'openai/gpt-image-2', '{{}}', {PRICE},
    CASE WHEN {DONE} THEN 'succeeded' ELSE 'canceled' END, at, at, at, at, 3, NULL, NULL
FROM (SELECT n, 1 + n % :customers AS c, now() - make_interval(secs => (:generations - n) * 5.0) AS at
      FROM generate_series(0, :generations - 1) n) made ORDER BY n;
INSERT INTO charge (generation_id, customer_id, amount, captured, refunded, created_at)
    SELECT id, customer_id, credits, CASE state WHEN 'succeeded' THEN credits ELSE 0 END,
           CASE state WHEN 'canceled' THEN credits ELSE 0 END, created_at FROM generation ORDER BY id;
INSERT INTO compensation_case (kind, cause_key, generation_id, customer_id, failure_class, requested,
    amount, state, seq, policy_version, rule, opened_at, due_at, hard_limit_at, closed_at)
    SELECT 'cancel', 'cancel:' || id, id, customer_id, 'canceled', credits, credits, 'auto_approved', 1,
           1, 'bench', created_at, created_at, created_at, created_at
    FROM generation WHERE state = 'canceled';
INSERT INTO case_log (case_id, seq, from_state, to_state, actor_kind, actor, amount)
    SELECT id, 1, 'new', 'auto_approved', 'policy', 'policy', amount FROM compensation_case;
"""
# The number of a transfer is its place in time: all grants, then charge and settlement of each generation.
TRANSFERS = """
CREATE UNLOGGED TABLE seeding AS
SELECT row_number() OVER (ORDER BY at, part, n) AS place, q.* FROM (
    SELECT 0 AS part, a.id AS n, 'grant:' || a.id AS key, 'grant' AS kind, i.id AS source, a.id AS target,
           1000::bigint AS amount, NULL::bigint AS generation_id, NULL::bigint AS case_id,
           'to measure' AS reason, (SELECT min(created_at) FROM generation) - interval '1 hour' AS at,
           a.id AS wallet, 1000 AS delta
    FROM account a, account i WHERE a.kind = 'wallet' AND i.kind = 'issued'
    UNION ALL
    SELECT 1, c.generation_id, 'charge:' || c.generation_id, 'charge', w.id, f.id, c.amount, c.generation_id,
           NULL, NULL, c.created_at, w.id, -c.amount
    FROM charge c JOIN account w ON w.customer_id = c.customer_id, account f WHERE f.kind = 'in_flight'
    UNION ALL
    SELECT 2, c.generation_id,
           CASE WHEN k.id IS NULL THEN 'capture:' || c.generation_id ELSE 'refund:case:' || k.id END,
           CASE WHEN k.id IS NULL THEN 'capture' ELSE 'refund' END, f.id,
           CASE WHEN k.id IS NULL THEN r.id ELSE w.id END, c.amount, c.generation_id, k.id,
           CASE WHEN k.id IS NOT NULL THEN 'Staff canceled it.' END, c.created_at + interval '1 second',
           CASE WHEN k.id IS NOT NULL THEN w.id END, c.amount
    FROM charge c JOIN account w ON w.customer_id = c.customer_id
    LEFT JOIN compensation_case k ON k.generation_id = c.generation_id, account f, account r
    WHERE f.kind = 'in_flight' AND r.kind = 'revenue'
) q;
INSERT INTO transfer (key, kind, from_account, to_account, amount, generation_id, case_id, actor, reason,
                      created_at, xid)
    SELECT key, kind, source, target, amount, generation_id, case_id, 'bench', reason, at, place::text::xid8
    FROM seeding ORDER BY place;
CREATE UNLOGGED TABLE chaining AS
    SELECT wallet, row_number() OVER (PARTITION BY wallet ORDER BY place) AS version, place, delta,
           sum(delta) OVER (PARTITION BY wallet ORDER BY place)::bigint AS after,
           transfer_digest(t) AS digest, ''::bytea AS hash
    FROM seeding s JOIN transfer t ON t.id = s.place WHERE wallet IS NOT NULL;
CREATE UNIQUE INDEX ON chaining (version, wallet);
"""
ROUND = """
UPDATE chaining c SET hash = entry_hash(coalesce(p.hash, ''), c.wallet, c.version, c.delta, c.after, c.digest)
FROM chaining x LEFT JOIN chaining p ON p.wallet = x.wallet AND p.version = x.version - 1
WHERE x.wallet = c.wallet AND x.version = c.version AND c.version = :version
"""
ENTRIES = """
INSERT INTO entry (transfer_id, account_id, amount, version, balance_after, hash)
    SELECT s.place, d.account, d.amount, c.version, c.after, c.hash
    FROM seeding s CROSS JOIN LATERAL (VALUES (s.source, -s.amount), (s.target, s.amount)) d (account, amount)
    LEFT JOIN chaining c ON c.place = s.place AND c.wallet = d.account ORDER BY s.place;
UPDATE wallet_balance w SET balance = c.after, version = c.version, head_hash = c.hash
    FROM (SELECT DISTINCT ON (wallet) * FROM chaining ORDER BY wallet, version DESC) c
    WHERE c.wallet = w.account_id;
INSERT INTO customer_receipt (transfer_id, case_id, customer_id, sentence, amount, balance_after, entry_hash)
    SELECT t.id, t.case_id, a.customer_id, 'Your credits are back.', t.amount, e.balance_after, e.hash
    FROM transfer t JOIN entry e ON e.transfer_id = t.id AND e.version IS NOT NULL
    JOIN account a ON a.id = e.account_id WHERE t.case_id IS NOT NULL;
DROP TABLE seeding, chaining;
"""
# A transaction of the past for each transfer: their numbers are used up, as they would have been.
NUMBERS = """
CREATE PROCEDURE use_up(upto bigint) LANGUAGE plpgsql AS $$
BEGIN
    WHILE pg_current_xact_id()::text::bigint < upto LOOP
        COMMIT;
    END LOOP;
END $$
"""


def seed_ledger(database: Database, transfers: int, say: Callable[[str], None] = lambda _: None) -> int:
    """Fill an empty database; how many transfers there are then."""
    customers = max(1, transfers // TRANSFERS_EACH)
    counts = {"customers": customers, "generations": customers * GENERATIONS}
    for part in (PEOPLE, WORK, TRANSFERS):
        _run(database, part, counts, say)
    for version in range(1, 2 * GENERATIONS + 2):
        _run(database, ROUND, {"version": version}, lambda _: None)
    _run(database, ENTRIES, {}, say)
    with database.engine.connect() as connection:
        plain = connection.execution_options(isolation_level="AUTOCOMMIT")
        for statement in (
            NUMBERS,
            f"CALL use_up({transfers + 1000})",
            "DROP PROCEDURE use_up",
            "VACUUM ANALYZE",
        ):
            plain.execute(text(statement))
    return customers * TRANSFERS_EACH


def _run(database: Database, sql: str, values: dict[str, int], say: Callable[[str], None]) -> None:
    for statement in filter(str.strip, sql.split(";\n")):
        began = time.perf_counter()
        with database.transaction() as session:
            # Constraint triggers look at one row each; the books are checked as a whole afterwards.
            session.execute(text("SET LOCAL session_replication_role = replica"))
            session.execute(text(statement), values)
        say(f"{time.perf_counter() - began:6.1f} s  {statement.strip().splitlines()[0][:90]}")


def seal_history(database: Database) -> tuple[int, float]:
    """Seal what was seeded as the minutes would have: how many seals, and the seconds that took."""
    began = time.perf_counter()
    with database.transaction() as session:
        session.execute(
            text("INSERT INTO ledger_epoch (number, home, restored_id) VALUES (1, ledger_home(), 0)")
        )
        opened = session.execute(text("SELECT seal_upto('0')"))
        assert opened.scalar_one() == 1
    last = 1
    with database.engine.connect() as connection:
        total = connection.execute(text("SELECT max(id) FROM transfer")).scalar_one()
        for upto in range(PER_SEAL + 1, total + PER_SEAL + 1, PER_SEAL):
            sealed = text("SELECT seal_upto(cast(cast(:upto AS text) AS xid8))")
            last = connection.execute(sealed, {"upto": upto}).scalar_one()
            connection.commit()
    return last, time.perf_counter() - began
