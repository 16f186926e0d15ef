"""Error events, the groups they fall into, and the tallies that charts read."""

import enum
from datetime import datetime
from decimal import Decimal

from sqlalchemy import ForeignKey, Numeric, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.foundation.database import Base, HasId


class GroupState(enum.StrEnum):
    """Where an error group stands."""

    NEW = "new"  # first seen less than a day ago
    ONGOING = "ongoing"  # known, and nobody has taken it
    ESCALATING = "escalating"  # many more in this hour than its own week would let expect
    REGRESSED = "regressed"  # it failed again after it was resolved
    ACKNOWLEDGED = "acknowledged"  # somebody is on it
    MUTED = "muted"  # nobody wants to hear of it until a moment
    RESOLVED = "resolved"  # mended; a later failure brings it back


class ErrorEvent(HasId, Base):
    """One failed attempt, or one generation that failed in the end; append-only.

    `cost_usd` is what the attempt cost us although it failed, `credits` what the lost generation had charged.
    `place`, `http_status`, `code` and `exception` are what the classifier was given beside the text; empty
    where we knew the class ourselves, and in events that are older than these columns.
    """

    __tablename__ = "error_event"

    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    kind: Mapped[str]  # attempt, generation
    generation_id: Mapped[int] = mapped_column(ForeignKey("generation.id"))
    attempt_id: Mapped[int | None] = mapped_column(ForeignKey("render_attempt.id"))
    customer_id: Mapped[int]
    fingerprint: Mapped[str]
    failure_class: Mapped[str]
    rule: Mapped[str | None]
    template_hash: Mapped[str]
    cost_usd: Mapped[Decimal] = mapped_column(Numeric(10, 4), server_default="0")
    credits: Mapped[int] = mapped_column(server_default="0")
    place: Mapped[str | None]
    http_status: Mapped[int | None]
    code: Mapped[str | None]
    exception: Mapped[str | None]


class ErrorGroup(Base):
    """All failures of one fingerprint. Its counts follow by the rollup tick; its state is true at once.

    `muted_until` is set while it is muted and `resolved_at` while it is resolved, so it is never both.
    With `resolved_template` only a later failure of that very template brings it back.
    """

    __tablename__ = "error_group"

    fingerprint: Mapped[str] = mapped_column(primary_key=True)
    failure_class: Mapped[str]
    message: Mapped[str]  # normalised: without ids, numbers and addresses
    state: Mapped[str] = mapped_column(server_default="new")
    state_since: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    first_seen: Mapped[datetime]
    last_seen: Mapped[datetime]
    failed_attempts: Mapped[int] = mapped_column(server_default="0")
    failed_generations: Mapped[int] = mapped_column(server_default="0")
    customers: Mapped[int] = mapped_column(server_default="0")
    cost_usd: Mapped[Decimal] = mapped_column(Numeric(14, 4), server_default="0")
    credits: Mapped[int] = mapped_column(server_default="0")
    acknowledged_by: Mapped[str | None]
    muted_until: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    resolved_template: Mapped[str | None]
    assignee_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    note: Mapped[str | None]


class ErrorGroupCustomer(Base):
    """A customer whom a group has hit."""

    __tablename__ = "error_group_customer"

    fingerprint: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


class ErrorGroupHour(Base):
    """How often a group occurred in one hour (UTC)."""

    __tablename__ = "error_group_hour"

    fingerprint: Mapped[str] = mapped_column(primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    events: Mapped[int]


class ErrorGroupChange(HasId, Base):
    """One line of a group's history; append-only. `actor` is a person's name, or `system`."""

    __tablename__ = "error_group_change"

    fingerprint: Mapped[str] = mapped_column(ForeignKey("error_group.fingerprint"))
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    actor: Mapped[str]
    action: Mapped[str]
    from_state: Mapped[str | None]
    to_state: Mapped[str]
    note: Mapped[str | None]


class GenerationTally(Base):
    """How many generations ended how, in one quarter of an hour or one UTC day, by one dimension at a time.

    `dimension` `all` has the value ''. Refunds count at the time of the refund, the rest at the end of the
    generation. `paid` counts those that cost us something, `cost_usd` how much that was.
    """

    __tablename__ = "generation_tally"

    grain: Mapped[str] = mapped_column(primary_key=True)  # quarter, day
    dimension: Mapped[str] = mapped_column(primary_key=True)
    start: Mapped[datetime] = mapped_column(primary_key=True)
    value: Mapped[str] = mapped_column(primary_key=True)
    outcome: Mapped[str] = mapped_column(primary_key=True)
    failure_class: Mapped[str] = mapped_column(primary_key=True)  # '' unless it failed
    generations: Mapped[int] = mapped_column(server_default="0")
    paid: Mapped[int] = mapped_column(server_default="0")
    cost_usd: Mapped[Decimal] = mapped_column(Numeric(14, 4), server_default="0")
    refunds: Mapped[int] = mapped_column(server_default="0")
    refunded_credits: Mapped[int] = mapped_column(server_default="0")


class LatencyTally(Base):
    """How many generations took how long in a stage, by one dimension at a time; `all` has the value ''.

    `histogram` has how many lie in each bucket, by its number. Bucket n begins at `BUCKET_RATIO` to the n-th
    power in seconds. In one row, because a row of its own for each bucket makes the tick many times dearer.
    """

    __tablename__ = "latency_tally"

    grain: Mapped[str] = mapped_column(primary_key=True)
    dimension: Mapped[str] = mapped_column(primary_key=True)
    start: Mapped[datetime] = mapped_column(primary_key=True)
    value: Mapped[str] = mapped_column(primary_key=True)
    stage: Mapped[str] = mapped_column(primary_key=True)
    histogram: Mapped[dict[str, int]] = mapped_column(JSONB)


class PromptTemplate(Base):
    """The words behind the hash of a template."""

    __tablename__ = "prompt_template"

    hash: Mapped[str] = mapped_column(primary_key=True)
    template: Mapped[str]
    first_seen: Mapped[datetime]


class RollupQueue(HasId, Base):
    """What the rollup tick has not counted yet; filled by triggers in the transaction that caused it."""

    __tablename__ = "rollup_queue"

    kind: Mapped[str]  # event, generation
    subject_id: Mapped[int]
    queued_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class RefundRollup(Base):
    """A refund that the rollup tick has not counted yet; its transfer wrote this row with itself."""

    __tablename__ = "refund_rollup"

    transfer_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
