"""Generations, their attempts at the provider, and what came of them."""

import enum
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Numeric, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.foundation.database import Base, HasId


class State(enum.StrEnum):
    """Where a generation stands."""

    QUEUED = "queued"  # credits are in flight, the provider was not called for this attempt yet
    SUBMITTING = "submitting"  # the intent is written; a worker calls the provider, or the answer was lost
    RENDERING = "rendering"  # the provider has it, and we know its id there
    STORING = "storing"  # the provider drew it; it must be fetched before it is deleted there
    SUCCEEDED = "succeeded"  # the avatar is stored, the credits are captured
    FAILED = "failed"  # it ended without an avatar; a case decides on its credits
    CANCELED = "canceled"  # staff or the customer stopped it, the credits came back


OPEN = (State.QUEUED, State.SUBMITTING, State.RENDERING, State.STORING)
ENDED = (State.SUCCEEDED, State.FAILED, State.CANCELED)


class Generation(HasId, Base):
    """One avatar that was asked for, from the click to its end.

    `request_key` is made once per filled-in form, so that a second click is the same generation.
    The lease columns say which worker holds it; `lease_token` grows with every claim and fences late writes.
    """

    __tablename__ = "generation"

    request_key: Mapped[str] = mapped_column(unique=True)
    purpose: Mapped[str]  # avatar (charged), preview or experiment (not charged)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    selfie_id: Mapped[int] = mapped_column(ForeignKey("selfie.id"))
    requested_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    retry_of: Mapped[int | None] = mapped_column(ForeignKey("generation.id"))
    template: Mapped[str]
    # The saved version that this is of; None where the prompt was a draft.
    prompt_version_id: Mapped[int | None] = mapped_column(ForeignKey("prompt_version.id"))
    prompt: Mapped[str]
    model: Mapped[str]
    parameters: Mapped[dict[str, Any]] = mapped_column(JSONB)
    credits: Mapped[int]
    price_usd: Mapped[Decimal | None] = mapped_column(Numeric(10, 4))
    priority: Mapped[int] = mapped_column(server_default="0")

    state: Mapped[str]
    previous_state: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    state_since: Mapped[datetime] = mapped_column(server_default=func.now())
    due_at: Mapped[datetime] = mapped_column(server_default=func.now())
    deadline_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(server_default="0")
    max_attempts: Mapped[int]
    canceled_by: Mapped[str | None]

    lease_owner: Mapped[str | None]
    lease_token: Mapped[int] = mapped_column(server_default="0")
    lease_until: Mapped[datetime | None]

    failure_class: Mapped[str | None]
    failure_rule: Mapped[str | None]
    failure_message: Mapped[str | None]
    failure_detail: Mapped[str | None]
    fingerprint: Mapped[str | None]


class RenderAttempt(HasId, Base):
    """One try to have it drawn. The row is written before the provider is called: it is the intent."""

    __tablename__ = "render_attempt"
    __table_args__ = (UniqueConstraint("generation_id", "number"),)

    generation_id: Mapped[int] = mapped_column(ForeignKey("generation.id"))
    number: Mapped[int]
    client_ref: Mapped[UUID] = mapped_column(unique=True)
    status: Mapped[str]  # open, accepted, succeeded, failed, canceled, lost
    remote_id: Mapped[str | None] = mapped_column(unique=True)
    remote_status: Mapped[str | None]
    remote_url: Mapped[str | None]
    worker: Mapped[str]
    submitted_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    accepted_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    predict_seconds: Mapped[float | None]
    adopted: Mapped[bool] = mapped_column(server_default="false")
    detected_by: Mapped[str | None]  # create, sweep, get, webhook
    detected_at: Mapped[datetime | None]
    output: Mapped[list[Any] | None] = mapped_column(JSONB)
    save_by: Mapped[datetime | None]
    store_tries: Mapped[int] = mapped_column(server_default="0")
    next_check_at: Mapped[datetime | None]
    cost_usd: Mapped[Decimal | None] = mapped_column(Numeric(10, 4))
    failure_class: Mapped[str | None]
    failure_rule: Mapped[str | None]
    failure_detail: Mapped[str | None]


class KeptOutput(Base):
    """A fetched picture that the object store could not take yet: kept here until it can."""

    __tablename__ = "kept_output"

    generation_id: Mapped[int] = mapped_column(ForeignKey("generation.id"), primary_key=True)
    content: Mapped[bytes]
    kept_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Avatar(Base):
    """The delivered picture of a generation."""

    __tablename__ = "avatar"

    generation_id: Mapped[int] = mapped_column(ForeignKey("generation.id"), primary_key=True)
    attempt_id: Mapped[int] = mapped_column(ForeignKey("render_attempt.id"))
    object_key: Mapped[str]
    thumbnail_key: Mapped[str]
    content_type: Mapped[str]
    sha256: Mapped[str]
    width: Mapped[int]
    height: Mapped[int]
    size_bytes: Mapped[int]
    stored_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class GenerationEvent(HasId, Base):
    """One line of a generation's timeline."""

    __tablename__ = "generation_event"

    generation_id: Mapped[int] = mapped_column(ForeignKey("generation.id"))
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    from_state: Mapped[str | None]
    to_state: Mapped[str]
    actor: Mapped[str]
    note: Mapped[str | None]


class WorkerBeat(Base):
    """A worker process and its last sign of life."""

    __tablename__ = "worker"

    id: Mapped[str] = mapped_column(primary_key=True)
    host: Mapped[str]
    pid: Mapped[int]
    version: Mapped[str]
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    beat_at: Mapped[datetime] = mapped_column(server_default=func.now())
    stopped_at: Mapped[datetime | None]
    fenced_writes: Mapped[int] = mapped_column(server_default="0")
    ticks: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
