"""Checks of the books that are written down, and what stands found by them."""

import dataclasses
import time
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.foundation.database import Database
from core.foundation.leases import take_named
from core.ledger.anchors import AnchorState, verify_anchors
from core.ledger.books.check import RULES, run, scope_since
from core.ledger.findings import Finding
from core.storage.objects import ObjectStore
from core.tables.ledger import Transfer
from core.tables.seals import BooksCheck, BooksFinding, LedgerSeal, SealAnchor

FULL, RECENT = "full", "recent"
# One worker at a time; a check that takes longer than this is not waited for.
LEASE, LEASE_SECONDS, LOOK_EVERY_SECONDS = "books", 600.0, 15.0
FULL_EVERY = timedelta(days=1)
# Staff sleep and customers draw little: the check of the whole ledger comes at this hour (UTC).
NIGHT_HOUR = 3
# While something stands found, the whole ledger is looked at more often: it may be mended.
FULL_EVERY_WHILE_BROKEN = timedelta(minutes=15)
RECENT_EVERY = timedelta(minutes=5)
# Without any check for so long nothing is known, whatever the last one found.
STALE_AFTER = timedelta(hours=1)
# What a broken ledger breaks may be much: so many findings of one check are kept.
MOST_KEPT = 1_000


@dataclasses.dataclass(frozen=True)
class Badge:
    """The last full check and the newest seal, for the operator's screen."""

    full: BooksCheck | None
    latest: BooksCheck | None
    standing: tuple[Finding, ...]
    seal: LedgerSeal | None
    anchored_at: datetime | None


def check_full(database: Database, objects: ObjectStore) -> BooksCheck:
    """Check the whole ledger and the copies of its seals, and write down what was found."""
    return _check(database, objects, FULL)


def check_recent(database: Database, objects: ObjectStore) -> BooksCheck:
    """Check what was posted since the last check and what is under way, and write down what was found.

    Exact as the seals are: it begins behind the seal that stood at the last check, so that what committed
    late since is in it. Without a former check it reads everything.
    """
    return _check(database, objects, RECENT)


def check_in_turn(database: Database, objects: ObjectStore, *, worker: str) -> BooksCheck | None:
    """Make the check that is due, where it is this worker's turn."""
    with database.transaction() as session:
        mine = take_named(
            session, LEASE, worker=worker, lease_seconds=LEASE_SECONDS, every_seconds=LOOK_EVERY_SECONDS
        )
        due = check_due(session, session.scalars(select(func.clock_timestamp())).one()) if mine else None
    if due is None:
        return None
    return check_full(database, objects) if due == FULL else check_recent(database, objects)


def check_due(session: Session, now: datetime) -> str | None:
    """Which check is due now: full each night (and when none is younger than a day), recent in between."""
    full = latest(session, FULL)
    night = now.astimezone(UTC).replace(hour=NIGHT_HOUR, minute=0, second=0, microsecond=0)
    night -= timedelta(days=1) if now < night else timedelta()
    if full is None or now - full.started_at > FULL_EVERY or full.started_at < night:
        return FULL
    if standing(session) and now - full.started_at > FULL_EVERY_WHILE_BROKEN:
        return FULL
    last = latest(session)
    if last is None or now - last.started_at >= RECENT_EVERY * 0.9:
        return RECENT
    return None


def latest(session: Session, kind: str | None = None) -> BooksCheck | None:
    """The last check, or the last one of a kind."""
    query = select(BooksCheck).order_by(BooksCheck.id.desc()).limit(1)
    if kind is not None:
        query = query.where(BooksCheck.kind == kind)
    return session.scalars(query).one_or_none()


def standing(session: Session) -> list[Finding]:
    """What the last full check found, and every recent one since: only a full one can say that it is over."""
    full = latest(session, FULL)
    rows = session.execute(
        select(BooksFinding.rule, BooksFinding.subject, BooksFinding.detail)
        .where(BooksFinding.check_id >= (full.id if full else 0))
        .order_by(BooksFinding.id)
    )
    found = {(row.rule, row.subject): Finding(row.rule, row.subject, row.detail) for row in rows}
    return list(found.values())


def badge(session: Session) -> Badge:
    """What the operator's screen shows of the books."""
    newest = session.execute(
        select(LedgerSeal, SealAnchor.anchored_at)
        .join(SealAnchor, SealAnchor.seal == LedgerSeal.number, isouter=True)
        .order_by(LedgerSeal.number.desc())
        .limit(1)
    ).one_or_none()
    return Badge(
        full=latest(session, FULL),
        latest=latest(session),
        standing=tuple(standing(session)),
        seal=newest[0] if newest else None,
        anchored_at=newest[1] if newest else None,
    )


def _check(database: Database, objects: ObjectStore, kind: str) -> BooksCheck:
    """Read in one snapshot, then write down: what was read need not stand still for as long as the store is
    asked, and what is written is of this check alone."""
    began = time.perf_counter()
    anchors = verify_anchors(database, objects)
    with database.snapshot(read_only=False) as session:
        check, found = _read(session, kind)
    found += anchors.findings
    check.anchor, check.findings = anchors.state, len(found)
    check.took_seconds = time.perf_counter() - began
    with database.transaction() as session:
        session.add(check)
        session.flush()
        kept = found[:MOST_KEPT]
        session.add_all(BooksFinding(check_id=check.id, **dataclasses.asdict(each)) for each in kept)
    return check


def _read(session: Session, kind: str) -> tuple[BooksCheck, list[Finding]]:
    """A check that is not yet written, and what it finds in the database."""
    started: datetime = session.scalars(select(func.clock_timestamp())).one()
    former = latest(session)
    # The seal that stands in this snapshot is where the next check begins.
    seal = session.scalars(select(LedgerSeal).order_by(LedgerSeal.number.desc()).limit(1)).one_or_none()
    if kind == RECENT and former is not None:
        scope = scope_since(session, seal=former.seal or 0, since=former.started_at)
        looked_at = len(scope.transfers)
    else:
        scope = None
        looked_at = session.scalar(select(func.count()).select_from(Transfer)) or 0
    check = BooksCheck(
        kind=kind,
        started_at=started,
        transfers=looked_at,
        seal=seal.number if seal else None,
        head_hash=seal.hash if seal else None,
    )
    return check, run(session, RULES, scope)


__all__ = [
    "AnchorState",
    "Badge",
    "badge",
    "check_due",
    "check_full",
    "check_in_turn",
    "check_recent",
    "latest",
    "standing",
]
