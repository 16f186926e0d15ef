"""Messages in the outbox, for tests."""

from sqlalchemy import select, text

from core.notifications.message import Message
from core.notifications.outbox import enqueue
from core.tables.notifications import DeliveryTry
from tests.support.alerting import Watch


def say(watch: Watch, key: str = "queue:fired:1", severity: str = "warning") -> None:
    """Put one message into the outbox."""
    with watch.database.transaction() as session:
        enqueue(
            session,
            key=key,
            topic="queue",
            event="fired",
            severity=severity,
            message=Message("Firing: <Queue>", "8 min & more", "http://desk.test/alerts?alert=1"),
        )


def later(watch: Watch) -> None:
    """Let the waits of all deliveries pass."""
    with watch.database.transaction() as session:
        session.execute(text("UPDATE delivery SET next_try_at = clock_timestamp() WHERE state = 'waiting'"))


def waits(watch: Watch) -> float:
    """For how many seconds the only delivery still waits."""
    with watch.database.transaction() as session:
        left = session.execute(text("SELECT next_try_at - clock_timestamp() FROM delivery")).scalar_one()
    return float(left.total_seconds())


def tries(watch: Watch) -> list[tuple[str, int | None, str]]:
    """What came of each try, in order."""
    with watch.database.transaction() as session:
        rows = session.scalars(select(DeliveryTry).order_by(DeliveryTry.id))
        return [(each.outcome, each.status, each.answer) for each in rows]
