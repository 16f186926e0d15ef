"""Comparing the seals with their copies outside: what a superuser did inside the database shows here."""

import dataclasses
import enum
from collections.abc import Callable

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.foundation.database import Database
from core.foundation.errors import NotFound, ServiceUnavailable
from core.ledger.findings import Finding
from core.ledger.seals import SealRow, content, seals, unanchored
from core.storage import keys
from core.storage.objects import ObjectStore
from core.tables.seals import LedgerEpoch, LedgerSeal, SealAnchor

MISMATCH = "anchor_mismatch"
MISSING = "anchor_missing"


class AnchorState(enum.StrEnum):
    """What the comparison came to."""

    MATCHES = "matches"  # the newest copy of each epoch says what the database says
    NONE = "none"  # there is no copy yet
    MISSING = "missing"  # a copy that was made is gone from the object store
    MISMATCH = "mismatch"  # a copy says something else, or there is one of a seal that the database lost
    UNREACHABLE = "unreachable"  # the object store does not answer: nothing is known


@dataclasses.dataclass(frozen=True)
class Anchors:
    """The comparison, and what it found."""

    state: AnchorState
    findings: tuple[Finding, ...] = ()


# Number, key and bytes of each copy.
Copies = tuple[tuple[int, str, bytes], ...]


@dataclasses.dataclass(frozen=True)
class Expected:
    """What the database says of its seals: key and bytes of each copy that is compared."""

    newest: Copies  # the newest copied seal of every epoch
    waiting: Copies  # the first seal that has no copy yet, if any
    epoch: int | None
    last: int


def verify_anchors(database: Database, objects: ObjectStore) -> Anchors:
    """Compare the newest copied seal of every epoch, and look for copies of seals that are not there.

    One an epoch is enough: each seal holds the hash of the one before, and the books replay that chain. No
    transaction is open while the object store is asked; a seal that is made meanwhile is not missed.
    """
    with database.snapshot() as session:
        told = expected(session)

    def made_since() -> Copies:
        with database.snapshot() as session:
            later = seals().where(LedgerSeal.epoch == told.epoch, LedgerSeal.number > told.last)
            return tuple(_copy((row[0], row[1])) for row in session.execute(later))

    return compare(told, objects, made_since)


def expected(session: Session) -> Expected:
    """What is to be compared."""
    newest = (
        select(func.max(SealAnchor.seal))
        .join(LedgerSeal, LedgerSeal.number == SealAnchor.seal)
        .group_by(LedgerSeal.epoch)
    )
    copied = session.execute(seals().where(LedgerSeal.number.in_(newest)).order_by(LedgerSeal.number))
    waiting = session.execute(unanchored().limit(1))
    return Expected(
        newest=tuple(_copy((row[0], row[1])) for row in copied),
        waiting=tuple(_copy((row[0], row[1])) for row in waiting),
        epoch=session.scalar(select(func.max(LedgerEpoch.number))),
        last=session.scalar(select(func.max(LedgerSeal.number))) or 0,
    )


def compare(told: Expected, objects: ObjectStore, made_since: Callable[[], Copies] = tuple) -> Anchors:
    """What the object store says to it. `made_since` gives the seals made since the database was asked."""
    try:
        found = [finding for each in told.newest if (finding := _compare(objects, *each))]
        # A key that is taken by another: recomputed, or of a history that a restore has undone.
        taken = [finding for each in told.waiting if (finding := _compare(objects, *each))]
        found += [finding for finding in taken if finding.rule == MISMATCH]
        found += _lost(told, objects, made_since)
    except ServiceUnavailable:
        return Anchors(AnchorState.UNREACHABLE)
    rules = {finding.rule for finding in found}
    if MISMATCH in rules:
        return Anchors(AnchorState.MISMATCH, tuple(found))
    if MISSING in rules:
        return Anchors(AnchorState.MISSING, tuple(found))
    return Anchors(AnchorState.MATCHES if told.newest else AnchorState.NONE)


def _copy(row: SealRow) -> tuple[int, str, bytes]:
    return row[0].number, keys.seal(row[0].epoch, row[0].number), content(row)


def _lost(told: Expected, objects: ObjectStore, made_since: Callable[[], Copies]) -> list[Finding]:
    """Copies of seals of this epoch that the database does not have: its end was cut off."""
    if told.epoch is None:
        return []
    after = keys.seal(told.epoch, told.last)
    unknown = list(objects.keys(keys.seals_of(told.epoch), after=after))
    younger = {copy[1]: copy for copy in made_since()} if unknown else {}
    lost = [Finding(MISMATCH, key, "no such seal in the database") for key in unknown if key not in younger]
    known = [_compare(objects, *younger[key]) for key in unknown if key in younger]
    return lost + [finding for finding in known if finding]


def _compare(objects: ObjectStore, number: int, key: str, told: bytes) -> Finding | None:
    try:
        kept = objects.get(key)
    except NotFound:
        return Finding(MISSING, str(number), f"{key} is gone")
    if kept == told:
        return None
    return Finding(MISMATCH, str(number), f"{key} says something else")
