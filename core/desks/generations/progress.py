"""How far one generation is, as the person who asked for it sees it: stages, times, result or reason."""

import dataclasses
import enum
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from core.classification.taxonomy import TAXONOMY, FailureClass, Fault
from core.foundation.database import LARGEST_ID
from core.foundation.errors import NotFound
from core.generation.workers import BEATS_UNTIL_SILENT
from core.images.addresses import Picture as Kind
from core.images.addresses import Shown
from core.ledger.views import LedgerLine, lines_of_generation
from core.tables.customers import Customer
from core.tables.generation import ENDED, OPEN, Avatar, Generation, GenerationEvent, State, WorkerBeat
from core.tables.images import StoredSelfie

LABELS = {
    State.QUEUED: "Queued",
    State.SUBMITTING: "Submitting",
    State.RENDERING: "Rendering",
    State.STORING: "Storing",
}


class Mark(enum.StrEnum):
    """How a stage stands."""

    DONE = "done"
    NOW = "now"
    AHEAD = "ahead"
    FAILED = "failed"  # it ended here without an avatar
    STOPPED = "stopped"  # it was canceled here


@dataclasses.dataclass(frozen=True)
class Stage:
    """One stage; `spent` is the time in it over all attempts, None where it was never reached."""

    label: str
    mark: Mark
    spent: timedelta | None


@dataclasses.dataclass(frozen=True)
class Failure:
    """Why there is no avatar. `message` is for the customer, `hint` for staff, `detail` what was received."""

    failure_class: str
    title: str
    message: str
    hint: str
    detail: str
    try_other_input: bool


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture in the object store; sizes are in pixels. `shown` is None where its person was erased."""

    shown: Shown | None
    content_type: str
    width: int
    height: int


@dataclasses.dataclass(frozen=True)
class Progress:
    """One generation. `note` is what happened last beside the moves: why it is tried again, for instance."""

    id: int
    state: State
    charged: bool
    selfie_id: int
    customer_id: int
    customer: str
    credits: int
    price_usd: Decimal | None
    attempts: int
    max_attempts: int
    elapsed: timedelta
    stages: Sequence[Stage]
    note: str | None
    selfie: Picture
    avatar: Picture | None
    failure: Failure | None
    canceled_by: str | None
    ledger: Sequence[LedgerLine]
    worker_missing: bool

    @property
    def ended(self) -> bool:
        return self.state in ENDED


def progress(session: Session, generation_id: int, *, heartbeat_seconds: float) -> Progress:
    """How far a generation is at this moment. Raises NotFound."""
    known = 0 < generation_id <= LARGEST_ID
    generation = session.get(Generation, generation_id, populate_existing=True) if known else None
    if generation is None:
        raise NotFound(f"There is no generation {generation_id}.")
    now = session.scalars(select(func.clock_timestamp())).one()
    of_it = select(GenerationEvent).where(GenerationEvent.generation_id == generation_id)
    events = session.scalars(of_it.order_by(GenerationEvent.id)).all()
    state = State(generation.state)
    customer = session.get_one(Customer, generation.customer_id, populate_existing=True)
    avatar = session.get(Avatar, generation_id)
    selfie = session.get_one(StoredSelfie, generation.selfie_id)
    return Progress(
        id=generation.id,
        state=state,
        charged=generation.purpose == "avatar",
        selfie_id=generation.selfie_id,
        customer_id=customer.id,
        customer=customer.name,
        credits=generation.credits,
        price_usd=generation.price_usd,
        attempts=generation.attempts,
        max_attempts=generation.max_attempts,
        elapsed=max((generation.finished_at or now) - generation.created_at, timedelta(0)),
        stages=stages([(State(event.to_state), event.at) for event in events], now),
        note=_note(events) if state in OPEN else None,
        selfie=_picture(selfie, Shown(Kind.SELFIE, selfie.id), customer),
        avatar=_picture(avatar, Shown(Kind.AVATAR, generation.id), customer) if avatar else None,
        failure=failure_of(generation) if state is State.FAILED else None,
        canceled_by=generation.canceled_by,
        ledger=lines_of_generation(session, generation_id),
        worker_missing=state is State.QUEUED and not _worker_alive(session, heartbeat_seconds),
    )


def generation_of_form(session: Session, request_key: str) -> int | None:
    """The generation that a filled-in form has become; None while it was not sent."""
    return session.scalar(select(Generation.id).where(Generation.request_key == request_key))


def stages(moves: Sequence[tuple[State, datetime]], now: datetime) -> list[Stage]:
    """The four stages from the moves that were made, oldest first."""
    spent: dict[State, timedelta] = {}
    for index, (state, since) in enumerate(moves):
        until = moves[index + 1][1] if index + 1 < len(moves) else now
        spent[state] = spent.get(state, timedelta(0)) + (until - since)
    end = moves[-1][0] if moves else State.QUEUED
    reached = end if end in OPEN else next((s for s, _ in reversed(moves) if s in OPEN), State.QUEUED)
    return [
        Stage(label, _mark(stage, reached, end), None if _ahead(stage, reached, end) else spent.get(stage))
        for stage, label in LABELS.items()
    ]


def failure_of(generation: Generation) -> Failure:
    """The reason of a failed generation in the words of the taxonomy."""
    name = generation.failure_class or FailureClass.UNKNOWN
    row = TAXONOMY[FailureClass(name)]
    return Failure(
        failure_class=name,
        title=row.title,
        message=generation.failure_message or row.customer_message,
        hint=row.operator_hint,
        detail=generation.failure_detail or "",
        try_other_input=row.fault is Fault.CUSTOMER,
    )


def _mark(stage: State, reached: State, end: State) -> Mark:
    if end is State.SUCCEEDED or OPEN.index(stage) < OPEN.index(reached):
        return Mark.DONE
    if stage is not reached:
        return Mark.AHEAD
    return {State.FAILED: Mark.FAILED, State.CANCELED: Mark.STOPPED}.get(end, Mark.NOW)


def _ahead(stage: State, reached: State, end: State) -> bool:
    # A stage that an earlier attempt passed lies ahead again.
    return _mark(stage, reached, end) is Mark.AHEAD


def _note(events: Sequence[GenerationEvent]) -> str | None:
    last = events[-1] if events else None
    return last.note if last is not None and last.from_state is not None else None


def _picture(stored: StoredSelfie | Avatar, shown: Shown, customer: Customer) -> Picture:
    given = shown if customer.erased_at is None else None
    return Picture(given, stored.content_type, stored.width, stored.height)


def _worker_alive(session: Session, heartbeat_seconds: float) -> bool:
    since = func.clock_timestamp() - timedelta(seconds=BEATS_UNTIL_SILENT * heartbeat_seconds)
    beats = exists().where(WorkerBeat.stopped_at.is_(None), WorkerBeat.beat_at > since)
    return bool(session.scalar(select(beats)))
