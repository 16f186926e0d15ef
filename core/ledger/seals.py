"""Sealing the ledger, and keeping a copy of every seal outside the database.

A superuser can rewrite rows, hashes and seals alike, and everything inside the database agrees again. The
copies in the object store do not: they are written once, one object a seal. Give the bucket object lock, and
keys that the database's administrators do not have.
"""

import json

from sqlalchemy import Select, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from core.foundation.database import Database
from core.foundation.errors import InvalidInput, ServiceUnavailable
from core.storage import keys
from core.storage.objects import ObjectStore
from core.tables.seals import EpochAcceptance, LedgerEpoch, LedgerSeal, SealAnchor

JSON = "application/json"
# Seals wait for their copies while the object store is away; so many are caught up with at once.
MOST_AT_ONCE = 200
# A new epoch waits for the postings under way, and all others wait for it meanwhile.
WAIT_FOR_WRITERS = "2s"
LOCKED = "55P03"

SealRow = tuple[LedgerSeal, str]


def seal_ledger(database: Database, objects: ObjectStore) -> int | None:
    """Seal what was posted since the last seal, in a new epoch where the ledger moved to another cluster.

    The seal's number; None where there was nothing to seal, or somebody else is sealing. No posting waits for
    it, but for the moment in which an epoch begins. Raises ServiceUnavailable where a new epoch has to begin
    and the object store cannot tell which numbers are used.
    """
    with database.transaction() as session:
        needed = session.scalar(select(func.needs_epoch()))
    if needed:
        with database.transaction() as session:
            begin_epoch(session, objects)
    with database.transaction() as session:
        return session.scalar(select(func.seal_ledger()))


def begin_epoch(session: Session, objects: ObjectStore, *, forced: bool = False) -> int | None:
    """Begin an epoch under a number that neither the database nor the object store has seen.

    None when another session was first; `forced` begins one in any case. Raises ServiceUnavailable when the
    object store does not answer, or a posting under way does not end.
    """
    # Asked first, while no transaction is open yet.
    kept = max((_epoch_of(key) for key in objects.keys(keys.SEALS)), default=0)
    known = session.scalar(select(func.max(LedgerEpoch.number))) or 0
    session.execute(text(f"SET LOCAL lock_timeout = '{WAIT_FOR_WRITERS}'"))
    try:
        number = session.scalar(select(func.begin_epoch(max(known, kept) + 1, forced)))
    except DBAPIError as exc:
        if getattr(exc.orig, "sqlstate", None) != LOCKED:
            raise
        raise ServiceUnavailable(
            "A posting under way did not end, so no new epoch of the ledger began. Try again in a moment."
        ) from exc
    session.execute(text("SET LOCAL lock_timeout = 0"))
    return number


def accept_epoch(session: Session, objects: ObjectStore, *, by: str, reason: str) -> int:
    """Say why the ledger lives in a new epoch, such as a restored backup; until then the books report it.

    Where no epoch waits for that, a new one begins: for when copies of seals in the object store are of a
    history that a restore has undone. The epoch's number. Raises InvalidInput (by, reason).
    """
    if not by.strip() or not reason.strip():
        raise InvalidInput("Say who accepts the new epoch, and why the ledger moved.")
    waiting = session.scalar(
        select(LedgerEpoch.number)
        .join(EpochAcceptance, EpochAcceptance.epoch == LedgerEpoch.number, isouter=True)
        .where(EpochAcceptance.epoch.is_(None), LedgerEpoch.number > 1)
        .order_by(LedgerEpoch.number.desc())
        .limit(1)
    )
    epoch = waiting or begin_epoch(session, objects, forced=True)
    assert epoch is not None  # noqa: S101 - forced
    session.add(EpochAcceptance(epoch=epoch, accepted_by=by.strip(), reason=reason.strip()))
    session.flush()
    return epoch


def anchor_seals(database: Database, objects: ObjectStore) -> int:
    """Copy seals that have no copy yet into the object store, the oldest first; how many there are more.

    A key that holds something else stays as it is, and the books report it. Raises ServiceUnavailable.
    """
    anchored = 0
    with database.transaction() as session:
        waiting = session.execute(unanchored().limit(MOST_AT_ONCE)).all()
    for row in waiting:
        key = keys.seal(row[0].epoch, row[0].number)
        if not objects.put_new(key, content((row[0], row[1])), JSON):
            break
        with database.transaction() as session:
            anchor = {"seal": row[0].number, "object_key": key}
            session.execute(insert(SealAnchor).values(anchor).on_conflict_do_nothing())
        anchored += 1
    return anchored


def content(row: SealRow) -> bytes:
    """The object's bytes: all that a seal says, so that no edited column goes unnoticed."""
    seal, home = row
    told = {
        "number": seal.number,
        "epoch": seal.epoch,
        "home": home,
        "restored_id": seal.restored_id,
        "upto_xid": seal.upto_xid,
        "last_id": seal.last_id,
        "transfers": seal.transfers,
        "latest_at": seal.latest_at.timestamp() if seal.latest_at else None,
        "rows_hash": seal.rows_hash.hex(),
        "previous_hash": seal.previous_hash.hex(),
        "hash": seal.hash.hex(),
        "sealed_at": seal.sealed_at.timestamp(),
    }
    return json.dumps(told, indent=1).encode()


def seals() -> Select[LedgerSeal, str]:
    """Seals with the home of their epoch."""
    return select(LedgerSeal, LedgerEpoch.home).join(LedgerEpoch, LedgerEpoch.number == LedgerSeal.epoch)


def unanchored() -> Select[LedgerSeal, str]:
    """The seals of the newest epoch that have no copy, the oldest first.

    Former epochs are covered by the chain: each seal holds the hash of the one before it.
    """
    newest = select(func.max(LedgerEpoch.number)).scalar_subquery()
    return (
        seals()
        .join(SealAnchor, SealAnchor.seal == LedgerSeal.number, isouter=True)
        .where(SealAnchor.seal.is_(None), LedgerSeal.epoch == newest)
        .order_by(LedgerSeal.number)
    )


def _epoch_of(key: str) -> int:
    number = key.removeprefix(keys.SEALS).split("/")[0]
    return int(number) if number.isdecimal() else 0
