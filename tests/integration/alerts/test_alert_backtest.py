"""The preview of a rule counts what the evaluator would have fired."""

import dataclasses

import pytest
from sqlalchemy import text

from core.alerts.backtest import backtest
from core.alerts.kinds import Kind
from core.alerts.rules import DEFAULTS
from tests.support.alerting import Watch
from tests.support.factories import make_generation

pytestmark = pytest.mark.slow

HOUR = 3_600
DAY = 24 * HOUR


def test_each_episode_of_the_past_counts_once(watch: Watch) -> None:
    for day in (3, 10, 20):
        watch.ended(-day * DAY, failed=40)
        watch.ended(-day * DAY + 2 * HOUR, succeeded=40)
    watch.ended(-40 * DAY, failed=40)
    with watch.database.transaction() as session:
        rate = backtest(session, watch.services.settings, DEFAULTS["failure-rate"], now=watch.start)
        strict = dataclasses.replace(DEFAULTS["failure-rate"], parameters={"min_events": 50.0})
        none = backtest(session, watch.services.settings, strict, now=watch.start)
    assert rate is not None
    assert none is not None
    assert (rate.times, none.times) == (3, 0)
    assert rate.latest[0][0] > watch.at(-3 * DAY)
    assert rate.latest[0][1] == "Failure rate"


def test_classes_are_counted_apart(watch: Watch) -> None:
    watch.ended(-HOUR, failed=12, why="storage")
    watch.ended(-HOUR, failed=12, why="network")
    with watch.database.transaction() as session:
        found = backtest(session, watch.services.settings, DEFAULTS["class-count"], now=watch.start)
    assert found is not None
    assert found.times == 2
    assert {title for _, title in found.latest} == {"Object store trouble", "Network trouble"}


def test_what_is_not_kept_cannot_be_tried_on_the_past(watch: Watch) -> None:
    present = {Kind.QUEUE_AGE, Kind.STUCK, Kind.OUTPUT_EXPIRING, Kind.WORKER_SILENT, Kind.ERROR_GROUP}
    present |= {
        Kind.PROVIDER_CLOCK,
        Kind.LEDGER,
        Kind.REFUND_LIMIT,
        Kind.PROMOTION,
        Kind.CHANNEL_DEAD,
        Kind.BLIND,
    }
    with watch.database.transaction() as session:
        for spec in DEFAULTS.values():
            found = backtest(session, watch.services.settings, spec, now=watch.start)
            assert (found is None) == (spec.kind in present)


def test_a_month_of_a_busy_desk_is_tried_whole(watch: Watch) -> None:
    with watch.database.transaction() as session:
        made = make_generation(session, state="succeeded", credits=0, finished_at=watch.start)
        # The same row every 30 seconds, without statistics: the worst moment for the planner.
        session.execute(text("CREATE TEMP TABLE busy AS SELECT * FROM generation"))
        session.execute(text("ALTER TABLE busy DROP COLUMN id"))
        columns = session.execute(
            text(
                "SELECT string_agg(column_name, ', ') FROM information_schema.columns"
                " WHERE table_name = 'busy' AND column_name NOT IN ('request_key', 'finished_at')"
            )
        ).scalar_one()
        times = "SELECT 'k' || n, finished_at - n * interval '30 seconds', "
        session.execute(
            text(
                f"INSERT INTO generation (request_key, finished_at, {columns}) {times} {columns} "
                "FROM busy, generate_series(1, 86000) n"
            )
        )
        assert made.id
    with watch.database.transaction() as session:
        found = backtest(session, watch.services.settings, DEFAULTS["failure-rate"], now=watch.start)
    assert found is not None
    assert found.times == 0
