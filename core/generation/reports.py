"""Applying what the provider reports: sweep, single gets, webhooks and the creation's answer all end here.

Applying is idempotent: what is older than what is known, or known already, changes nothing.
"""

import enum
from datetime import datetime
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from core.classification.overrides.in_force import overrides_in_force
from core.classification.taxonomy import FailureClass
from core.foundation.clock import NOW
from core.generation.clock import in_our_time, learn_from_creation
from core.generation.drawn import deliver_late, note_drawn
from core.generation.endings import Trouble, known_trouble, retry_or_fail, trouble
from core.generation.states import move
from core.provider.reports import ProviderReport, RemoteStatus
from core.settings import Settings
from core.tables.generation import Generation, RenderAttempt, State


class Applied(enum.Enum):
    """What a report did."""

    FOREIGN = "not ours"
    KNOWN = "nothing new"
    ADOPTED = "an open intent found its prediction"
    DRAWN = "the picture waits to be stored"
    ENDED = "the attempt ended"


def apply_provider_report(
    session: Session, settings: Settings, report: ProviderReport, *, detected_by: str
) -> Applied:
    """Apply one report under the generation's row lock; see the module's head."""
    found = _find(session, report)
    if found is None:
        return Applied.FOREIGN
    generation, attempt = found
    report = in_our_time(session, report)
    if attempt.status == "open" and generation.state == State.SUBMITTING:
        _accept(session, generation, attempt, report, adopted=detected_by != "create")
        if not report.status.terminal:
            return Applied.ADOPTED
    if attempt.status != "accepted":
        _note_late(session, attempt, report)
        late = deliver_late(session, settings, generation, attempt, report)
        return Applied.DRAWN if late else Applied.KNOWN
    if not report.status.terminal:
        return Applied.KNOWN
    _record(session, attempt, report, detected_by)
    return _end(session, settings, generation, attempt, report)


def _find(session: Session, report: ProviderReport) -> tuple[Generation, RenderAttempt] | None:
    """The attempt this report speaks of, with its generation locked first."""
    ours = [RenderAttempt.remote_id == report.remote_id]
    if is_uuid(report.client_ref):
        ours.append(RenderAttempt.client_ref == report.client_ref)
    attempt_id, generation_id = session.execute(
        select(RenderAttempt.id, RenderAttempt.generation_id).where(or_(*ours)).limit(1)
    ).one_or_none() or (None, None)
    if attempt_id is None or generation_id is None:
        return None
    generation = session.get_one(Generation, generation_id, with_for_update=True, populate_existing=True)
    attempt = session.get_one(RenderAttempt, attempt_id, populate_existing=True)
    if attempt.remote_id not in (None, report.remote_id):
        # A second prediction under one reference would be paid twice: it is not ours to follow.
        return None
    return generation, attempt


def _accept(
    session: Session, generation: Generation, attempt: RenderAttempt, report: ProviderReport, *, adopted: bool
) -> None:
    """The provider has it: from now on we know its id there. The token grows, so a slow worker is fenced."""
    attempt.status = "accepted"
    attempt.remote_id = report.remote_id
    attempt.remote_status = report.status
    attempt.remote_url = report.web_url
    attempt.adopted = adopted
    now: datetime = session.scalars(select(NOW)).one()
    attempt.accepted_at = now
    session.flush()
    learn_from_creation(session, report, before=attempt.submitted_at, now=now)
    move(
        session,
        generation.id,
        to=State.RENDERING,
        note="found at the provider after the answer was lost" if adopted else None,
        lease_token=Generation.lease_token + 1,
    )


def _note_late(session: Session, attempt: RenderAttempt, report: ProviderReport) -> None:
    """The attempt had ended with us: note what the provider says, so that it is stopped or billed there."""
    if attempt.remote_status == report.status:
        return
    known = RemoteStatus(attempt.remote_status) if attempt.remote_status else None
    if known is not None and known.terminal:
        return
    attempt.remote_id = report.remote_id
    attempt.remote_status = report.status
    attempt.remote_url = report.web_url
    if attempt.next_check_at is None:
        attempt.next_check_at = session.scalar(select(NOW))
    if report.status.terminal:
        attempt.predict_seconds = report.predict_seconds
        attempt.completed_at = report.completed_at
    session.flush()


def _record(session: Session, attempt: RenderAttempt, report: ProviderReport, detected_by: str) -> None:
    attempt.remote_status = report.status
    attempt.remote_url = report.web_url or attempt.remote_url
    attempt.started_at = report.started_at
    attempt.completed_at = report.completed_at
    attempt.predict_seconds = report.predict_seconds
    attempt.detected_by = detected_by
    attempt.detected_at = session.scalar(select(NOW))


def _end(
    session: Session,
    settings: Settings,
    generation: Generation,
    attempt: RenderAttempt,
    report: ProviderReport,
) -> Applied:
    found = _trouble_in(session, generation.model, report)
    if found is not None:
        retry_or_fail(session, settings, generation, attempt, found)
        return Applied.ENDED
    note_drawn(session, settings, generation, attempt, report)
    move(session, generation.id, to=State.STORING, due_at=NOW)
    return Applied.DRAWN


def _trouble_in(session: Session, model: str, report: ProviderReport) -> Trouble | None:
    """Why a finished prediction is no picture, if it is none."""
    match report.status:
        case RemoteStatus.SUCCEEDED if report.data_removed:
            text = "The provider has deleted the picture already."
            return known_trouble(FailureClass.ASSET_UNAVAILABLE, text, retryable=True)
        case RemoteStatus.SUCCEEDED if report.output_problem or not report.output:
            text = report.output_problem or "The provider reported success without a picture."
            return known_trouble(FailureClass.ASSET_INVALID, text, retryable=True)
        case RemoteStatus.SUCCEEDED:
            return None
        case RemoteStatus.ABORTED:
            text = "The provider did not start it in time (aborted)."
            return known_trouble(FailureClass.TIMEOUT, text, retryable=True)
        case RemoteStatus.CANCELED:
            text = report.error or "The provider stopped it before it was finished (canceled)."
            return known_trouble(FailureClass.TIMEOUT, text, retryable=True)
        case _:
            text = report.error or "The provider gave no reason."
            overrides = overrides_in_force(session)
            return trouble(where="prediction", text=text, model=model, overrides=overrides)


def is_uuid(text: str | None) -> bool:
    """Whether a prediction bears a reference of our kind."""
    try:
        return bool(text) and str(UUID(text)) == text
    except ValueError:
        return False
