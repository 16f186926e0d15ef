"""The states of a compensation case, as the rows of `case_state` and `case_edge` have them."""

import enum


class CaseState(enum.StrEnum):
    """Where a case stands."""

    NEW = "new"  # just written; the policy has its say in the same transaction
    PENDING = "pending"  # a person has to decide
    NEEDS_SECOND = "needs_second"  # one person has agreed, another one must as well
    EXPIRED = "expired"  # nobody decided by its last hour; it still waits, and is first in the queue
    AUTO_APPROVED = "auto_approved"  # paid by the policy, or by the clock because nobody decided in time
    APPROVED = "approved"  # paid by people
    DENIED = "denied"  # what was charged is kept; may be appealed
    WITHDRAWN = "withdrawn"  # the avatar came after all
    REVERSED = "reversed"  # paid, and taken back again


OPEN_STATES = (CaseState.PENDING, CaseState.NEEDS_SECOND, CaseState.EXPIRED)
PAID_STATES = (CaseState.AUTO_APPROVED, CaseState.APPROVED)


class CaseKind(enum.StrEnum):
    """Why there is a case."""

    FAILURE = "failure"  # a charged generation ended without an avatar
    CANCEL = "cancel"  # staff stopped it
    GOODWILL = "goodwill"  # the avatar came, and staff want to give something back for it


STATE_TITLES = {
    CaseState.NEW: "New",
    CaseState.PENDING: "To decide",
    CaseState.NEEDS_SECOND: "Second person",
    CaseState.EXPIRED: "Overdue",
    CaseState.AUTO_APPROVED: "Paid automatically",
    CaseState.APPROVED: "Approved",
    CaseState.DENIED: "Denied",
    CaseState.WITHDRAWN: "Withdrawn",
    CaseState.REVERSED: "Reversed",
}
