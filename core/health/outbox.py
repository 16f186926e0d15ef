"""Notifications that wait to be delivered."""

import dataclasses
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.tables.notifications import Delivery


@dataclasses.dataclass(frozen=True)
class OutboxHealth:
    """How many deliveries wait, for how long the oldest has, and how often one was tried in vain at most."""

    waiting: int
    oldest: timedelta | None
    most_tries: int


def outbox_health(session: Session, *, now: datetime) -> OutboxHealth:
    """Look at what has neither been delivered nor given up."""
    waiting, since, tries = session.execute(
        select(func.count(), func.min(Delivery.created_at), func.coalesce(func.max(Delivery.tries), 0)).where(
            Delivery.state == "waiting"
        )
    ).one()
    return OutboxHealth(waiting, now - since if since else None, tries)
