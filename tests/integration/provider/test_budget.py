"""The governor of API requests is exact, whoever asks."""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from core.foundation.database import Database
from core.provider import budget
from core.tables.provider import ApiBudget


def take(database: Database, wanted: int) -> int:
    with database.transaction() as session:
        return budget.take(session, "create", wanted)


def rewind(database: Database, seconds: float) -> None:
    """Let time pass for the bucket."""
    with database.transaction() as session:
        session.execute(
            text("UPDATE api_budget SET next_free_at = next_free_at - :s * interval '1 second'"),
            {"s": seconds},
        )


def test_a_burst_is_granted_and_no_more(database: Database) -> None:
    rewind(database, 3600)
    burst = int(budget.BURST_SECONDS * budget.PER_SECOND["create"])
    assert take(database, 1000) == burst
    assert take(database, 1000) <= 1  # what has dripped in since
    rewind(database, 1)
    assert take(database, 1000) in (9, 10)


def test_many_askers_together_get_no_more_than_the_rate(database: Database) -> None:
    rewind(database, 3600)
    granted: list[int] = []
    began = time.monotonic()

    def ask() -> None:
        granted.extend(take(database, 3) for _ in range(20))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    passed = time.monotonic() - began
    assert sum(granted) <= (budget.BURST_SECONDS + passed) * budget.PER_SECOND["create"] + 1


def test_a_pause_stops_one_kind_and_ends_by_itself(database: Database) -> None:
    with database.transaction() as session:
        budget.pause(session, "create", 60)
        budget.pause(session, "create", 1)  # a shorter one does not shorten it
    assert take(database, 1) == 0
    with database.transaction() as session:
        assert budget.take(session, "read", 1) == 1
        session.execute(text("UPDATE api_budget SET paused_until = now() - interval '1 second'"))
    assert take(database, 1) == 1


def test_a_pause_is_never_endless(database: Database) -> None:
    with database.transaction() as session:
        budget.pause(session, "create", 86_400)
        left = session.scalar(text("SELECT paused_until - now() FROM api_budget WHERE kind = 'create'"))
    assert left.total_seconds() <= budget.LONGEST_PAUSE_SECONDS + 1


AT = datetime(2026, 3, 2, 12, 30, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("minute_at", "used"),
    [
        (AT.replace(second=0), 30 + 20 * 0.75),
        (AT.replace(second=0) - timedelta(minutes=1), 30 * 0.75),
        (AT.replace(second=0) - timedelta(minutes=2), 0),
        (AT.replace(second=0) - timedelta(hours=2), 0),
    ],
)
def test_the_last_minute_is_this_one_and_what_it_covers_of_the_one_before(
    minute_at: datetime, used: float
) -> None:
    row = ApiBudget(minute_at=minute_at, minute_used=30, minute_before=20)
    assert budget.used_last_minute(row, AT) == pytest.approx(used)


def test_what_was_granted_is_counted_and_what_was_refused_is_not(database: Database) -> None:
    rewind(database, 3600)
    granted = take(database, 5) + take(database, 2) + take(database, 1000)
    with database.transaction() as session:
        row = session.get_one(ApiBudget, "create")
        untouched = session.get_one(ApiBudget, "read")
        # The clock may have reached the next minute between two of them.
        assert row.minute_used + row.minute_before == granted
        assert (untouched.minute_used, untouched.minute_before) == (0, 0)
