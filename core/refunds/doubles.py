"""Blind second opinions: 2 % of the decisions are shown to another reviewer, who does not see the first."""

import hashlib

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.access.permissions import Actor, Permission, require
from core.foundation.errors import Conflict, InvalidInput, NotFound
from core.tables.refund_states import CaseState
from core.tables.refunds import CompensationCase, DoubleReview

SHARE = 0.02
OUTCOMES = ("approved", "denied")


def chosen(case_id: int) -> bool:
    """Whether a case is among those that are looked at twice: spread evenly, and the same at each try."""
    spread = int.from_bytes(hashlib.sha256(f"double review {case_id}".encode()).digest()[:8], "big")
    return spread / 2**64 < SHARE


def sample(session: Session, case: CompensationCase) -> None:
    """Put a decided case before a second reviewer, if it is one of the chosen."""
    if not chosen(case.id) or case.decided_by is None:
        return
    outcome = "approved" if case.state == CaseState.APPROVED else "denied"
    session.execute(
        insert(DoubleReview)
        .values(case_id=case.id, first_staff_id=case.decided_by, first_outcome=outcome)
        .on_conflict_do_nothing()
    )


def give_opinion(session: Session, *, actor: Actor, case_id: int, outcome: str) -> bool:
    """What a second reviewer would have decided; returns whether both agree.

    Raises NotAllowed, InvalidInput, NotFound, and Conflict (the first reviewer, or given already).
    """
    require(actor, Permission.DECIDE_REFUNDS)
    if outcome not in OUTCOMES:
        raise InvalidInput("An opinion is to approve or to deny.")
    row = session.get(DoubleReview, case_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound(f"Case {case_id} is not up for a second opinion.")
    if row.first_staff_id == actor.id:
        raise Conflict("You decided this case yourself. Another reviewer gives the second opinion.")
    if row.second_staff_id is not None:
        raise Conflict("Somebody gave the second opinion on this case meanwhile.")
    row.second_staff_id, row.second_outcome, row.reviewed_at = actor.id, outcome, func.clock_timestamp()
    session.flush()
    return row.first_outcome == outcome
