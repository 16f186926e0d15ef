"""The life of an alert, as a pure function of what is seen and when: no clock and no database of its own.

nothing -> pending -> firing -> recovering -> resolved
              |         ^           |
              v         +-----------+
          resolved (it never fired, nobody is told)
"""

import dataclasses
import enum
from datetime import datetime, timedelta

from core.tables.alerts import AlertState


class Sight(enum.StrEnum):
    """What one evaluation saw."""

    BAD = "bad"
    GOOD = "good"
    NO_DATA = "no_data"  # too little happened to say
    BLIND = "blind"  # the question itself could not be answered


class NoData(enum.StrEnum):
    """What no data counts as."""

    KEEP = "keep"  # as it was, for an hour at most
    GOOD = "good"
    BAD = "bad"


LIVE = (AlertState.FIRING, AlertState.RECOVERING)
# What fired and then saw no traffic at all for this long is no longer said to fire.
KEPT_WITHOUT_DATA = timedelta(hours=1)


@dataclasses.dataclass(frozen=True)
class Timing:
    """How long it must be bad to fire (`wait`), and good to be over (`keep`)."""

    wait: timedelta
    keep: timedelta
    no_data: NoData = NoData.KEEP


@dataclasses.dataclass(frozen=True)
class Standing:
    """An alert's state since when, when it first was bad, and when data were last heard."""

    state: AlertState
    since: datetime
    pending_since: datetime
    heard_at: datetime


def step(before: Standing | None, sight: Sight, timing: Timing, at: datetime) -> Standing | None:
    """The standing after one evaluation at `at`; None where there is no alert.

    A resolved alert has ended: the caller asks with None for the next one. A moment before the standing's own
    (a clock that was set back) changes nothing.
    """
    if before is not None and at < before.heard_at:
        return before
    seen = _effective(before, sight, timing, at)
    if seen is None:
        return before
    if before is None:
        return _begin(timing, at) if seen is Sight.BAD else None
    heard = before if sight is Sight.NO_DATA else dataclasses.replace(before, heard_at=at)
    return _worse(heard, timing, at) if seen is Sight.BAD else _better(heard, timing, at)


def _effective(before: Standing | None, sight: Sight, timing: Timing, at: datetime) -> Sight | None:
    """What the sight counts as: bad, good, or None for "as it was"."""
    if sight is Sight.BLIND:
        return None
    if sight is not Sight.NO_DATA:
        return sight
    if timing.no_data is NoData.KEEP:
        stale = before is not None and at - before.heard_at >= KEPT_WITHOUT_DATA
        return Sight.GOOD if stale else None
    return Sight(timing.no_data.value)


def _begin(timing: Timing, at: datetime) -> Standing:
    state = AlertState.PENDING if timing.wait > timedelta() else AlertState.FIRING
    return Standing(state, since=at, pending_since=at, heard_at=at)


def _worse(before: Standing, timing: Timing, at: datetime) -> Standing:
    late = at - before.pending_since >= timing.wait
    if before.state is AlertState.RECOVERING or (before.state is AlertState.PENDING and late):
        return dataclasses.replace(before, state=AlertState.FIRING, since=at)
    return before


def _better(before: Standing, timing: Timing, at: datetime) -> Standing:
    resolved = dataclasses.replace(before, state=AlertState.RESOLVED, since=at)
    if before.state is AlertState.PENDING:
        return resolved
    if before.state is AlertState.FIRING:
        recovering = dataclasses.replace(before, state=AlertState.RECOVERING, since=at)
        return recovering if timing.keep > timedelta() else resolved
    if before.state is AlertState.RECOVERING and at - before.since >= timing.keep:
        return resolved
    return before
