"""Granting credits by hand: who may, and that the trail tells why."""

from sqlalchemy.orm import Session

from core.access.permissions import Actor, Permission, require
from core.access.staff import record
from core.credits import ledger
from core.credits.ledger import LARGEST_GRANT

__all__ = ["LARGEST_GRANT", "grant_credits"]


def grant_credits(
    session: Session, *, actor: Actor, customer_id: int, amount: int, reason: str, key: str
) -> None:
    """Give a customer credits, once per `key`. Raises NotAllowed, InvalidInput, NotFound, Conflict."""
    require(actor, Permission.GRANT)
    posted = ledger.grant(
        session, customer_id=customer_id, amount=amount, reason=reason, key=key, actor=actor.name
    )
    if posted.replayed:
        return
    record(
        session,
        actor=actor,
        action="credits.grant",
        subject=f"customer:{customer_id}",
        reason=reason.strip(),
        after={"credits": amount, "transfer": posted.transfer_id},
    )
