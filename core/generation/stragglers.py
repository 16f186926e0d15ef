"""What the list no longer shows: single gets for old predictions, and stopping what nobody waits for."""

import functools
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from sqlalchemy import ColumnElement, func, select, update

from core.classification.taxonomy import FailureClass
from core.foundation.clock import NOW
from core.generation.endings import known_trouble, retry_or_fail, time_out
from core.generation.reports import Applied, apply_provider_report
from core.generation.sweep import note_throttled
from core.provider import budget
from core.provider.errors import ProviderError
from core.services import Services
from core.tables.generation import Generation, RenderAttempt, State

BATCH = 50


def check_stragglers(services: Services) -> int:
    """Ask one by one for what is older than the sweep's window or was missing in its list.

    Says how many told something new.
    """
    settings = services.settings
    window = timedelta(seconds=settings.sweep_window_seconds)
    missing = RenderAttempt.next_check_at.is_not(None)
    old = (RenderAttempt.status == "accepted") & ((RenderAttempt.submitted_at <= NOW - window) | missing)
    wait = settings.straggler_interval_seconds
    return sum(_check(services, remote_id) for remote_id in _take(services, old, wait_seconds=wait))


def stop_unwanted(services: Services) -> int:
    """Tell the provider to stop what has ended here: canceled, past its deadline, or turned up too late."""
    ended = RenderAttempt.status.in_(("failed", "canceled", "lost"))
    still_there = RenderAttempt.remote_status.in_(("starting", "processing"))
    wait = services.settings.straggler_interval_seconds
    unwanted = _take(services, ended & still_there, wait_seconds=wait)
    if not unwanted:
        return 0
    # At once, because whatever is drawn before its turn comes is paid for.
    with ThreadPoolExecutor(min(len(unwanted), services.settings.worker_threads), "cancel") as pool:
        return sum(pool.map(functools.partial(_stop, services), unwanted))


def _stop(services: Services, remote_id: str) -> bool:
    try:
        report = services.gateway.cancel(remote_id)
    except ProviderError as exc:
        note_throttled(services, exc)
        if exc.status == 404:
            _forget(services, remote_id)
        return False
    with services.database.transaction() as session:
        apply_provider_report(session, services.settings, report, detected_by="get")
    return True


def end_overdue(services: Services) -> int:
    """Fail what is past its deadline without a picture; what is drawn already is stored instead."""
    with services.database.transaction() as session:
        waiting = (State.QUEUED, State.SUBMITTING, State.RENDERING)
        ids = session.scalars(
            select(Generation.id)
            .where(Generation.state.in_(waiting), Generation.deadline_at < NOW)
            .limit(BATCH)
        ).all()
    for generation_id in ids:
        with services.database.transaction() as session:
            generation = session.get_one(Generation, generation_id, with_for_update=True)
            time_out(session, generation)
    return len(ids)


def _take(services: Services, which: ColumnElement[bool], *, wait_seconds: float) -> list[str]:
    """Pick what is due for a look, and put off its next look, so that two workers do not ask twice."""
    due = (RenderAttempt.next_check_at.is_(None)) | (RenderAttempt.next_check_at <= NOW)
    with services.database.transaction() as session:
        waiting = session.scalar(
            select(func.count()).select_from(
                select(RenderAttempt.id).where(which, due).limit(BATCH).subquery()
            )
        )
        granted = budget.take(session, "read", waiting) if waiting else 0
        if not granted:
            return []
        chosen = (
            select(RenderAttempt.id)
            .where(which, due, RenderAttempt.remote_id.is_not(None))
            .limit(granted)
            .with_for_update(skip_locked=True)
            .cte("chosen")
        )
        rows = session.scalars(
            update(RenderAttempt)
            .where(RenderAttempt.id == chosen.c.id)
            .values(next_check_at=NOW + timedelta(seconds=wait_seconds))
            .returning(RenderAttempt.remote_id)
            .execution_options(synchronize_session=False)
        ).all()
    return [remote_id for remote_id in rows if remote_id]


def _check(services: Services, remote_id: str) -> bool:
    try:
        return look_at(services, remote_id) in (Applied.DRAWN, Applied.ENDED)
    except ProviderError:
        return False


def look_at(services: Services, remote_id: str) -> Applied:
    """Ask for one prediction and apply what is said. Raises ProviderError when nothing is."""
    try:
        report = services.gateway.get(remote_id)
    except ProviderError as exc:
        note_throttled(services, exc)
        if exc.status != 404:
            raise
        _vanished(services, remote_id)
        return Applied.ENDED
    with services.database.transaction() as session:
        return apply_provider_report(session, services.settings, report, detected_by="get")


def _vanished(services: Services, remote_id: str) -> None:
    """The provider does not know the prediction any more."""
    with services.database.transaction() as session:
        attempt = session.scalars(select(RenderAttempt).where(RenderAttempt.remote_id == remote_id)).one()
        generation = session.get_one(Generation, attempt.generation_id, with_for_update=True)
        session.refresh(attempt)
        if attempt.status != "accepted":
            return
        text = "The provider no longer knows this prediction."
        found = known_trouble(FailureClass.ASSET_UNAVAILABLE, text, retryable=True)
        attempt.remote_status = "aborted"
        retry_or_fail(session, services.settings, generation, attempt, found)


def _forget(services: Services, remote_id: str) -> None:
    with services.database.transaction() as session:
        session.execute(
            update(RenderAttempt).where(RenderAttempt.remote_id == remote_id).values(remote_status="canceled")
        )
