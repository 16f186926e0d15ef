"""Everything that is known about one generation: its timeline, attempts, times, costs and credits."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.desks.generations.timeline import Line, timeline
from core.foundation.database import LARGEST_ID
from core.foundation.errors import NotFound
from core.images.addresses import Picture as Kind
from core.images.addresses import Shown
from core.ledger.views import LedgerLine, lines_of_generation
from core.prompts.views import version
from core.tables.access import Staff
from core.tables.customers import Customer
from core.tables.generation import ENDED, Avatar, Generation, GenerationEvent, RenderAttempt, State
from core.tables.images import StoredSelfie


@dataclasses.dataclass(frozen=True)
class Attempt:
    """One try at the provider. `seen_after` is from the provider's end of it to our hearing of it."""

    number: int
    status: str
    remote_id: str | None
    remote_url: str | None
    remote_status: str | None
    worker: str
    submitted_at: datetime
    render: timedelta | None
    seen_by: str | None
    seen_after: timedelta | None
    adopted: bool
    cost_usd: Decimal | None
    failure_class: str | None
    failure_detail: str | None


@dataclasses.dataclass(frozen=True)
class Timings:
    """Where the time of the last attempt went; None where it did not come so far, or nobody told."""

    queue: timedelta | None
    submit: timedelta | None
    render: timedelta | None
    detection: timedelta | None
    store: timedelta | None
    total: timedelta


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture in the object store; `shown` is None where its person was erased."""

    shown: Shown | None
    width: int
    height: int
    size_bytes: int
    sha256: str


@dataclasses.dataclass(frozen=True)
class Detail:
    """One generation as the desk shows it. `cost_usd` is what its attempts cost us, in dollars."""

    id: int
    state: State
    state_since: datetime
    created_at: datetime
    finished_at: datetime | None
    deadline_at: datetime
    now: datetime
    purpose: str
    customer: str
    reference: str
    requested_by: str
    canceled_by: str | None
    retry_of: int | None
    retried_as: Sequence[int]
    template: str
    prompt_version: str | None
    prompt_version_id: int | None
    prompt: str
    model: str
    parameters: dict[str, str]
    credits: int
    price_usd: Decimal | None
    cost_usd: Decimal | None
    max_attempts: int
    failure_class: str | None
    failure_rule: str | None
    failure_message: str | None
    failure_detail: str | None
    selfie: Picture
    avatar: Picture | None
    attempts: Sequence[Attempt]
    timings: Timings
    timeline: Sequence[Line]
    ledger: Sequence[LedgerLine]

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def retryable(self) -> bool:
        return self.state in (State.FAILED, State.CANCELED)


def generation_detail(session: Session, generation_id: int) -> Detail:
    """All about one generation. Raises NotFound."""
    known = 0 < generation_id <= LARGEST_ID
    generation = session.get(Generation, generation_id, populate_existing=True) if known else None
    if generation is None:
        raise NotFound(f"There is no generation {generation_id}.")
    now = session.scalars(select(func.clock_timestamp())).one()
    of_it = RenderAttempt.generation_id == generation_id
    attempts = session.scalars(select(RenderAttempt).where(of_it).order_by(RenderAttempt.number)).all()
    events = session.scalars(
        select(GenerationEvent)
        .where(GenerationEvent.generation_id == generation_id)
        .order_by(GenerationEvent.id)
    ).all()
    avatar = session.get(Avatar, generation_id)
    selfie = session.get_one(StoredSelfie, generation.selfie_id)
    customer = session.get_one(Customer, generation.customer_id, populate_existing=True)
    costs = [attempt.cost_usd for attempt in attempts if attempt.cost_usd is not None]
    again = select(Generation.id).where(Generation.retry_of == generation_id).order_by(Generation.id)
    return Detail(
        id=generation.id,
        state=State(generation.state),
        state_since=generation.state_since,
        created_at=generation.created_at,
        finished_at=generation.finished_at,
        deadline_at=generation.deadline_at,
        now=now,
        purpose=generation.purpose,
        customer=customer.name,
        reference=customer.reference,
        requested_by=session.get_one(Staff, generation.requested_by).name,
        canceled_by=generation.canceled_by,
        retry_of=generation.retry_of,
        retried_as=session.scalars(again).all(),
        template=generation.template,
        prompt_version=_version_title(session, generation.prompt_version_id),
        prompt_version_id=generation.prompt_version_id,
        prompt=generation.prompt,
        model=generation.model,
        parameters={name: str(value) for name, value in generation.parameters.items()},
        credits=generation.credits,
        price_usd=generation.price_usd,
        cost_usd=sum(costs, Decimal(0)) if costs else None,
        max_attempts=generation.max_attempts,
        failure_class=generation.failure_class,
        failure_rule=generation.failure_rule,
        failure_message=generation.failure_message,
        failure_detail=generation.failure_detail,
        selfie=_picture(selfie, Shown(Kind.SELFIE, selfie.id), customer),
        avatar=_picture(avatar, Shown(Kind.AVATAR, generation.id), customer) if avatar else None,
        attempts=[_attempt(attempt) for attempt in attempts],
        timings=_timings(generation, attempts, avatar, now),
        timeline=timeline(events, attempts),
        ledger=lines_of_generation(session, generation_id),
    )


def _version_title(session: Session, version_id: int | None) -> str | None:
    return None if version_id is None else version(session, version_id).title


def _picture(stored: StoredSelfie | Avatar, shown: Shown, customer: Customer) -> Picture:
    given = shown if customer.erased_at is None else None
    return Picture(given, stored.width, stored.height, stored.size_bytes, stored.sha256)


def _attempt(row: RenderAttempt) -> Attempt:
    return Attempt(
        number=row.number,
        status=row.status,
        remote_id=row.remote_id,
        remote_url=row.remote_url,
        remote_status=row.remote_status,
        worker=row.worker,
        submitted_at=row.submitted_at,
        render=_render(row),
        seen_by=row.detected_by,
        seen_after=_between(row.completed_at, row.detected_at),
        adopted=row.adopted,
        cost_usd=row.cost_usd,
        failure_class=row.failure_class,
        failure_detail=row.failure_detail,
    )


def _timings(
    generation: Generation, attempts: Sequence[RenderAttempt], avatar: Avatar | None, now: datetime
) -> Timings:
    total = (generation.finished_at or now) - generation.created_at
    if not attempts:
        return Timings(total, None, None, None, None, total)
    last = attempts[-1]
    return Timings(
        queue=attempts[0].submitted_at - generation.created_at,
        submit=_between(last.submitted_at, last.accepted_at),
        render=_render(last),
        detection=_between(last.completed_at, last.detected_at),
        store=_between(last.detected_at, avatar.stored_at if avatar else None),
        total=total,
    )


def _render(row: RenderAttempt) -> timedelta | None:
    if row.predict_seconds is not None:
        return timedelta(seconds=row.predict_seconds)
    return _between(row.started_at, row.completed_at)


def _between(start: datetime | None, end: datetime | None) -> timedelta | None:
    return end - start if start and end else None
