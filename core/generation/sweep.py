"""The sweep: one list of the provider's latest predictions tells about all of ours at once.

It also settles open intents: a prediction that bears our reference is adopted; one that a whole list does not
hold after the grace period was never made, and is sent again. Only a list counts that was asked from a time
that the provider's clock covers (`core.provider.clock_offset`); until there is one, the outcome stays open.
"""

import dataclasses
import math
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.orm import Session

from core.catalog.models import MODELS
from core.classification.taxonomy import FailureClass
from core.foundation.clock import NOW
from core.foundation.leases import take_named
from core.generation.clock import clock_offset, learn_from_date
from core.generation.endings import UNDER_WAY, known_trouble, retry_or_fail
from core.generation.leases import unleased
from core.generation.reports import Applied, apply_provider_report, is_uuid
from core.provider import budget
from core.provider.clock_offset import ClockOffset
from core.provider.errors import ProviderError
from core.provider.listing import Listing
from core.provider.reports import ProviderReport, RemoteStatus
from core.services import Services
from core.settings import Settings
from core.tables.generation import Generation, RenderAttempt, State

MOST_PAGES = 60
# Of the provider's list (its OpenAPI document, `predictions.list`).
PAGE_SIZE = 100
# The rest is for single looks, stores of workers beside, and people.
SHARE_OF_BUDGET = 0.4


@dataclasses.dataclass(frozen=True)
class Swept:
    """What one sweep saw: pages read, reports that changed something, intents that were lost."""

    pages: int = 0
    changed: int = 0
    drawn: int = 0
    lost: int = 0


@dataclasses.dataclass(frozen=True)
class ToAsk:
    """A list to ask for: from when by the provider's clock, decided at `now` by the database's."""

    since: datetime
    now: datetime


def sweep(services: Services, *, worker: str) -> Swept | None:
    """Sweep once, where something is open and it is this worker's turn; None where it was not."""
    wanted = _begin(services, worker)
    return None if wanted is None else _look(services, wanted)


def sweep_now(services: Services) -> Swept | None:
    """Sweep at once, whoever's turn it is; None where nothing is open, or the request budget is used up.

    Two sweeps at the same moment do no harm: what one has applied is nothing new to the other.
    """
    with services.database.transaction() as session:
        oldest = oldest_to_list(session, services.settings.sweep_window_seconds)
        if oldest.submitted_at is None or not budget.take(session, "read", 1):
            return None
        wanted = _to_ask(session, oldest.submitted_at, oldest.first_open)
    return _look(services, wanted)


def _look(services: Services, wanted: ToAsk) -> Swept:
    try:
        listing = services.gateway.list_since(wanted.since, max_pages=MOST_PAGES)
    except ProviderError as exc:
        note_throttled(services, exc)
        raise
    if listing.problem is not None:
        note_throttled(services, listing.problem)
    _pay_for_pages(services, listing)
    return _apply(services, wanted, listing)


def _begin(services: Services, worker: str) -> ToAsk | None:
    """What to ask for, if there is anything to look for and this worker holds the sweep now."""
    settings = services.settings
    with services.database.transaction() as session:
        oldest = oldest_to_list(session, settings.sweep_window_seconds)
        if oldest.submitted_at is None:
            return None
        mine = take_named(
            session,
            "sweep",
            worker=worker,
            lease_seconds=settings.lease_seconds,
            every_seconds=interval_seconds(settings, oldest.attempts),
        )
        if not mine or not budget.take(session, "read", 1):
            return None
        return _to_ask(session, oldest.submitted_at, oldest.first_open)


def _to_ask(session: Session, submitted: datetime, first_open: int | None) -> ToAsk:
    now: datetime = session.scalars(select(NOW)).one()
    return ToAsk(clock_offset(session).ask_from(submitted, first=first_open, now=now), now)


def interval_seconds(settings: Settings, open_attempts: int) -> float:
    """How often to sweep: as set, but never with more than its share of the requests that we may make."""
    pages = math.ceil(open_attempts / PAGE_SIZE)
    return max(settings.sweep_interval_seconds, pages / (SHARE_OF_BUDGET * budget.PER_SECOND["read"]))


@dataclasses.dataclass(frozen=True)
class Oldest:
    """Of the attempts that the list shall tell about: when the oldest was submitted, how many there are, and
    the first whose answer is missing."""

    submitted_at: datetime | None
    attempts: int
    first_open: int | None


def oldest_to_list(session: Session, window_seconds: float) -> Oldest:
    """What the list shall tell about, summed up.

    Intents without an answer are looked for however old they are; what the provider took up longer ago than
    the window is asked for one by one (see `core.generation.stragglers`).
    """
    first_open = func.min(RenderAttempt.id).filter(RenderAttempt.status == "open")
    submitted_at, attempts, first = session.execute(
        select(func.min(RenderAttempt.submitted_at), func.count(), first_open).where(to_list(window_seconds))
    ).one()
    return Oldest(submitted_at, attempts, first)


def to_list(window_seconds: float) -> ColumnElement[bool]:
    """Which attempts the list shall tell about."""
    in_window = RenderAttempt.submitted_at > NOW - timedelta(seconds=window_seconds)
    return or_(RenderAttempt.status == "open", and_(RenderAttempt.status == "accepted", in_window))


def note_throttled(services: Services, exc: ProviderError) -> None:
    """A 429 seen by one worker pauses the requests of all."""
    if exc.status == 429:
        with services.database.transaction() as session:
            budget.pause(session, "read", exc.retry_after or budget.DEFAULT_PAUSE_SECONDS)


def _pay_for_pages(services: Services, listing: Listing) -> None:
    if listing.requests > 1:
        with services.database.transaction() as session:
            budget.take(session, "read", listing.requests - 1)


def _apply(services: Services, wanted: ToAsk, listing: Listing) -> Swept:
    with services.database.transaction() as session:
        offset = learn_from_date(session, listing.said_at, before=wanted.now)
    changed = drawn = 0
    for listed in _news(services, listing):
        report = _seen_alone(services, listed)
        if report is None:
            continue
        with services.database.transaction() as session:
            applied = apply_provider_report(session, services.settings, report, detected_by="sweep")
        changed += applied in (Applied.ADOPTED, Applied.DRAWN, Applied.ENDED)
        drawn += applied is Applied.DRAWN
    if listing.complete:
        _look_alone_for_missing(services, listing)
    lost = _settle_lost(services, wanted, listing, offset)
    return Swept(listing.requests, changed, drawn, lost)


def _look_alone_for_missing(services: Services, listing: Listing) -> None:
    """What a whole list should hold and does not is asked for alone: garbled there, or forgotten."""
    settings = services.settings
    window = timedelta(seconds=settings.sweep_window_seconds)
    # A prediction may be a moment late in the list.
    settled = timedelta(seconds=settings.straggler_interval_seconds)
    listed = [report.remote_id for report in listing.reports]
    with services.database.transaction() as session:
        session.execute(
            update(RenderAttempt)
            .where(RenderAttempt.status == "accepted", RenderAttempt.next_check_at.is_(None))
            .where(RenderAttempt.submitted_at > NOW - window, RenderAttempt.accepted_at < NOW - settled)
            .where(RenderAttempt.remote_id.not_in(listed))
            .values(next_check_at=NOW)
            .execution_options(synchronize_session=False)
        )


def _seen_alone(services: Services, listed: ProviderReport) -> ProviderReport | None:
    """A success without a picture is not believed of a list: a look at it alone decides, now or later."""
    if listed.status is not RemoteStatus.SUCCEEDED or (listed.output and not listed.output_problem):
        return listed
    try:
        return services.gateway.get(listed.remote_id)
    except ProviderError:
        return None


def _news(services: Services, listing: Listing) -> list[ProviderReport]:
    """The reports that may change something: found with one query, so that a quiet sweep writes nothing."""
    by_id = {report.remote_id: report for report in listing.reports}
    refs = {report.client_ref: report for report in listing.reports if is_uuid(report.client_ref)}
    waiting = or_(
        RenderAttempt.status.in_(UNDER_WAY),
        RenderAttempt.remote_status.in_(("starting", "processing")),
        and_(RenderAttempt.status.in_(("lost", "failed", "canceled")), RenderAttempt.remote_id.is_(None)),
    )
    with services.database.transaction() as session:
        rows = session.execute(
            select(RenderAttempt.remote_id, RenderAttempt.client_ref, RenderAttempt.status)
            .where(or_(RenderAttempt.remote_id.in_(by_id), RenderAttempt.client_ref.in_(refs)))
            .where(waiting)
        ).all()
    found = [(status, by_id.get(remote_id or "") or refs.get(str(ref))) for remote_id, ref, status in rows]
    return [report for status, report in found if report and (report.status.terminal or status != "accepted")]


def _settle_lost(services: Services, wanted: ToAsk, listing: Listing, offset: ClockOffset) -> int:
    """Give up the intents that a whole list did not hold after the grace period."""
    if listing.problem is not None:
        return 0
    certain = listing.complete and not listing.bad_items
    # What an unreadable item hides may be ours; a while longer it may still turn readable.
    grace = 0.0 if certain else services.settings.adoption_grace_seconds
    overdue = Generation.due_at <= NOW - timedelta(seconds=grace)
    with services.database.transaction() as session:
        found = session.execute(
            select(RenderAttempt.id, RenderAttempt.submitted_at, NOW)
            .join(Generation, Generation.id == RenderAttempt.generation_id)
            .where(RenderAttempt.status == "open", overdue, unleased())
        ).all()
    ids = [
        attempt_id
        for attempt_id, submitted, now in found
        if offset.covers(wanted.since, submitted, attempt=attempt_id, now=now)
    ]
    for attempt_id in ids:
        with services.database.transaction() as session:
            _lose(session, services, attempt_id, certain=certain)
    return len(ids)


def _lose(session: Session, services: Services, attempt_id: int, *, certain: bool) -> None:
    attempt = session.get_one(RenderAttempt, attempt_id)
    generation = session.get_one(Generation, attempt.generation_id, with_for_update=True)
    session.refresh(attempt)
    if attempt.status != "open" or generation.state != State.SUBMITTING:
        return
    if certain and MODELS[generation.model].reference_field:
        text = "The request never reached the provider: its list does not hold our reference."
        found = known_trouble(FailureClass.NETWORK, text, retryable=True)
    else:
        # Nobody can tell whether it was made: never pay twice on a guess.
        text = "The answer was lost and the provider's list cannot tell whether it was made."
        found = known_trouble(FailureClass.SUBMISSION_UNCONFIRMED, text, retryable=False)
    retry_or_fail(session, services.settings, generation, attempt, found, lost=True)
