"""Submitting: claim, write the intent, call the provider, record. No transaction is open during the call."""

import functools
import time

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from core.classification.overrides.in_force import overrides_in_force
from core.classification.taxonomy import FailureClass
from core.foundation.errors import NotFound, ServiceUnavailable
from core.generation.endings import Trouble, known_trouble, retry_or_fail, trouble_with_provider
from core.generation.leases import Claim, claim_queued, count_due, release
from core.generation.patience import patiently
from core.generation.reports import apply_provider_report
from core.provider import budget
from core.provider.errors import Outcome, ProviderError
from core.provider.reports import ProviderReport, RenderRequest
from core.services import Services
from core.tables.generation import Generation, GenerationEvent, RenderAttempt, State
from core.tables.images import StoredSelfie


def claim_to_submit(services: Services, *, worker: str, free: int) -> list[Claim]:
    """Take as many queued generations as threads, the provider's limit and our own limit allow."""
    settings = services.settings
    with services.database.transaction() as session:
        due = count_due(session, State.QUEUED, limit=free)
        if due == 0:
            return []
        room = settings.max_in_flight - _in_flight(session)
        granted = budget.take(session, "create", min(due, free, room))
        if granted == 0:
            return []
        return claim_queued(
            session,
            worker=worker,
            lease_seconds=settings.lease_seconds,
            grace_seconds=settings.adoption_grace_seconds,
            limit=granted,
        )


def submit(services: Services, claim: Claim) -> bool:
    """Send one claimed generation to the provider; False says that a newer owner fenced this worker off."""
    # What is sent after the lease could be sent by its next owner as well.
    send_before = time.monotonic() + services.settings.lease_seconds - _longest_call(services)
    try:
        request = _request(services, claim)
        if time.monotonic() > send_before:
            raise ServiceUnavailable("Reading the selfie took too long.")
        report = services.gateway.create(request)
    except ProviderError as exc:
        return patiently(functools.partial(_refused, services, claim, exc))
    except (ServiceUnavailable, NotFound) as exc:
        return patiently(functools.partial(_no_selfie, services, claim, exc))
    return patiently(functools.partial(_accepted, services, claim, report))


def _request(services: Services, claim: Claim) -> RenderRequest:
    with services.database.transaction() as session:
        query = (
            select(Generation, StoredSelfie, func.clock_timestamp())
            .join(StoredSelfie, StoredSelfie.id == Generation.selfie_id)
            .where(Generation.id == claim.generation_id)
        )
        generation, selfie, now = session.execute(query).one()
    settings = services.settings
    left = (generation.deadline_at - now).total_seconds()
    public = settings.public_url
    return RenderRequest(
        model=generation.model,
        prompt=generation.prompt,
        selfie=services.objects.get(selfie.object_key),
        selfie_content_type=selfie.content_type,
        client_ref=str(claim.client_ref),
        cancel_after=min(left, settings.attempt_timeout_seconds),
        parameters={name: str(value) for name, value in generation.parameters.items()},
        webhook_url=f"{public.rstrip('/')}/hooks/replicate?ref={claim.client_ref}" if public else None,
    )


def _longest_call(services: Services) -> float:
    return services.settings.provider_timeout_seconds + services.settings.transfer_timeout_seconds


def _accepted(services: Services, claim: Claim, report: ProviderReport) -> bool:
    with services.database.transaction() as session:
        generation = session.get_one(Generation, claim.generation_id, with_for_update=True)
        fenced = generation.lease_token != claim.token
        # Also when fenced: the report says where the prediction is, so that it is followed or stopped.
        apply_provider_report(session, services.settings, report, detected_by="create")
    return not fenced


def _refused(services: Services, claim: Claim, exc: ProviderError) -> bool:
    settings = services.settings
    with services.database.transaction() as session:
        if exc.status == 429 and exc.outcome is Outcome.REFUSED:
            budget.pause(session, "create", exc.retry_after or budget.DEFAULT_PAUSE_SECONDS)
        generation, attempt = _locked(session, claim)
        if generation.lease_token != claim.token or attempt.status != "open":
            return False
        if exc.outcome is Outcome.UNKNOWN:
            _leave_open(session, claim, exc, grace_seconds=settings.adoption_grace_seconds)
            return True
        found = _trouble_of_creation(session, generation.model, exc)
        retry_or_fail(session, settings, generation, attempt, found, token=claim.token)
    return True


def _trouble_of_creation(session: Session, model: str, exc: ProviderError) -> Trouble:
    if exc.status == 404:
        # The address is made of the catalog's name of the model, so it is the model that is not there.
        text = f"The provider does not offer {model} any more. {exc.text}"
        return known_trouble(FailureClass.MODEL_UNAVAILABLE, text, retryable=False)
    # What was never sent, or only put off, uses up none of the attempts.
    counts = exc.outcome is Outcome.REFUSED and exc.status != 429
    return trouble_with_provider(exc, counts=counts, model=model, overrides=overrides_in_force(session))


def _leave_open(session: Session, claim: Claim, exc: ProviderError, *, grace_seconds: float) -> None:
    """The answer was lost: the intent stays open until the provider's list tells what became of it."""
    release(session, claim, wait_seconds=grace_seconds)
    session.execute(
        update(RenderAttempt).where(RenderAttempt.id == claim.attempt_id).values(failure_detail=exc.text)
    )
    note = "the answer was lost; looking for it in the provider's list"
    session.add(
        GenerationEvent(
            generation_id=claim.generation_id,
            from_state=State.SUBMITTING,
            to_state=State.SUBMITTING,
            actor="worker",
            note=note,
        )
    )


def _no_selfie(services: Services, claim: Claim, exc: ServiceUnavailable | NotFound) -> bool:
    with services.database.transaction() as session:
        generation, attempt = _locked(session, claim)
        if generation.lease_token != claim.token or attempt.status != "open":
            return False
        if isinstance(exc, NotFound):
            text = "The customer's selfie is no longer in the object store."
            found = known_trouble(FailureClass.STORAGE, text, retryable=False)
        else:
            found = known_trouble(FailureClass.STORAGE, str(exc), retryable=True, counts=False)
        retry_or_fail(session, services.settings, generation, attempt, found, token=claim.token)
    return True


def _locked(session: Session, claim: Claim) -> tuple[Generation, RenderAttempt]:
    generation = session.get_one(Generation, claim.generation_id, with_for_update=True)
    return generation, session.get_one(RenderAttempt, claim.attempt_id)


def _in_flight(session: Session) -> int:
    under_way = (State.SUBMITTING, State.RENDERING)
    count = select(func.count()).select_from(Generation).where(Generation.state.in_(under_way))
    return session.scalar(count) or 0
