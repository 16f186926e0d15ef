"""Checking the books: the whole ledger, or what was posted since the last check and all that is under way."""

import dataclasses
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from core.ledger.books.cases import CASES
from core.ledger.books.charges import BY_CHARGE, CHARGES
from core.ledger.books.double_entry import DOUBLE_ENTRY
from core.ledger.books.requests import REQUESTS
from core.ledger.books.rules import Rule, in_scope
from core.ledger.books.sealing import SEALING
from core.ledger.books.wallets import WALLETS
from core.ledger.findings import Finding
from core.tables.generation import ENDED, OPEN, State

RULES = DOUBLE_ENTRY + WALLETS + CHARGES + CASES + REQUESTS + SEALING

STATES = {
    "open": [str(state) for state in OPEN],
    "unsuccessful": [str(state) for state in ENDED if state is not State.SUCCEEDED],
}

# A full check sorts and hashes millions of rows: with the server's defaults most of it would go to disk.
ROOM = {"work_mem": "128MB", "max_parallel_workers_per_gather": "2", "jit": "off"}
# In a recent check every query is small, and starting helpers would take longer than the work.
SMALL = {"work_mem": "32MB", "max_parallel_workers_per_gather": "0", "jit": "off"}

# What several rules need is drawn up once, the costly hash of each transfer first of all.
DRAWN_UP = {
    "digests": "SELECT t.id, t.xid, transfer_digest(t) AS digest FROM transfer t WHERE [transfers: t.id]",
    "by_charge": BY_CHARGE,
}
POSTED = """
SELECT t.id, t.generation_id FROM transfer t
WHERE t.id > :last_id OR (t.id > :restored_id AND t.xid >= cast(cast(:upto_xid AS text) AS xid8))
"""
TOUCHED = """
SELECT DISTINCT e.account_id FROM entry e JOIN account a ON a.id = e.account_id AND a.kind = 'wallet'
WHERE e.transfer_id = ANY (CAST(:transfers AS bigint[]))
"""
# A generation's end is written some seconds before it commits.
UNDER_WAY = """
SELECT id FROM generation WHERE state = ANY (:open)
UNION SELECT id FROM generation WHERE finished_at >= CAST(:since AS timestamptz) - interval '10 minutes'
"""


@dataclasses.dataclass(frozen=True)
class Scope:
    """What a recent check looks at: these rows, and the seals behind number `seal`."""

    transfers: list[int]
    wallets: list[int]
    generations: list[int]
    seal: int


def check_books(session: Session) -> list[Finding]:
    """Check every rule on the whole ledger; an empty list means that the books hold.

    Where postings may go on beside it, it takes a session of `Database.snapshot`, as `run` does.
    """
    return run(session, RULES, None)


def run(session: Session, rules: tuple[Rule, ...], scope: Scope | None) -> list[Finding]:
    """What the rules find, on the whole ledger or in a scope.

    What is drawn up and what each rule reads are statements of their own: the session has to see one moment.
    """
    recent = scope is not None
    values = STATES | (dataclasses.asdict(scope) if scope else {"seal": 0})
    # Seals from now on are for the next check: their rows may be younger than what is drawn up.
    values["newest"] = session.scalar(text("SELECT coalesce(max(number), 0) FROM ledger_seal"))
    _set(session, SMALL if recent else ROOM)
    for name, sql in DRAWN_UP.items():
        made = f"CREATE TEMPORARY TABLE {name} ON COMMIT DROP AS {in_scope(sql, recent=recent)}"
        session.execute(text(made), values)
        session.execute(text(f"ANALYZE {name}"))
    wanted = {rule.name for rule in rules}
    found: list[Finding] = []
    for sql in dict.fromkeys(rule.sql for rule in rules):
        named = next(rule.name for rule in rules if rule.sql == sql)
        for row in session.execute(text(in_scope(sql, recent=recent)), values).mappings():
            finding = Finding(row.get("rule", named), str(row["subject"]), str(row["detail"]))
            if finding.rule in wanted:
                found.append(finding)
    session.execute(text(f"DROP TABLE {', '.join(DRAWN_UP)}"))
    _set(session, dict.fromkeys(ROOM, "DEFAULT"))
    return found


def scope_since(session: Session, *, seal: int, since: datetime) -> Scope:
    """What was posted since the seal with this number, and what is under way or ended since that moment.

    A seal is exact about late commits, and so is what lies behind it; 0 means all.
    """
    edge = session.execute(
        text("SELECT last_id, restored_id, upto_xid::text FROM ledger_seal WHERE number = :seal"),
        {"seal": seal},
    ).one_or_none()
    values = edge._asdict() if edge else {"last_id": 0, "restored_id": 0, "upto_xid": "0"}
    posted = session.execute(text(POSTED), values).all()
    transfers = [row.id for row in posted]
    generations = {row.generation_id for row in posted if row.generation_id is not None}
    generations.update(session.scalars(text(UNDER_WAY), STATES | {"since": since}))
    wallets = list(session.scalars(text(TOUCHED), {"transfers": transfers}))
    return Scope(transfers, wallets, sorted(generations), seal if edge else 0)


def _set(session: Session, settings: dict[str, str]) -> None:
    for name, value in settings.items():
        quoted = value if value == "DEFAULT" else f"'{value}'"
        session.execute(text(f"SET LOCAL {name} = {quoted}"))
