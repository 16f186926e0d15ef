"""What is different about a spike, from tallies to the list behind each line, and what a message says."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from core.desks.generations.filters import Filter
from core.desks.generations.views import page_of_generations
from core.foundation.database import Database
from core.monitoring.differences import Novelty, alike, counts_in, what_differs
from core.rollups.absorb import absorb, absorb_batch
from core.rollups.dimensions import DIMENSIONS
from core.tables.customers import Customer
from core.tables.generation import State
from core.tables.images import StoredSelfie
from tests.support.alerting import Watch
from tests.support.factories import make_customer, make_generation, make_selfie

pytestmark = pytest.mark.slow

HOUR = timedelta(hours=1)
START = datetime(2026, 6, 1, tzinfo=UTC)
SPIKE = (START + 5 * HOUR, START + 6 * HOUR)
RANGE = (START, START + 8 * HOUR)


def ended(
    session: Session,
    at: datetime,
    size: int,
    failing: float,
    *,
    seed: int,
    guilty: str | None = None,
    selfie: StoredSelfie | None = None,
    why: str = "timeout",
) -> None:
    """So many generations within that hour; of those with the guilty template 70 % fail."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    customer: Customer = make_customer(session)
    for _ in range(size):
        template = chance.choice(["A hero", "A noir hero", "A space hero"])
        lost = chance.random() < (0.7 if template == guilty else failing)
        make_generation(
            session,
            state="failed" if lost else "succeeded",
            customer=customer,
            selfie=selfie,
            finished_at=at + timedelta(seconds=chance.randint(0, 3_599)),
            failure_class=why if lost else None,
            template=template,
            parameters={"quality": chance.choice(["low", "high"])},
        )


def test_the_cause_of_a_spike_comes_first_and_opens_exactly_its_generations(
    session: Session,
) -> None:
    for hour in range(8):
        ended(session, START + hour * HOUR, 60, 0.05, seed=hour)
    ended(session, SPIKE[0], 90, 0.05, seed=99, guilty="A noir hero")
    absorb_batch(session)
    found = what_differs(session, SPIKE, RANGE)
    top = found.standouts[0]
    assert (top.dimension, top.novelty) == ("prompt", Novelty.NEW)
    assert top.title.endswith("A noir hero")
    assert top.difference.interval.low > 0.2
    assert found.rose is not None
    assert found.rose.interval.low > 0
    behind = page_of_generations(
        session,
        Filter(
            states=(State.FAILED,),
            ended_since=SPIKE[0],
            ended_until=SPIKE[1],
            dimension=top.dimension,
            value=top.value,
        ),
    )
    assert len(behind.rows) == top.rate.hits


def test_each_selfie_property_is_a_dimension_of_its_own(session: Session) -> None:
    customer = make_customer(session)
    several = [{"code": "several_faces", "sentence": "Two."}, {"code": "too_dark", "sentence": "Dark."}]
    wide = make_selfie(session, customer=customer, warnings=several, width=1400, height=1000)
    ended(session, SPIKE[0], 60, 0.8, seed=1, selfie=wide, why="content_policy")
    ended(session, SPIKE[0], 120, 0.05, seed=2)
    absorb_batch(session)
    found = what_differs(session, SPIKE, RANGE)
    assert {(each.dimension, each.value) for each in found.standouts} == {
        ("selfie", "several_faces"),
        ("faces", "several"),
        ("shape", "landscape"),
        ("size", "768 px or more"),
    }
    assert {each.novelty for each in found.standouts} == {Novelty.UNSEEN}
    for each in found.standouts:
        only = Filter(states=(State.FAILED,), dimension=each.dimension, value=each.value)
        assert len(page_of_generations(session, only).rows) == each.rate.hits


def test_one_class_alone_can_be_asked_for(session: Session) -> None:
    ended(session, SPIKE[0], 90, 0.05, seed=3, guilty="A hero", why="content_policy")
    ended(session, SPIKE[0], 90, 0.05, seed=4, guilty="A space hero", why="network")
    absorb_batch(session)
    for why, words in (("content_policy", "A hero"), ("network", "A space hero")):
        (top, *_) = what_differs(session, SPIKE, RANGE, classes=(why,)).standouts
        assert top.title.endswith(words)


def test_the_baseline_around_a_spike_is_taken_without_it(session: Session) -> None:
    for hour in (3, 5, 7):
        ended(session, START + hour * HOUR, 20, 0.5, seed=hour)
    absorb_batch(session)
    found = what_differs(session, SPIKE, RANGE)
    before = what_differs(session, SPIKE, (START, SPIKE[0]))
    assert (found.spike.cases, found.baseline.cases, before.baseline.cases) == (20, 40, 20)
    with pytest.raises(ValueError, match="overlaps"):
        what_differs(session, SPIKE, (START, SPIKE[1] - HOUR / 2))


def test_every_dimension_counts_every_generation_once(session: Session) -> None:
    ended(session, SPIKE[0], 70, 0.5, seed=5)
    make_generation(session, state="canceled", finished_at=SPIKE[0])
    absorb_batch(session)
    counts = counts_in(session, SPIKE)
    cases = {
        name: sum(rate.cases for (each, _), rate in counts.items() if each == name) for name in DIMENSIONS
    }
    assert cases == dict.fromkeys(DIMENSIONS, 70)


def test_an_empty_time_says_too_little(session: Session) -> None:
    found = what_differs(session, SPIKE, RANGE)
    assert (found.standouts, found.compared, found.rose) == ([], 0, None)
    assert "only 0 generations ended" in alike(found)


def told(watch: Watch) -> str:
    absorb(watch.database)
    watch.looks(0, 30, 45)
    (message,) = watch.messages()
    return message.body


def test_the_message_names_the_line_that_the_page_would_show_first(database: Database) -> None:
    watch = Watch.open(database)
    watch.only("failure-rate")
    watch.ended(-1, failed=30, succeeded=10, parameters={"quality": "high"})
    watch.ended(-1, failed=5, succeeded=35, parameters={"quality": "low"})
    body = told(watch)
    assert "Differs most: Quality high, 62 points above the rest in the last hour" in body
    assert "which explains 71% of the failures (too few before to compare)" in body


def test_the_message_of_an_outage_that_hits_all_alike_names_no_culprit(database: Database) -> None:
    watch = Watch.open(database)
    watch.only("failure-rate")
    for quality in ("high", "low"):
        watch.ended(-20_000, failed=2, succeeded=40, parameters={"quality": quality})
        watch.ended(-1, failed=25, succeeded=15, parameters={"quality": quality})
    body = told(watch)
    assert "Differs most" not in body
    assert "Nothing stands out in the last hour: of 2 values compared, none failed certainly more" in body
    assert "the rate rose from 4.8% to 62.5%" in body


def test_the_message_says_nothing_of_differences_before_anything_is_counted(database: Database) -> None:
    watch = Watch.open(database)
    watch.only("failure-rate")
    watch.ended(-1, failed=30, succeeded=10)
    watch.looks(0, 30, 45)
    (message,) = watch.messages()
    assert "stands out" not in message.body
    assert "Differs" not in message.body
