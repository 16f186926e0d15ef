"""What the evidence of a case consists of."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime, timedelta

from core.desks.refunds.queue import Place
from core.desks.refunds.queue_filters import Incident
from core.images.addresses import Shown
from core.ledger.views import LedgerLine
from core.refunds.policy import CaseFacts
from core.refunds.why_not import Change
from core.tables.refund_states import CaseKind, CaseState


@dataclasses.dataclass(frozen=True)
class Try:
    """One attempt at the provider: what the provider said, and what we take it for."""

    number: int
    status: str
    submitted_at: datetime
    took: timedelta | None
    failure_class: str | None
    words: str | None
    remote_id: str | None


@dataclasses.dataclass(frozen=True)
class History:
    """A customer's last 30 days without this case: generations by outcome, and credits."""

    generations: dict[str, int]
    charged: int
    came_back: int
    refunds: int
    balance: int


@dataclasses.dataclass(frozen=True)
class EarlierCase:
    """Another case of the same customer."""

    id: int
    state: CaseState
    kind: CaseKind
    failure_class: str | None
    amount: int | None
    requested: int
    opened_at: datetime


@dataclasses.dataclass(frozen=True)
class Why:
    """What the policy saw and said; `change` is the smallest one that would have decided the case at once."""

    version: int
    rule: str
    outcome: str
    why: str
    seen: CaseFacts
    change: Change | None


@dataclasses.dataclass(frozen=True)
class Move:
    """One line of the case's log."""

    seq: int
    at: datetime
    to: CaseState
    actor: str
    amount: int | None
    reason_code: str | None
    note: str | None


@dataclasses.dataclass(frozen=True)
class First:
    """What the first of two people agreed to."""

    staff_id: int
    name: str
    amount: int
    at: datetime


@dataclasses.dataclass(frozen=True)
class Receipt:
    """What the customer was told of one payment."""

    transfer_id: int
    sentence: str
    amount: int
    balance_after: int
    created_at: datetime
    delivered_at: datetime | None


@dataclasses.dataclass(frozen=True)
class Deciding:
    """A decision that waits, or was refused when its time came."""

    staff_id: int
    name: str
    decision: str
    amount: int
    commit_at: datetime
    refused: str | None


@dataclasses.dataclass(frozen=True)
class Evidence:
    """One case with all that bears on it. `one_person_left` is how many credits the viewer alone may still
    pay this customer today."""

    id: int
    seq: int
    state: CaseState
    kind: CaseKind
    generation_id: int
    customer_id: int
    customer: str
    reference: str
    failure_class: str | None
    requested: int
    amount: int | None
    required_approvals: int
    opened_at: datetime
    due_at: datetime
    closed_at: datetime | None
    decided_by: int | None
    decider: str | None
    now: datetime
    prompt: str
    model: str
    failure_message: str | None
    failure_detail: str | None
    selfie: Shown | None
    avatar: Shown | None
    erased: bool
    tries: Sequence[Try]
    lines: Sequence[LedgerLine]
    history: History
    earlier: Sequence[EarlierCase]
    why: Why | None
    log: Sequence[Move]
    first: First | None
    receipts: Sequence[Receipt]
    incident: Incident | None
    mates: int
    viewers: Sequence[str]
    held_by: str | None
    held_until: datetime | None
    held_by_me: bool
    deciding: Deciding | None
    one_person_left: int

    @property
    def open(self) -> bool:
        return self.closed_at is None

    @property
    def place(self) -> Place:
        return Place(self.due_at, self.id)

    @property
    def held_elsewhere(self) -> bool:
        return self.held_by is not None and not self.held_by_me
