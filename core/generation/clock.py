"""The offset of the provider's clock as all processes know it: two rows, which whoever sees more writes."""

import dataclasses
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.provider.clock_offset import ClockOffset, Span, Track, from_creation, from_date
from core.provider.reports import ProviderReport
from core.tables.generation import RenderAttempt
from core.tables.provider import ProviderClock

# What only says the same again is written down this often: lists come all the time, but each creation may be
# the last for long, and what was asked for before it waits for it.
CONFIRMED_EVERY = {"created": timedelta(), "date": timedelta(seconds=1)}
# Before anything was seen, a clock may have stepped unnoticed; not in so short a time.
UNNOTICED = timedelta(minutes=1)


def clock_offset(session: Session, *, locked: bool = False) -> ClockOffset:
    """What is known of the provider's clock."""
    query = select(ProviderClock).order_by(ProviderClock.source).execution_options(populate_existing=True)
    rows = session.scalars(query.with_for_update() if locked else query)
    found = {row.source: Track(Span(row.low, row.high), row.seen_at, row.doubts, row.step) for row in rows}
    return ClockOffset(found.get("created"), found.get("date"))


def learn_from_creation(session: Session, report: ProviderReport, *, before: datetime, now: datetime) -> None:
    """A prediction of ours was made between these two moments of the database's clock."""
    if report.created_at is not None:
        _learn(session, "created", from_creation(report.created_at, before=before, after=now), before, now)


def learn_from_date(session: Session, date: datetime | None, *, before: datetime) -> ClockOffset:
    """The provider answered between that moment of the database's clock and this one; what is known now."""
    if date is None:
        return clock_offset(session)
    now: datetime = session.scalars(select(func.clock_timestamp())).one()
    return _learn(session, "date", from_date(date, before=before, after=now), before, now)


def in_our_time(session: Session, report: ProviderReport) -> ProviderReport:
    """The report of a finished prediction, its start and end by our clock."""
    if not report.status.terminal or report.completed_at is None:
        return report
    now: datetime = session.scalars(select(func.clock_timestamp())).one()
    known = clock_offset(session)
    return dataclasses.replace(
        report,
        started_at=report.started_at and known.to_ours(report.started_at, now),
        completed_at=known.to_ours(report.completed_at, now),
    )


def provider_time(session: Session) -> datetime | None:
    """This moment by the provider's clock; None where that is not known."""
    now: datetime = session.scalars(select(func.clock_timestamp())).one()
    return clock_offset(session).to_theirs(now)


def _learn(session: Session, source: str, seen: Span | None, at: datetime, now: datetime) -> ClockOffset:
    """Follow one sighting; it is written down where it says something new."""
    known = clock_offset(session)
    if seen is None:
        return known
    attempts = select(func.coalesce(func.max(RenderAttempt.id), 0))
    if getattr(known, source) is None:
        attempts = attempts.where(RenderAttempt.submitted_at < at - UNNOTICED)
    newest: int = session.scalars(attempts).one()
    if _says_news(known, after := known.seeing(source, seen, at=at, now=now, newest=newest), source):
        # Others may have learnt meanwhile; nobody waits for the row just to say the same again.
        known = clock_offset(session, locked=True)
        after = known.seeing(source, seen, at=at, now=now, newest=newest)
        _write(session, source, getattr(after, source))
    return after


def _says_news(before: ClockOffset, after: ClockOffset, source: str) -> bool:
    old, new = getattr(before, source), getattr(after, source)
    if old is None or (old.doubts, old.step) != (new.doubts, new.step):
        return True
    return bool(new.at - old.at > CONFIRMED_EVERY[source])


def _write(session: Session, source: str, track: Track) -> None:
    values = {
        "low": track.span.low,
        "high": track.span.high,
        "seen_at": track.at,
        "doubts": track.doubts,
        "step": track.step,
    }
    session.execute(
        insert(ProviderClock)
        .values(source=source, **values)
        .on_conflict_do_update(index_elements=[ProviderClock.source], set_=values)
    )
