"""How far the provider's clock is from ours, as far as what was seen bounds it. Pure: it has no clock itself.

Offsets are seconds, the provider's clock minus ours; "ours" is the database's, which stamps every intent, so
no other clock of any process is compared. Two sources tell: `created_at` of our own predictions, which is the
very clock that the provider's list is filtered by, and the Date of its answers, which whoever stands before
the provider may have written. So a Date may widen what is asked of the list; only `created_at` narrows it.
"""

import dataclasses
from datetime import datetime, timedelta
from typing import Self

# A Date has whole seconds, and servers write it anew once a second.
DATE_SPAN = 2.0
# Replicate's answers to POST and GET give slightly different `created_at` for one prediction; and where a
# clock is nudged by a second or two, nothing has stepped.
CREATED_JITTER = 2.0
# Seconds by which a clock may drift for each second that passes, while it is being set right smoothly, and
# the most that is put down to it: what is more is a step. Together with PRECISE well below SLACK.
DRIFT = 0.1
MOST_DRIFT = 30.0
# What bounds the offset less closely than this cannot confirm that it is still the same.
PRECISE = 15.0
# After a step: so many further agreeing sightings until it is believed again.
DOUBTS = 2
# Without confirmation for so long, the offset of this moment is not known.
FRESH = timedelta(minutes=15)
# Asked for beyond what the offset demands; the list must reach so far that a part of it is left.
SLACK = timedelta(seconds=60)
MARGIN = timedelta(seconds=5)
# Asked for beyond that while `created_at` has not told the offset.
REACH = timedelta(hours=2)


@dataclasses.dataclass(frozen=True)
class Span:
    """The offset lies from `low` to `high`, in seconds."""

    low: float
    high: float

    @property
    def width(self) -> float:
        return self.high - self.low

    @property
    def least(self) -> float:
        """The offset nearest to none that is possible."""
        return max(self.low, min(0.0, self.high))

    def __and__(self, other: "Span") -> "Span | None":
        low, high = max(self.low, other.low), min(self.high, other.high)
        return Span(low, high) if low <= high else None

    def wider(self, seconds: float) -> "Span":
        return Span(self.low - seconds, self.high + seconds)


def from_date(date: datetime, *, before: datetime, after: datetime) -> Span | None:
    """What the Date of an answer tells that came between two moments of ours; None if those make no sense."""
    return _span(date, date + timedelta(seconds=DATE_SPAN), before, after)


def from_creation(created_at: datetime, *, before: datetime, after: datetime) -> Span | None:
    """What `created_at` of a prediction tells that was made between two moments of ours."""
    jitter = timedelta(seconds=CREATED_JITTER)
    return _span(created_at - jitter, created_at + jitter, before, after)


def _span(first: datetime, last: datetime, before: datetime, after: datetime) -> Span | None:
    if after < before:  # our clock was set back meanwhile
        return None
    return Span((first - after).total_seconds(), (last - before).total_seconds())


def _drift(one: datetime, other: datetime) -> float:
    return min(DRIFT * abs((one - other).total_seconds()), MOST_DRIFT)


@dataclasses.dataclass(frozen=True)
class Track:
    """What one source has told so far; `at` is our time of the last confirmation.

    `doubts` counts the agreeing sightings that it takes to believe it again after a step; intents up to the
    attempt `step` were stamped before that step, so the offset since does not say where to look for them.
    """

    span: Span
    at: datetime
    doubts: int = 0
    step: int = 0

    def confirmed(self, since: datetime, now: datetime) -> bool:
        """Whether it is believed, and was seen in this time; of two transactions the later may end first."""
        return not self.doubts and since <= self.at <= now + MARGIN

    def aged(self, moment: datetime) -> Span:
        """The offset at another moment, when the clocks may have drifted."""
        return self.span.wider(_drift(self.at, moment))

    def follow(self, seen: Span, *, at: datetime, now: datetime, newest: int) -> "Track":
        """The track after another sighting, begun `at`."""
        agreed = self.aged(at) & seen
        # A confirmation that lies ahead of us shows that our clock was set back.
        if agreed is None or self.at > now + MARGIN:
            return Track(seen, at, DOUBTS, newest)
        if seen.width > max(PRECISE, self.span.width):
            return self
        return Track(agreed, max(at, self.at), max(self.doubts - 1, 0), self.step)


@dataclasses.dataclass(frozen=True)
class Known:
    """The offset as it is believed. `exact`: confirmed by `created_at`, at least as far as it is known.

    Attempts up to `step` were stamped before a step of one of the clocks.
    """

    span: Span
    at: datetime
    step: int
    exact: bool


@dataclasses.dataclass(frozen=True)
class ClockOffset:
    """What both sources have told."""

    created: Track | None = None
    date: Track | None = None

    def seeing(self, source: str, seen: Span, *, at: datetime, now: datetime, newest: int) -> Self:
        """The same after one more sighting by `source`, which is `created` or `date`.

        `newest` is the latest attempt that may have been stamped while the offset was another one.
        """
        track: Track | None = getattr(self, source)
        followed = track.follow(seen, at=at, now=now, newest=newest) if track else Track(seen, at, 0, newest)
        return dataclasses.replace(self, **{source: followed})

    def known(self, since: datetime, now: datetime) -> Known | None:
        """The offset of now, or None where nothing has confirmed it since then.

        What contradicts `created_at` is not believed: a Date that does so lies, unless a clock has stepped
        since, and then it takes another creation to tell.
        """
        created, date = self.created, self.date
        # Whoever noticed a step: it may have been undone before the other source told again.
        step = max((track.step for track in (created, date) if track), default=0)
        telling = date.aged(now) if date and date.confirmed(since, now) else None
        if created is not None and created.confirmed(since, now):
            span = created.aged(now)
            return Known((telling and span & telling) or span, created.at, step, exact=True)
        if date is None or telling is None:
            return None
        if created is None:
            return Known(telling, date.at, step, exact=False)
        agreed = telling & created.aged(now)
        return Known(agreed, date.at, step, exact=True) if agreed else None

    def ask_from(self, submitted: datetime, *, first: int | None, now: datetime) -> datetime:
        """From when to list, by the provider's clock, to find what was `submitted` by ours.

        `first` is the earliest attempt whose answer is missing; the list reaches far back where the offset
        is not known well enough, or was another one at that time.
        """
        lows = [track.aged(now).low for track in (self.created, self.date) if track]
        known = self.known(now - FRESH, now)
        if known and known.exact and (first is None or first > known.step):
            return submitted + timedelta(seconds=min(lows)) - SLACK
        return submitted + timedelta(seconds=min(0.0, *lows) if lows else 0.0) - REACH - SLACK

    def covers(self, asked: datetime, submitted: datetime, *, attempt: int, now: datetime) -> bool:
        """Whether a whole list `asked` from there must hold what this attempt made, if it made anything."""
        known = self.known(submitted, now)
        if known is None or attempt <= known.step:
            return False
        lowest = known.span.low - _drift(submitted, known.at)
        return asked <= submitted + timedelta(seconds=lowest) - MARGIN

    def to_ours(self, moment: datetime, now: datetime) -> datetime:
        """A time of the provider by our clock, changed as little as what was seen demands."""
        known = self.known(now - FRESH, now)
        return moment - timedelta(seconds=known.span.least) if known else moment

    def to_theirs(self, now: datetime) -> datetime | None:
        """This moment by the provider's clock; None where that is not known."""
        known = self.known(now - FRESH, now)
        return now + timedelta(seconds=known.span.least) if known else None
