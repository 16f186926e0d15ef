"""Lists behind a chart's click: the tallies say where to look, and never hide what is there."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from core.classification.taxonomy import FailureClass
from core.desks.generations import chart_windows, filters
from core.desks.generations.filters import Cursor, Filter, page_of_ids
from core.foundation.database import Database
from core.rollups.absorb import absorb, absorb_batch
from core.tables.generation import ENDED, State
from tests.support.factories import make_customer, make_generation, make_selfie
from tests.support.failures import make_attempt

pytestmark = pytest.mark.slow

NOW = datetime.now(UTC)
START = NOW - timedelta(days=100)
CLASSES = ("timeout", "network", "unknown")
PER_PAGE = 15


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    with database.sessions() as session:
        yield session


def history(session: Session, dice: random.Random, days: list[float]) -> None:
    """Generations of these days, in the order in which they were asked for."""
    customer = make_customer(session)
    doubtful = make_selfie(session, customer=customer, warnings=[{"code": "too_dark"}])
    for day in sorted(days):
        asked = START + timedelta(days=day)
        state = dice.choice(ENDED)
        made = make_generation(
            session,
            state=state,
            customer=customer,
            selfie=dice.choice((doubtful, None)),
            credits=dice.choice((0, 10)),
            created_at=asked,
            finished_at=asked + timedelta(minutes=dice.expovariate(1 / 10)),
            model=dice.choice(("openai/gpt-image-1", "openai/gpt-image-1-mini")),
            template=dice.choice(("A hero", "A villain")),
            parameters={"quality": dice.choice(("low", "high"))},
            failure_class=dice.choice(CLASSES) if state == State.FAILED else None,
        )
        make_attempt(session, made, worker=dice.choice(("w-1", "w-1", "w-1", "w-rare")))


def questions(dice: random.Random) -> Iterator[Filter]:
    values = {
        "model": ("openai/gpt-image-1-mini", "none"),
        "quality": ("high", "none"),
        "purpose": ("preview", "none"),
        "selfie": ("too_dark", "no doubts", "none"),
        "worker": ("w-1", "w-rare", "none"),
        "prompt": ("none",),
        None: ("",),
    }
    for dimension, found in values.items():
        for value in found:
            since = START + timedelta(days=dice.uniform(-1, 60))
            yield Filter(
                states=dice.choice(((), (State.FAILED,), (State.SUCCEEDED, State.CANCELED))),
                failure_classes=dice.choice(((), (FailureClass.TIMEOUT, FailureClass.UNKNOWN))),
                ended_since=since,
                ended_until=since + timedelta(days=dice.uniform(0.1, 70)),
                dimension=dimension,
                value=value,
            )


def all_pages(session: Session, asked: Filter) -> list[int]:
    """Every page from the newest on, and back again from the last one."""
    found: list[int] = []
    while page := page_of_ids(session, asked, Cursor(found[-1]) if found else None, PER_PAGE):
        found += page
    back = page_of_ids(session, asked, Cursor(found[-1], newer=True), PER_PAGE) if found else []
    return [*found, *back]


def by_the_rows_alone(session: Session, asked: Filter, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    with monkeypatch.context() as patched:
        patched.setattr(filters, "spans_of", lambda *_: None)
        return all_pages(session, asked)


@pytest.mark.parametrize("few", [0, 10, 10_000])
def test_every_page_is_the_same_with_and_without_the_tallies(
    database: Database, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(chart_windows, "FEW", few)
    dice = random.Random(few)  # noqa: S311 - nothing is kept secret by it
    # Most of them in two clumps.
    days = [dice.choice((dice.uniform(0, 95), dice.gauss(20, 1), dice.gauss(80, 1))) for _ in range(120)]
    with database.transaction() as session:
        history(session, dice, days)
    absorb(database)
    with database.transaction() as session:
        history(session, dice, [dice.uniform(95, 99) for _ in range(20)])
    with database.transaction() as session:
        for asked in [each for _ in range(3) for each in questions(dice)]:
            assert all_pages(session, asked) == by_the_rows_alone(session, asked, monkeypatch), asked


def window(**asked: Any) -> Filter:
    return Filter(ended_since=START, ended_until=NOW, **asked)


def test_what_the_tick_has_not_counted_yet_is_found(session: Session) -> None:
    made = make_generation(session, state="failed", finished_at=NOW - timedelta(hours=1))
    assert page_of_ids(session, window(states=(State.FAILED,)), None, PER_PAGE) == [made.id]
    assert page_of_ids(session, window(states=(State.SUCCEEDED,)), None, PER_PAGE) == []


def test_with_a_long_backlog_the_rows_alone_are_asked(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chart_windows, "LONGEST_BACKLOG", 1)
    made = [
        make_generation(session, state="failed", finished_at=NOW - timedelta(days=day)) for day in range(1, 4)
    ]
    assert page_of_ids(session, window(), None, PER_PAGE) == [each.id for each in reversed(made)]


def test_where_nothing_is_counted_no_generation_is_read(session: Session) -> None:
    make_generation(session, state="failed", finished_at=NOW - timedelta(days=1))
    session.execute(text("DELETE FROM rollup_queue"))
    assert page_of_ids(session, window(dimension="worker", value="nobody"), None, PER_PAGE) == []
    assert page_of_ids(session, window(), None, PER_PAGE) == []


def test_the_planner_is_as_before_afterwards(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chart_windows, "FEW", 0)
    for day in (40, 1):
        ended = NOW - timedelta(days=day)
        make_generation(session, state="failed", created_at=ended, finished_at=ended)
    absorb_batch(session)
    page_of_ids(session, window(), None, PER_PAGE)
    settings = [session.scalar(text(f"SHOW {name}")) for name in ("enable_sort", "enable_bitmapscan")]
    assert settings == ["on", "on"]
