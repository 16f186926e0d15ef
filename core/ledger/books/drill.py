"""The drill: plant one fault for each rule in the real database, see its alarm ring, and roll all back.

It looks at the rows of its own scene and at the newest seal only, and so takes a second or two on a ledger of
any size. It needs the right to switch triggers off (a superuser, or SET on session_replication_role), because
the triggers refuse every one of these faults.
"""

import dataclasses
import time
from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from core.foundation.database import Database
from core.ledger.anchors import MISMATCH, MISSING, compare, expected
from core.ledger.books.check import RULES, Scope, run
from core.ledger.books.plants import PLANTS
from core.ledger.books.scene import ABSENT, Scene, covered_by
from core.ledger.findings import Finding
from core.storage.objects import ObjectStore

ANCHOR_RULES = {
    MISSING: "Every copy of a seal is still in the object store.",
    MISMATCH: "Every copy of a seal says what the database says.",
}
PROMISES = {rule.name: rule.promise for rule in RULES} | ANCHOR_RULES
REFUSED = "this database user may not switch triggers off (it takes SET on session_replication_role)"
NOTHING_SEALED = "nothing is sealed yet"
NO_COPY = "no copy of a seal was made yet"
NO_STORE = "the object store was not asked"
BUSY = "the tables are in use; try again"
# One fault needs a constraint out of the way, and must not make postings wait for longer than this.
LOCK_TIMEOUT = "1s"
LOCKED = "55P03"
NO_PRIVILEGE = "42501"


@dataclasses.dataclass(frozen=True)
class Alarm:
    """What one rule did when its fault was planted. `fired` is None where it could not be tried."""

    rule: str
    promise: str
    fired: bool | None
    why: str | None = None


@dataclasses.dataclass(frozen=True)
class Drill:
    """One drill: every rule's alarm, in the rules' order. `refused` says why none could be tried."""

    at: datetime
    took_seconds: float
    alarms: tuple[Alarm, ...]
    refused: str | None = None

    @property
    def passed(self) -> bool:
        """Whether every alarm that could be tried rang, and at least one could."""
        tried = [alarm.fired for alarm in self.alarms if alarm.fired is not None]
        return bool(tried) and all(tried)


def drill(database: Database, objects: ObjectStore | None = None) -> Drill:
    """Plant one fault for each rule, in a transaction that is always rolled back. Nothing remains.

    With the object store the comparison of seals with their copies is tried too; it is only read.
    """
    began = time.perf_counter()
    with database.sessions() as session:
        try:
            at: datetime = session.scalars(select(func.clock_timestamp())).one()
            alarms, refused = _try_all(session, objects)
        finally:
            session.rollback()
    return Drill(at, time.perf_counter() - began, tuple(alarms), refused)


def plant(session: Session, sql: str, names: dict[str, int]) -> None:
    """Plant one fault of the catalogue."""
    for statement in sql.format(**names).split(";"):
        session.execute(text(statement))


def _try_all(session: Session, objects: ObjectStore | None) -> tuple[list[Alarm], str | None]:
    # The object store is asked in the middle of it.
    session.execute(text("SET LOCAL idle_in_transaction_session_timeout = '60s'"))
    scene = Scene(session)
    session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    try:
        with session.begin_nested():
            session.execute(text("SET LOCAL session_replication_role = replica"))
    except DBAPIError as exc:
        if getattr(exc.orig, "sqlstate", None) != NO_PRIVILEGE:
            raise
        return [Alarm(rule, promise, None, REFUSED) for rule, promise in PROMISES.items()], REFUSED
    session.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
    scope = scope_of(session, scene.names)
    return [_try(session, rule, scene.names, scope, objects) for rule in PROMISES], None


def _try(
    session: Session, rule: str, names: dict[str, int], scope: Scope, objects: ObjectStore | None
) -> Alarm:
    sql = PLANTS[rule][0]
    if ("{sealed}" in sql or "{seal}" in sql) and "seal" not in names:
        return Alarm(rule, PROMISES[rule], None, NOTHING_SEALED)
    if rule in ANCHOR_RULES and (objects is None or "anchored" not in names):
        return Alarm(rule, PROMISES[rule], None, NO_STORE if objects is None else NO_COPY)
    planted = session.begin_nested()
    try:
        plant(session, sql, names)
        return Alarm(
            rule, PROMISES[rule], rule in {found.rule for found in _look(session, rule, scope, objects)}
        )
    except DBAPIError as exc:
        if getattr(exc.orig, "sqlstate", None) != LOCKED:
            raise
        return Alarm(rule, PROMISES[rule], None, BUSY)
    finally:
        planted.rollback()


def _look(session: Session, rule: str, scope: Scope, objects: ObjectStore | None) -> list[Finding]:
    if rule in ANCHOR_RULES:
        return list(compare(expected(session), objects).findings) if objects else []
    return run(session, tuple(each for each in RULES if each.name == rule), scope)


def scope_of(session: Session, names: dict[str, int]) -> Scope:
    """The scene's own rows, and the newest seal with all that it covers."""
    of_customers = "SELECT id FROM account WHERE customer_id = ANY (:customers)"
    customers = [names["customer"], names["other"]]
    wallets = list(session.scalars(text(of_customers), {"customers": customers}))
    own = "SELECT transfer_id FROM entry WHERE account_id = ANY (:wallets)"
    transfers = set(session.scalars(text(own), {"wallets": wallets}))
    transfers |= {ABSENT, names["capture"], names["mistaken"], names["reversal"], names["clawed"]}
    if "seal" in names:
        transfers.update(covered_by(session, names["seal"]))
    of_scene = ("running", "done", "failed", "canceled", "undecided", "preview", "absent")
    generations = [names[name] for name in of_scene]
    accounts = [*wallets, names["revenue"], ABSENT]
    return Scope(sorted(transfers), accounts, generations, names.get("seal", 1) - 1)
