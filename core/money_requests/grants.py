"""Granting credits by hand: who may, how much alone, and that the trail tells why."""

from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.access.permissions import Actor, Permission, require
from core.access.staff import record
from core.foundation.errors import NotAllowed
from core.ledger import moves as ledger
from core.ledger.moves import LARGEST_GRANT
from core.refunds.versions import in_force
from core.tables.access import AuditEvent
from core.tables.ledger import Transfer, WalletBalance

__all__ = ["LARGEST_GRANT", "grant_credits", "granted_alone", "limit_alone", "needs_second"]

GRANTED = "credits.grant"
DAY = timedelta(days=1)


def grant_credits(
    session: Session, *, actor: Actor, customer_id: int, amount: int, reason: str, key: str
) -> None:
    """Give a customer credits, once per `key`, up to what one person may grant alone within a day.

    Raises NotAllowed (role, or a second person is needed), InvalidInput, NotFound, Conflict.
    """
    require(actor, Permission.GRANT)
    former = session.scalar(select(Transfer.id).where(Transfer.key == f"grant:{key}"))
    if former is None and needs_second(session, actor=actor, customer_id=customer_id, amount=amount):
        raise NotAllowed(
            f"More than {limit_alone(session):,} credits to one customer within a day need a second person. "
            "Ask for them instead."
        )
    posted = ledger.grant(
        session, customer_id=customer_id, amount=amount, reason=reason, key=key, actor=actor.name
    )
    if posted.replayed:
        return
    record(
        session,
        actor=actor,
        action=GRANTED,
        subject=f"customer:{customer_id}",
        reason=reason.strip(),
        after={"credits": amount, "transfer": posted.transfer_id},
    )


def needs_second(session: Session, *, actor: Actor, customer_id: int, amount: int) -> bool:
    """Whether this grant would give the customer more within a day than one person may.

    Grants of the same customer wait for each other from here on: two at once cannot both be the last
    that fits. Raises NotFound (customer).
    """
    wallet = ledger.open_wallet(session, customer_id=customer_id)
    held = select(WalletBalance.account_id).where(WalletBalance.account_id == wallet)
    session.execute(held.with_for_update(key_share=True))
    before = granted_alone(session, actor=actor, customer_id=customer_id)
    return type(amount) is int and before + amount > limit_alone(session)


def granted_alone(session: Session, *, actor: Actor, customer_id: int) -> int:
    """The credits that somebody has granted a customer alone within the last day, by the audit trail."""
    given = session.scalar(
        select(func.coalesce(func.sum(AuditEvent.after["credits"].as_integer()), 0)).where(
            AuditEvent.action == GRANTED,
            AuditEvent.subject == f"customer:{customer_id}",
            AuditEvent.staff_id == actor.id,
            AuditEvent.at > func.clock_timestamp() - DAY,
        )
    )
    return int(given or 0)


def limit_alone(session: Session) -> int:
    """The credits that one person may give one customer within a day, as the refund policy says."""
    return in_force(session)[1].second_over
