"""The Refunds page with 100,000 open cases: time of its reads on the server, beside the obvious query.

Method: one embedded PostgreSQL with its default settings. 100,000 generations of 20,000 customers that failed
and were charged, each with an open case, and 5,000 decided ones; a fifth of the open cases lie in incidents
of 40. Seeded by SQL with the ledger's triggers off, then vacuumed. Each figure is from call to filled
dataclasses in a new transaction, after one warm-up, ours and the rival's in turn. The rival asks for the same
rows of the same tables with ORDER BY due_at OFFSET, and counts with one count(*) for each choice of each
filter. "Decision to next case" is everything that the server does between the click and
the next case: the decision is written down, the next free case is found and claimed, its evidence is read,
and the queue beside it; without Streamlit and browser.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.access.staff import active_staff
from core.desks.refunds import claims
from core.desks.refunds.evidence import case_evidence
from core.desks.refunds.queue import Place, counts, neighbour, queue_page
from core.desks.refunds.queue_filters import FACETS, Band, QueueFilter, Size, is_open, narrow
from core.foundation.database import Database, connect
from core.refunds.intents import intend
from core.refunds.versions import in_force
from core.schema.migrate import upgrade
from core.startup.postgres import EmbeddedPostgres
from core.tables.customers import Customer
from core.tables.refund_states import CaseState
from core.tables.refunds import CompensationCase

OPEN, CLOSED, CUSTOMERS = 100_000, 5_000, 20_000
LIMIT, DEEP = 20, 90_000
WAITING = QueueFilter(states=(CaseState.PENDING, CaseState.EXPIRED))

SEED = f"""
INSERT INTO staff (email, name, roles) VALUES ('bench@desk.test', 'Bench', '{{admin}}');
INSERT INTO customer (reference, name)
    SELECT 'customer-' || n || '@example.com', 'Customer ' || md5(n::text)
    FROM generate_series(1, {CUSTOMERS}) n;
INSERT INTO account (kind, customer_id) SELECT 'wallet', id FROM customer ORDER BY id;
INSERT INTO wallet_balance (account_id, balance) SELECT id, 1000 FROM account WHERE kind = 'wallet';
INSERT INTO selfie (customer_id, sha256, object_key, thumbnail_key, content_type, width, height, size_bytes,
                    cropped, warnings)
    SELECT id, md5(id::text), 'k', 't', 'image/png', 1024, 1024, 1, true, '[]' FROM customer ORDER BY id;
INSERT INTO generation (request_key, purpose, customer_id, selfie_id, requested_by, template, prompt, model,
    parameters, credits, state, created_at, state_since, deadline_at, finished_at, max_attempts,
    failure_class, failure_message, failure_detail, fingerprint)
    SELECT 'bench-' || n, 'avatar', 1 + n * 7919 % {CUSTOMERS}, 1 + n * 7919 % {CUSTOMERS}, 1, 'A hero',
        'A hero', 'openai/gpt-image-2', '{{"quality": "medium"}}', (ARRAY[10, 10, 10, 50, 150])[1 + n % 5],
        'failed', now() - make_interval(secs => n), now(), now(), now(), 3,
        (ARRAY['content_policy', 'content_policy', 'invalid_image', 'unknown', 'invalid_input'])[1 + n % 5],
        'It did not work.', 'flagged as sensitive', 'v1:' || CASE WHEN n % 5 = 0 THEN n / 200 ELSE n END
    FROM generate_series(1, {OPEN + CLOSED}) n ORDER BY n;
INSERT INTO render_attempt (generation_id, number, client_ref, status, worker, ended_at, failure_class,
                            failure_detail)
    SELECT id, 1, gen_random_uuid(), 'failed', 'w', now(), failure_class, failure_detail FROM generation;
INSERT INTO charge (generation_id, customer_id, amount) SELECT id, customer_id, credits FROM generation;
INSERT INTO compensation_case (kind, cause_key, generation_id, customer_id, failure_class, fingerprint,
    requested, required_approvals, state, seq, policy_version, rule, why, opened_at, due_at, hard_limit_at,
    closed_at, decided_by)
    SELECT 'failure', 'failure:' || id, id, customer_id, failure_class, fingerprint, credits,
        CASE WHEN credits > 100 THEN 2 ELSE 1 END,
        CASE WHEN id > {OPEN} THEN 'denied' WHEN credits > 100 AND id % 3 = 0 THEN 'needs_second'
            ELSE 'pending' END,
        1, 1, 'rule ' || id % 8, 'because', date_trunc('hour', now()) - make_interval(secs => id % 3000),
        now() + make_interval(secs => id), now() + interval '72 hours',
        CASE WHEN id > {OPEN} THEN now() - make_interval(secs => id) END,
        CASE WHEN id > {OPEN} THEN 1 END
    FROM generation ORDER BY id;
INSERT INTO case_log (case_id, seq, from_state, to_state, actor_kind, actor)
    SELECT id, 1, 'new', state, 'policy', 'policy' FROM compensation_case;
INSERT INTO policy_decision (case_id, version, inputs, rule, outcome, why)
    SELECT id, 1, jsonb_build_object('kind', kind, 'failure_class', failure_class, 'fault', 'customer',
        'amount', requested, 'refunds', 0, 'refund_share', 0.0), rule, 'review', why
    FROM compensation_case
"""  # noqa: S608 - numbers of this file only

PAGES: dict[str, QueueFilter] = {
    "to decide, no filter": WAITING,
    "second person": QueueFilter(states=(CaseState.NEEDS_SECOND,)),
    "class of every 5th": QueueFilter(states=WAITING.states, classes=("unknown",)),
    "class that none has": QueueFilter(states=WAITING.states, classes=("timeout",)),
    "rule and credits": QueueFilter(states=WAITING.states, rules=("rule 3",), sizes=(Size.MIDDLE,)),
    "due in 4 to 24 hours": QueueFilter(states=WAITING.states, bands=(Band.DAY,)),
    "one customer": QueueFilter(states=WAITING.states, search="customer-4711@"),
    "customer text that all have": QueueFilter(states=WAITING.states, search="example.com"),
}


def rival_page(session: Session, filter_: QueueFilter, actor: Actor, offset: int) -> int:
    """The obvious page: ordered, and counted from the top."""
    query = (
        select(CompensationCase, Customer)
        .join(Customer, Customer.id == CompensationCase.customer_id)
        .where(is_open(), *narrow(filter_, actor.id))
        .order_by(CompensationCase.due_at, CompensationCase.id)
        .offset(offset)
        .limit(LIMIT)
    )
    return len(session.execute(query).all())


def rival_counts(session: Session, filter_: QueueFilter, actor: Actor, choices: dict[str, list[str]]) -> int:
    """The obvious counts: one count(*) for each choice."""
    total = 0
    for name, values in choices.items():
        for value in values:
            chosen = select(func.count()).select_from(CompensationCase)
            conditions = [is_open(), *narrow(filter_, actor.id), FACETS[name] == value]
            total += session.scalar(chosen.where(*conditions)) or 0
    return total


def timed(
    database: Database, acts: dict[str, Callable[[Session], int]], rounds: int
) -> dict[str, list[float]]:
    """Milliseconds of each, in turn, without the first round."""
    took: dict[str, list[float]] = {name: [] for name in acts}
    for _ in range(rounds + 1):
        for name, act in acts.items():
            with database.transaction() as session:
                start = time.perf_counter()
                act(session)
                took[name].append((time.perf_counter() - start) * 1000)
    return {name: values[1:] for name, values in took.items()}


def spread(values: list[float]) -> str:
    return f"p50 {statistics.median(values):7.1f}  p95 {statistics.quantiles(values, n=20)[-1]:7.1f}"


def both(name: str, found: dict[str, list[float]]) -> None:
    print(f"{name:<38} ours {spread(found['ours'])}   rival {spread(found['rival'])}")


def report(database: Database, actor: Actor, rounds: int) -> None:
    print(__doc__)
    print(f"{OPEN:,} open cases, {rounds} rounds, milliseconds")
    for name, filter_ in PAGES.items():
        acts: dict[str, Callable[[Session], int]] = {
            "ours": lambda session, f=filter_: len(  # type: ignore[misc]
                queue_page(session, f, actor=actor, limit=LIMIT).entries
            ),
            "rival": lambda session, f=filter_: rival_page(session, f, actor, 0),  # type: ignore[misc]
        }
        found = timed(database, acts, rounds)
        both("page: " + name, found)
    deep_and_counts(database, actor, rounds)
    decisions(database, actor, rounds)


def deep_and_counts(database: Database, actor: Actor, rounds: int) -> None:
    with database.transaction() as session:
        due, number = session.execute(
            select(CompensationCase.due_at, CompensationCase.id)
            .where(CompensationCase.closed_at.is_(None))
            .order_by(CompensationCase.due_at)
            .offset(DEEP)
            .limit(1)
        ).one()
        seen = counts(session, WAITING, actor=actor)
    choices = {name: list(values) for name, values in seen.by.items() if name != "states"}
    found = timed(
        database,
        {
            "ours": lambda s: len(queue_page(s, WAITING, actor=actor, after=Place(due, number)).entries),
            "rival": lambda s: rival_page(s, WAITING, actor, DEEP),
        },
        rounds,
    )
    both("page: " + f"behind {DEEP:,} others", found)
    few = max(3, rounds // 8)
    found = timed(
        database,
        {
            "ours": lambda s: counts(s, WAITING, actor=actor).cases,
            "rival": lambda s: rival_counts(s, WAITING, actor, choices),
        },
        few,
    )
    number_of = sum(map(len, choices.values()))
    both(f"counts of {number_of} choices", found)


def decisions(database: Database, actor: Actor, rounds: int) -> None:
    """One reviewer at work: each decision leads to the next case."""
    with database.transaction() as session:
        case = neighbour(session, WAITING, actor=actor, free=True)
    took, first = [], []
    for _ in range(rounds):
        assert case is not None
        start = time.perf_counter()
        with database.transaction() as session:
            intend(
                session,
                actor=actor,
                case_id=case.id,
                seen_seq=case.seq,
                decision="deny",
                amount=case.requested,
                reason_code="refused_content",
            )
        with database.transaction() as session:
            case = neighbour(session, WAITING, actor=actor, place=case.place, free=True)
            assert case is not None
            claims.claim(session, actor=actor, case_id=case.id)
            case_evidence(session, actor=actor, case_id=case.id)
        first.append((time.perf_counter() - start) * 1000)
        with database.transaction() as session:
            queue_page(session, WAITING, actor=actor, limit=LIMIT)
        took.append((time.perf_counter() - start) * 1000)
    print(f"decision to evidence of the next case: {spread(first)}")
    print(f"decision to next case with its queue:  {spread(took)}")


def seed(database: Database) -> None:
    with database.transaction() as session:
        in_force(session)
    with database.transaction() as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        for statement in SEED.split(";\n"):
            session.execute(text(statement.replace(":", r"\:")))


def tidy(database: Database) -> None:
    """What autovacuum would have done by the time of so many cases."""
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--folder", type=Path, help="keep the database here and use it again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="inkdesk-") as scratch:
        server = EmbeddedPostgres((options.folder or Path(scratch)) / "pg")
        database = connect(server.start())
        try:
            upgrade(database)
            with database.transaction() as session:
                seeded = session.scalar(select(CompensationCase.id).limit(1)) is not None
            if not seeded:
                seed(database)
            tidy(database)
            with database.transaction() as session:
                actor = active_staff(session)[0]
            report(database, actor, options.rounds)
        finally:
            database.dispose()
            server.stop()


if __name__ == "__main__":
    main()
