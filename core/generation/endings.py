"""How attempts and generations end: retried, failed, succeeded or canceled, and what becomes of the credits.

Every function runs in the caller's transaction and answers whether it was the one that moved the generation.
"""

import dataclasses
import hashlib
import random
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import exists, func, select, update
from sqlalchemy.orm import Session

from core.classification.classify import classify
from core.classification.events import NOTHING_GIVEN, Failure, Source, note_failure
from core.classification.fingerprint import fingerprint
from core.classification.overrides.matching import Override
from core.classification.taxonomy import FailureClass, RetryPolicy, facts
from core.foundation.clock import NOW
from core.generation.states import move
from core.ledger import moves as ledger
from core.provider import budget
from core.provider.errors import ProviderError
from core.refunds import opening
from core.settings import Settings
from core.tables.generation import Generation, KeptOutput, RenderAttempt, State

UNDER_WAY = ("open", "accepted")
# The provider's word for an image that it drew, and takes money for.
DRAWN = "succeeded"


@dataclasses.dataclass(frozen=True)
class Trouble:
    """What went wrong with an attempt, classified. `retry_after`: the seconds that we were asked to wait."""

    failure_class: FailureClass
    retryable: bool
    detail: str
    rule: str | None = None
    retry_after: float | None = None
    # An attempt that the provider never took up uses none of the generation's attempts.
    counts: bool = True
    # What it was classified by, beside the detail.
    source: Source = NOTHING_GIVEN


def trouble(
    *,
    where: str,
    text: str,
    exception: str | None = None,
    status: int | None = None,
    code: str | None = None,
    counts: bool = True,
    model: str = "",
    overrides: Sequence[Override] = (),
) -> Trouble:
    """Classify what went wrong; `overrides` are those in force (`core.classification.overrides.in_force`)."""
    verdict = classify(
        where=where,
        exception=exception,
        http_status=status,
        code=code,
        text=text,
        model=model,
        overrides=overrides,
    )
    return Trouble(
        failure_class=verdict.failure_class,
        retryable=verdict.retryable,
        detail=text,
        rule=verdict.rule_id,
        retry_after=verdict.retry_after,
        counts=counts,
        source=Source(where, status, code, exception),
    )


def trouble_with_provider(
    exc: ProviderError, *, counts: bool = True, model: str = "", overrides: Sequence[Override] = ()
) -> Trouble:
    """Classify a provider's error; what it asked us to wait is kept."""
    found = trouble(
        where=exc.where,
        text=exc.text,
        exception=exc.exception,
        status=exc.status,
        code=exc.code,
        counts=counts,
        model=model,
        overrides=overrides,
    )
    return dataclasses.replace(found, retry_after=exc.retry_after or found.retry_after)


def known_trouble(
    failure_class: FailureClass, detail: str, *, retryable: bool, counts: bool = True
) -> Trouble:
    """Trouble whose class we know ourselves."""
    return Trouble(failure_class, retryable, detail, rule="engine", counts=counts)


def retry_or_fail(
    session: Session,
    settings: Settings,
    generation: Generation,
    attempt: RenderAttempt,
    found: Trouble,
    *,
    token: int | None = None,
    lost: bool = False,
) -> bool:
    """End the attempt and queue the generation again, while its class, attempts and deadline allow.

    What was drawn for an experiment is paid: another try is a purchase, which its caps have to allow.
    """
    end_attempt(session, attempt, "lost" if lost else "failed", found)
    policy = facts(found.failure_class).retry
    if policy.cool_down:
        # It concerns the whole account: the others wait rather than fail one by one.
        budget.pause(session, "create", policy.cool_down * settings.backoff_factor)
    used = generation.attempts - (0 if found.counts else 1)
    wait = backoff_seconds(settings, policy, used, found)
    allowed = min(generation.max_attempts, policy.max_attempts or generation.max_attempts)
    now: datetime = session.scalars(select(NOW)).one()
    left = (generation.deadline_at - now).total_seconds()
    paid = generation.purpose == "experiment" and attempt.remote_status == DRAWN
    if paid or not found.retryable or used >= allowed or left <= wait:
        return fail(session, generation, found, token=token)
    return move(
        session,
        generation.id,
        to=State.QUEUED,
        token=token,
        note=f"{facts(found.failure_class).title}: trying again in {wait:.0f} s",
        attempts=used,
        due_at=NOW + timedelta(seconds=wait),
    )


def fail(session: Session, generation: Generation, found: Trouble, *, token: int | None = None) -> bool:
    """End a generation without an avatar; its case is opened and put to the policy in this transaction."""
    known = facts(found.failure_class)
    moved = move(
        session,
        generation.id,
        to=State.FAILED,
        token=token,
        note=known.title,
        finished_at=NOW,
        failure_class=found.failure_class,
        failure_rule=found.rule,
        failure_message=known.customer_message,
        failure_detail=found.detail,
        fingerprint=fingerprint(found.failure_class, found.detail),
    )
    if moved:
        _note(session, generation, found)
        _forget_kept(session, generation)
        if generation.credits:
            opening.open_failure(
                session,
                generation_id=generation.id,
                failure_class=found.failure_class,
                fingerprint=fingerprint(found.failure_class, found.detail),
            )
    return moved


def cancel(session: Session, generation: Generation, *, actor: str) -> bool:
    """End a generation by a person's wish; its credits come back, late writes of workers are fenced off."""
    moved = move(
        session,
        generation.id,
        to=State.CANCELED,
        actor=actor,
        note="canceled",
        finished_at=NOW,
        canceled_by=actor,
        lease_token=Generation.lease_token + 1,
    )
    if moved:
        session.execute(
            update(RenderAttempt)
            .where(RenderAttempt.generation_id == generation.id, RenderAttempt.status.in_(UNDER_WAY))
            .values(status="canceled", ended_at=NOW, next_check_at=NOW)
        )
        _forget_kept(session, generation)
        if generation.credits:
            opening.open_cancel(session, generation_id=generation.id)
    return moved


def time_out(session: Session, generation: Generation) -> bool:
    """End a generation whose deadline has passed; what is still drawn for it will be stopped there."""
    found = _overdue(session, generation)
    moved = fail(session, generation, found)
    if moved:
        ended = session.scalars(
            update(RenderAttempt)
            .where(RenderAttempt.generation_id == generation.id, RenderAttempt.status.in_(UNDER_WAY))
            .values(
                status="failed",
                ended_at=NOW,
                next_check_at=NOW,
                failure_class=found.failure_class,
                failure_detail=found.detail,
            )
            .returning(RenderAttempt)
        )
        for attempt in ended:
            _note(session, generation, found, attempt)
    return moved


def _overdue(session: Session, generation: Generation) -> Trouble:
    """Why it was not finished: a request whose answer is missing may have been drawn, and billed."""
    unanswered = (RenderAttempt.generation_id == generation.id) & (RenderAttempt.status == "open")
    if session.scalar(select(exists().where(unanswered))):
        text = (
            "No answer came, and until the deadline no list of the provider could tell whether it was made."
        )
        return known_trouble(FailureClass.SUBMISSION_UNCONFIRMED, text, retryable=False)
    text = f"Not finished by its deadline; it was {generation.state}."
    return known_trouble(FailureClass.TIMEOUT, text, retryable=False)


def succeed(session: Session, generation: Generation, *, token: int) -> bool:
    """End a generation with its avatar; the credits become revenue in this very transaction."""
    moved = move(session, generation.id, to=State.SUCCEEDED, token=token, finished_at=NOW)
    if moved:
        if generation.credits:
            ledger.capture(session, generation_id=generation.id, actor="worker")
        _forget_kept(session, generation)
    return moved


def end_attempt(session: Session, attempt: RenderAttempt, status: str, found: Trouble | None) -> None:
    """Close an attempt; what the provider still draws for it will be stopped there."""
    attempt.status = status
    attempt.ended_at = func.clock_timestamp()
    attempt.next_check_at = func.clock_timestamp()
    if found is not None:
        attempt.failure_class = found.failure_class
        attempt.failure_rule = found.rule
        attempt.failure_detail = found.detail
        _note(session, session.get_one(Generation, attempt.generation_id), found, attempt)
    session.flush()


def backoff_seconds(settings: Settings, policy: RetryPolicy, attempts: int, found: Trouble) -> float:
    """How long to wait before the next attempt: the class's own wait, jittered, never less than asked."""
    planned = min(policy.delay(attempts) * settings.backoff_factor, settings.backoff_max_seconds)
    jittered: float = planned * random.uniform(0.8, 1.2)  # noqa: S311 - no secret
    return max(jittered, found.retry_after or 0.0)


def _note(
    session: Session, generation: Generation, found: Trouble, attempt: RenderAttempt | None = None
) -> None:
    """Count the failure of an attempt, or without one that of the generation itself, in its error group."""
    note_failure(
        session,
        Failure(
            generation_id=generation.id,
            customer_id=generation.customer_id,
            failure_class=found.failure_class,
            detail=found.detail,
            template_hash=hashlib.md5(generation.template.encode(), usedforsecurity=False).hexdigest(),
            rule=found.rule,
            attempt_id=attempt.id if attempt else None,
            cost_usd=attempt.cost_usd if attempt else None,
            credits=0 if attempt else generation.credits,
            source=found.source,
        ),
    )


def _forget_kept(session: Session, generation: Generation) -> None:
    if kept := session.get(KeptOutput, generation.id):
        session.delete(kept)
