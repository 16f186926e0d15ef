"""Tallies say the same as plain SQL on the generations themselves, however late something ended."""

import itertools
import random
import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from core.classification.taxonomy import FailureClass
from core.foundation.database import Database
from core.generation.states import move
from core.ledger import moves as ledger
from core.monitoring.rollups import (
    Slice,
    counts_over_time,
    floor_quarter,
    money,
    overall_rate,
    rates_by,
    values_of,
)
from core.refunds import opening
from core.rollups.absorb import absorb, absorb_batch, absorb_in_turn
from core.rollups.bins import Grain, bins
from core.rollups.dimensions import DIMENSIONS
from core.tables.failures import GenerationTally, PromptTemplate
from core.tables.generation import State
from tests.support.factories import make_customer, make_generation, make_selfie
from tests.support.failures import make_attempt

pytestmark = pytest.mark.slow

BERLIN = ZoneInfo("Europe/Berlin")
KATHMANDU = ZoneInfo("Asia/Kathmandu")
# Over the night in which the clock goes back in Berlin.
START = datetime(2026, 10, 23, 22, tzinfo=UTC)
DAYS = 4
CLASSES = ("timeout", "network", "content_policy")


def seeded(session: Session, count: int = 240) -> None:
    """A history of every outcome, spread over four days."""
    chance = random.Random(11)  # noqa: S311 - no secret
    customer = make_customer(session)
    plain = make_selfie(session, customer=customer)
    doubts = [{"code": code, "sentence": "No."} for code in ("several_faces", "too_dark")]
    dark = make_selfie(session, customer=customer, warnings=doubts, width=640, height=1200)
    for n in range(count):
        state = chance.choice(["succeeded", "succeeded", "failed", "failed", "canceled"])
        ended = START + timedelta(seconds=chance.randint(0, DAYS * 86_400 - 1))
        columns: dict[str, Any] = {
            "failure_class": chance.choice(CLASSES) if state == "failed" else None,
            "parameters": {"quality": chance.choice(["low", "high"])},
            "template": chance.choice(["A comic hero", "A noir hero"]),
            "model": chance.choice(["openai/gpt-image-1", "openai/gpt-image-1-mini"]),
            "created_at": ended - timedelta(seconds=90),
        }
        generation = make_generation(
            session,
            state=state,
            customer=customer,
            selfie=chance.choice([plain, dark]),
            finished_at=ended,
            **columns,
        )
        if n % 3:
            make_attempt(
                session,
                generation,
                worker=chance.choice(["w-1", "w-2"]),
                cost_usd=Decimal("0.05") if n % 2 else None,
                submitted_at=ended - timedelta(seconds=60),
            )


PLAIN = """
SELECT state, coalesce(failure_class, '') AS class, count(*) AS n FROM generation
WHERE finished_at >= :start AND finished_at < :end GROUP BY 1, 2
"""


@pytest.mark.parametrize("zone", [BERLIN, KATHMANDU], ids=["Berlin", "Kathmandu"])
@pytest.mark.parametrize("grain", list(Grain))
def test_every_bar_and_class_equals_plain_sql(database: Database, zone: ZoneInfo, grain: Grain) -> None:
    with database.transaction() as session:
        seeded(session)
    absorb(database)
    chosen = bins(START, START + timedelta(days=DAYS), grain, zone)
    with database.transaction() as session:
        counted = counts_over_time(session, chosen)
        for each in counted:
            rows = session.execute(text(PLAIN), {"start": each.bin.start, "end": each.bin.end}).all()
            assert each.classes == {row[1]: row.n for row in rows if row.state == "failed"}
            assert each.succeeded == sum(row.n for row in rows if row.state == "succeeded")
            assert each.canceled == sum(row.n for row in rows if row.state == "canceled")
    assert sum(each.failed + each.succeeded + each.canceled for each in counted) == 240


def test_counting_in_many_batches_and_again_counts_each_once(database: Database) -> None:
    with database.transaction() as session:
        seeded(session, 60)
    for _ in range(10):
        with database.transaction() as session:
            absorb_batch(session, limit=7)
    absorb(database)
    with database.transaction() as session:
        total = session.execute(
            text("SELECT grain, dimension, sum(generations) FROM generation_tally GROUP BY 1, 2")
        ).all()
    assert len(total) == 2 * (1 + len(DIMENSIONS))
    assert {int(n) for _, _, n in total} == {60}


def test_what_commits_late_is_counted_in_the_bar_of_its_end(database: Database) -> None:
    ended = datetime(2026, 5, 1, 10, 20, tzinfo=UTC)
    with database.sessions() as late:
        make_generation(late, state="failed", finished_at=ended)
        absorb(database)
        late.commit()
    absorb(database)
    with database.transaction() as session:
        (row,) = session.scalars(
            select(GenerationTally).where(
                GenerationTally.dimension == "all", GenerationTally.grain == "quarter"
            )
        )
    assert (row.start, row.generations) == (datetime(2026, 5, 1, 10, 15, tzinfo=UTC), 1)


def test_a_generation_counts_when_it_ends_and_not_before(database: Database) -> None:
    with database.transaction() as session:
        generation = make_generation(session, state="rendering")
    assert absorb(database).generations == 0
    with database.transaction() as session:
        move(session, generation.id, to=State.CANCELED, finished_at=datetime.now(UTC))
    assert absorb(database).generations == 1
    assert absorb(database).generations == 0


def test_ticks_side_by_side_count_each_once(database: Database) -> None:
    with database.transaction() as session:
        seeded(session, 60)

    def count() -> None:
        for _ in range(5):
            with database.transaction() as session:
                absorb_batch(session, limit=5)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    absorb(database)
    with database.transaction() as session:
        total = session.execute(
            text("SELECT sum(generations) FROM generation_tally WHERE grain = 'day' AND dimension = 'all'")
        ).scalar_one()
    assert total == 60


def test_only_one_worker_counts_and_not_more_often_than_asked(database: Database) -> None:
    turn = {"every_seconds": 60.0, "lease_seconds": 60.0}
    assert absorb_in_turn(database, worker="a", **turn)
    assert not absorb_in_turn(database, worker="a", **turn)
    assert not absorb_in_turn(database, worker="b", **turn)


@pytest.mark.parametrize(
    ("dimension", "column"),
    [
        ("model", "g.model"),
        ("quality", "g.parameters ->> 'quality'"),
        ("prompt", "md5(g.template)"),
        ("purpose", "g.purpose"),
        ("selfie", "coalesce(s.warnings -> 0 ->> 'code', 'no doubts')"),
        ("faces", "CASE s.width WHEN 640 THEN 'several' ELSE 'one' END"),
        ("shape", "CASE s.width WHEN 640 THEN 'portrait' ELSE 'square' END"),
        ("size", "substr('0512 to 767 px', 2)"),
        ("worker", "coalesce((SELECT worker FROM render_attempt a WHERE a.generation_id = g.id), '')"),
    ],
)
@pytest.mark.parametrize(("since", "hours"), [(START, 96), (START + timedelta(hours=5), 30), (START, 3)])
def test_rates_by_a_dimension_equal_plain_sql(
    database: Database, dimension: str, column: str, since: datetime, hours: int
) -> None:
    with database.transaction() as session:
        seeded(session)
    absorb(database)
    until = since + timedelta(hours=hours)
    plain = text(f"""
        SELECT {column} AS value, count(*) FILTER (WHERE g.state = 'failed') AS failed, count(*) AS n
        FROM generation g JOIN selfie s ON s.id = g.selfie_id
        WHERE g.state <> 'canceled' AND finished_at >= :since AND finished_at < :until GROUP BY 1
    """)  # noqa: S608 - words of this file only
    with database.transaction() as session:
        found = rates_by(session, dimension, since, until)
        rows = session.execute(plain, {"since": since, "until": until}).all()
        some = rates_by(session, dimension, since, until, classes=("timeout",))
    assert {each.value: (each.rate.hits, each.rate.cases) for each in found} == {
        row.value: (row.failed, row.n) for row in rows
    }
    assert [each.rate.cases for each in some] == [each.rate.cases for each in found]
    assert sum(each.rate.hits for each in some) < sum(each.rate.hits for each in found) or hours == 3


def test_a_slice_shows_only_its_own(database: Database) -> None:
    with database.transaction() as session:
        seeded(session)
    absorb(database)
    chosen = bins(START, START + timedelta(days=DAYS), Grain.DAY, BERLIN)
    with database.transaction() as session:
        everything = counts_over_time(session, chosen)
        parts = [counts_over_time(session, chosen, Slice("quality", value)) for value in ("low", "high")]
    for n, whole in enumerate(everything):
        assert whole.failed == sum(part[n].failed for part in parts)
        assert whole.succeeded == sum(part[n].succeeded for part in parts)
    assert 0 < overall_rate(parts[0]).cases < overall_rate(everything).cases


def test_a_guilty_prompt_differs_from_the_rest_and_few_cases_say_nothing(session: Session) -> None:
    start = datetime(2026, 6, 1, tzinfo=UTC)
    plan = {"bad words": (200, 60), "good words": (200, 20), "rare words": (8, 8)}
    for template, (cases, failed) in plan.items():
        for n in range(cases):
            make_generation(
                session,
                state="failed" if n < failed else "succeeded",
                finished_at=start,
                template=template,
                customer=None,
            )
    absorb_batch(session)
    rows = rates_by(session, "prompt", start, start + timedelta(hours=1))
    found = {each.title.split(" ", 1)[1]: each for each in rows}
    bad, good, rare = (found[name].against_rest for name in plan)
    assert bad is not None
    assert bad.interval.low > 0
    assert good is not None
    assert good.interval.high < 0
    assert rare is None
    assert set(values_of(session, "prompt", start, start + timedelta(hours=1))) == {
        each.value for each in rows
    }


def test_without_generations_there_is_nothing_and_no_error(session: Session) -> None:
    until = START + timedelta(hours=1)
    assert rates_by(session, "model", START, until) == []
    assert money(session, START, until).refunds == 0
    assert counts_over_time(session, []) == []


def test_money_tells_paid_failures_and_what_was_given_back(database: Database) -> None:
    now = datetime.now(UTC)
    with database.transaction() as session:
        customer = make_customer(session)
        ledger.grant(session, customer_id=customer.id, amount=100, reason="t", key="g", actor="Ada")
        lost = make_generation(session, state="failed", customer=customer, finished_at=now)
        ledger.charge(session, generation_id=lost.id, customer_id=customer.id, amount=10, actor="Ada")
        opening.open_failure(
            session, generation_id=lost.id, failure_class=FailureClass.TIMEOUT, fingerprint=None
        )
        make_attempt(session, lost, cost_usd=Decimal("0.04"))
        make_attempt(session, lost, number=2, cost_usd=Decimal("0.04"))
        good = make_generation(session, state="succeeded", customer=customer, finished_at=now)
        make_attempt(session, good, cost_usd=Decimal("0.05"))
    absorb(database)
    with database.transaction() as session:
        found = money(session, floor_quarter(now), now + timedelta(hours=1))
    assert (found.paid_failures, found.paid_usd, found.spent_usd) == (1, Decimal("0.08"), Decimal("0.13"))
    assert (found.refunds, found.refunded_credits) == (1, 10)


def test_the_day_rows_are_the_sum_of_their_quarters(database: Database) -> None:
    with database.transaction() as session:
        seeded(session)
    absorb(database)
    statement = text("""
        SELECT date_trunc('day', start, 'UTC'), dimension, value, outcome, failure_class,
            sum(generations), sum(cost_usd)
        FROM generation_tally WHERE grain = :grain GROUP BY 1, 2, 3, 4, 5
    """)
    with database.transaction() as session:
        quarters, days = (
            set(session.execute(statement, {"grain": grain}).all()) for grain in ("quarter", "day")
        )
    assert quarters == days
    assert days


def test_the_words_of_each_prompt_are_kept_once(database: Database) -> None:
    with database.transaction() as session:
        seeded(session, 20)
    absorb(database)
    with database.transaction() as session:
        words = sorted(session.scalars(select(PromptTemplate.template)))
    assert words == ["A comic hero", "A noir hero"]


def test_quarters_of_an_hour_begin_where_every_time_zone_has_them() -> None:
    for minute, quarter in itertools.product(range(4), range(4)):
        moment = datetime(2026, 5, 1, 10, 15 * quarter + 3 * minute, 7, tzinfo=UTC)
        assert floor_quarter(moment) == datetime(2026, 5, 1, 10, 15 * quarter, tzinfo=UTC)
