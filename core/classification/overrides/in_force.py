"""The override rules that count now: read at most every two seconds a process, and never in the way."""

import dataclasses
import logging
import threading
import time
import weakref

from sqlalchemy import Engine, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from core.classification.overrides.matching import Conditions, Override
from core.classification.taxonomy import FailureClass
from core.foundation.database import lost_connection
from core.tables.overrides import ErrorOverride, ErrorOverrideVersion

log = logging.getLogger(__name__)

# A change counts for the next failure within this time and the time of one small query, in every process.
FRESH_SECONDS = 2.0
ANSWER_WITHIN_MS = 1_000


@dataclasses.dataclass
class _Held:
    """What one process knows; hundreds of attempts that fail in a second share it."""

    rules: tuple[Override, ...] = ()
    read_at: float | None = None
    lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)

    def take_turn(self) -> bool:
        """Whether the caller is to read again; nobody waits for another who reads."""
        with self.lock:
            now = time.monotonic()
            if self.read_at is not None and now - self.read_at < FRESH_SECONDS:
                return False
            # Before anything was read all read, because to have no rules yet is no answer.
            self.read_at = now if self.read_at is not None else None
            return True

    def keep(self, rules: tuple[Override, ...] | None) -> None:
        with self.lock:
            self.read_at = time.monotonic()
            self.rules = self.rules if rules is None else rules


_held: weakref.WeakKeyDictionary[Engine, _Held] = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def overrides_in_force(session: Session) -> tuple[Override, ...]:
    """The rules that are switched on, in the order in which they are asked, two seconds old at most.

    Where they cannot be read, those that were known stay, at first none, so that built-in rules go on. The
    caller's transaction is as usable as before, unless the connection itself is lost: that is raised.
    """
    with _lock:
        held = _held.setdefault(session.get_bind().engine, _Held())
    if held.take_turn():
        held.keep(_read_or_none(session))
    return held.rules


def read_overrides(session: Session) -> tuple[Override, ...]:
    """The rules that are switched on, as they are at this moment."""
    version = ErrorOverrideVersion
    rows = session.scalars(
        select(version)
        .join(
            ErrorOverride,
            (ErrorOverride.id == version.override_id) & (ErrorOverride.version == version.version),
        )
        .where(version.enabled)
        .order_by(version.position, version.override_id)
        .execution_options(populate_existing=True)
    )
    # A class of a newer Inkdesk, which a process of the older one does not know yet, is no class here.
    return tuple(override_of(row) for row in rows if row.failure_class in tuple(FailureClass))


def override_of(row: ErrorOverrideVersion) -> Override:
    """A version as the classifier takes it."""
    return Override(
        id=row.override_id,
        version=row.version,
        conditions=conditions_of(row),
        failure_class=FailureClass(row.failure_class),
        made_by=row.made_by,
        reason=row.reason,
    )


def conditions_of(row: ErrorOverrideVersion) -> Conditions:
    return Conditions(row.pattern, row.place, row.http_status, row.code, row.model)


def _read_or_none(session: Session) -> tuple[Override, ...] | None:
    try:
        with session.begin_nested():
            session.execute(text(f"SET LOCAL statement_timeout = {ANSWER_WITHIN_MS}"))
            found = read_overrides(session)
            session.execute(text("SET LOCAL statement_timeout = 0"))
    except DBAPIError as exc:
        if lost_connection(exc):
            raise
        log.warning("override rules cannot be read, built-in rules go on: %s", type(exc.orig).__name__)
        return None
    return found
