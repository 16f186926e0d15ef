"""Compensation cases, their log, and what decides them; refunds.sql holds what the database refuses."""

from datetime import datetime
from typing import Any

from sqlalchemy import Computed, ForeignKey, ForeignKeyConstraint, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.foundation.database import Base, HasId


class CaseStateRow(Base):
    """A state that a case can be in; `core.tables.refund_states` mirrors these rows."""

    __tablename__ = "case_state"

    state: Mapped[str] = mapped_column(primary_key=True)
    open: Mapped[bool]
    paid: Mapped[bool]


class CaseEdge(Base):
    """A legal move, and who may make it: policy, staff, clock or system."""

    __tablename__ = "case_edge"

    from_state: Mapped[str] = mapped_column(ForeignKey("case_state.state"), primary_key=True)
    to_state: Mapped[str] = mapped_column(ForeignKey("case_state.state"), primary_key=True)
    actor_kind: Mapped[str] = mapped_column(primary_key=True)


class RefundPolicy(Base):
    """One immutable version of the rules; the last activation says which one decides."""

    __tablename__ = "refund_policy"

    version: Mapped[int] = mapped_column(primary_key=True)
    body: Mapped[dict[str, Any]]
    note: Mapped[str]
    author_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    parent: Mapped[int | None] = mapped_column(ForeignKey("refund_policy.version"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class RefundPolicyActivation(HasId, Base):
    """When a version was put in force, by whom and why; append-only."""

    __tablename__ = "refund_policy_activation"

    version: Mapped[int] = mapped_column(ForeignKey("refund_policy.version"))
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    reason: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class RefundBudget(Base):
    """How much was refunded automatically within a scope and window, and how much may be."""

    __tablename__ = "refund_budget"

    scope: Mapped[str] = mapped_column(primary_key=True)
    window_start: Mapped[datetime] = mapped_column(primary_key=True)
    used: Mapped[int] = mapped_column(server_default="0")
    refunds: Mapped[int] = mapped_column(server_default="0")
    credit_cap: Mapped[int]
    refund_cap: Mapped[int]
    tripped_at: Mapped[datetime | None]


class CompensationCase(HasId, Base):
    """What one customer may get back for one charge, and where the decision stands.

    `requested` is the most that may be paid, `amount` what was paid. `seq` counts the moves: a reviewer's
    click bears the one that was on the screen. `rule` and `why` are the policy's, in words.
    """

    __tablename__ = "compensation_case"
    __table_args__ = (
        ForeignKeyConstraint(
            ["id", "seq", "state"],
            ["case_log.case_id", "case_log.seq", "case_log.to_state"],
            name="compensation_case_logged",
            deferrable=True,
            initially="DEFERRED",
            use_alter=True,
        ),
    )

    kind: Mapped[str]  # failure, cancel, goodwill
    cause_key: Mapped[str] = mapped_column(unique=True)
    generation_id: Mapped[int] = mapped_column(ForeignKey("charge.generation_id"))
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    failure_class: Mapped[str | None]
    fingerprint: Mapped[str | None]
    requested: Mapped[int]
    amount: Mapped[int | None]
    required_approvals: Mapped[int] = mapped_column(server_default="1")
    round: Mapped[int] = mapped_column(server_default="1")
    state: Mapped[str] = mapped_column(ForeignKey("case_state.state"))
    seq: Mapped[int]
    policy_version: Mapped[int | None] = mapped_column(ForeignKey("refund_policy.version"))
    rule: Mapped[str | None]
    why: Mapped[str | None]
    reason_code: Mapped[str | None]
    opened_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    due_at: Mapped[datetime]
    hard_limit_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    claimed_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    claim_until: Mapped[datetime | None]


class CaseLog(Base):
    """One move of a case; append-only, each line bound to the one before it."""

    __tablename__ = "case_log"
    __table_args__ = (
        UniqueConstraint("case_id", "seq", "to_state", name="case_log_state_key"),
        ForeignKeyConstraint(
            ["from_state", "to_state", "actor_kind"],
            ["case_edge.from_state", "case_edge.to_state", "case_edge.actor_kind"],
            name="case_log_edge_fkey",
        ),
        ForeignKeyConstraint(
            ["case_id", "former_seq", "from_state"],
            ["case_log.case_id", "case_log.seq", "case_log.to_state"],
            name="case_log_goes_on",
        ),
    )

    case_id: Mapped[int] = mapped_column(ForeignKey("compensation_case.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    former_seq: Mapped[int | None] = mapped_column(Computed("nullif(seq - 1, 0)", persisted=True))
    from_state: Mapped[str]
    to_state: Mapped[str]
    actor_kind: Mapped[str]
    actor: Mapped[str]
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    amount: Mapped[int | None]
    reason_code: Mapped[str | None]
    note: Mapped[str | None]
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class CaseApproval(Base):
    """One person's consent to an amount, in one round; the same person never counts twice."""

    __tablename__ = "case_approval"

    case_id: Mapped[int] = mapped_column(ForeignKey("compensation_case.id"), primary_key=True)
    round: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    amount: Mapped[int]
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class PolicyDecision(HasId, Base):
    """What the policy saw and said of a case; append-only."""

    __tablename__ = "policy_decision"

    case_id: Mapped[int] = mapped_column(ForeignKey("compensation_case.id"))
    version: Mapped[int] = mapped_column(ForeignKey("refund_policy.version"))
    inputs: Mapped[dict[str, Any]] = mapped_column(JSONB)
    rule: Mapped[str]
    outcome: Mapped[str]  # auto, review, deny
    why: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class CaseIntent(Base):
    """A decision that waits, so that it can still be undone. `refused` says why it was not carried out."""

    __tablename__ = "case_intent"

    case_id: Mapped[int] = mapped_column(ForeignKey("compensation_case.id"), primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    decision: Mapped[str]  # approve, deny, second
    amount: Mapped[int]
    reason_code: Mapped[str]
    note: Mapped[str | None]
    seen_seq: Mapped[int]
    made_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    commit_at: Mapped[datetime]
    refused: Mapped[str | None]


class CaseViewer(Base):
    """Who had a case on the screen last, and when."""

    __tablename__ = "case_viewer"

    case_id: Mapped[int] = mapped_column(ForeignKey("compensation_case.id"), primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    seen_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class DoubleReview(Base):
    """A blind second opinion on a decision that stands; it moves no credits."""

    __tablename__ = "double_review"

    case_id: Mapped[int] = mapped_column(ForeignKey("compensation_case.id"), primary_key=True)
    first_staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id", name="double_review_first_fkey"))
    first_outcome: Mapped[str]
    second_staff_id: Mapped[int | None] = mapped_column(
        ForeignKey("staff.id", name="double_review_second_fkey")
    )
    second_outcome: Mapped[str | None]
    sampled_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    reviewed_at: Mapped[datetime | None]


class CustomerReceipt(HasId, Base):
    """What the product tells the customer of one payment; verifiable by the hash of the wallet's entry."""

    __tablename__ = "customer_receipt"

    transfer_id: Mapped[int] = mapped_column(ForeignKey("transfer.id"), unique=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("compensation_case.id"))
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    sentence: Mapped[str]
    amount: Mapped[int]
    balance_after: Mapped[int]
    entry_hash: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    delivered_at: Mapped[datetime | None]
