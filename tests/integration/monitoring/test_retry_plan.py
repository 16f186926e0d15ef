"""The dry run: what of an error group can be retried, at what price, and why the rest cannot."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from pydantic import SecretStr

from core.access.permissions import Actor
from core.access.staff import actor_by_id
from core.catalog.prices import price_of
from core.foundation.database import Database
from core.monitoring.retries.batches import stop
from core.monitoring.retries.plan import Obstacle, Scope
from core.monitoring.retries.views import expected_time
from core.settings import Settings
from core.tables.customers import Customer
from core.tables.generation import Generation
from tests.support.factories import make_generation, make_staff
from tests.support.failures import fail_once, make_attempt
from tests.support.retries import everything, fail_generations, failed_group, planned, started
from tests.support.wallets import rich

SETTINGS = Settings()
# One image of low quality: of gpt-image-1 with high fidelity, and of the default model.
LOW = Decimal("0.0530")
DEFAULT_LOW = price_of(SETTINGS.model, {"quality": "low"}).usd


@pytest.fixture
def admin(database: Database) -> Actor:
    with database.transaction() as session:
        return actor_by_id(session, make_staff(session).id)


def test_every_failed_generation_is_counted_once_with_the_reason_why_it_is_left_out(
    database: Database, admin: Actor
) -> None:
    waiting = failed_group(database, 2)
    started(database, SETTINGS, admin)
    with database.transaction() as session:
        retried = fail_generations(session, 3, customer=rich(session))
        for former in retried:
            make_generation(session, state="canceled", retry_of=former)
        erased = rich(session)
        fail_generations(session, 1, customer=erased)
        session.get_one(Customer, erased.id).erased_at = datetime.now(UTC)
        fail_generations(session, 2, customer=rich(session), parameters={"quality": "ultra"})
        fail_generations(session, 1, customer=rich(session), model="openai/dall-e-9")
        fail_generations(session, 4, customer=rich(session, 25, name="Bea"))
        good = fail_generations(session, 2, customer=rich(session))
        free = fail_generations(session, 1, customer=rich(session, 1), credits=0)
        # Neither of another group, nor one whose attempt alone failed here.
        fail_once(session, "something else")
        later = make_generation(session, state="succeeded")
        make_attempt(session, later, status="failed")
    found = planned(database, SETTINGS)
    assert found.total == 2 + 3 + 1 + 3 + 4 + 2 + 1
    assert found.left_out == {
        Obstacle.WAITING: len(waiting),
        Obstacle.RETRIED: 3,
        Obstacle.ERASED: 1,
        Obstacle.PARAMETERS: 3,
        Obstacle.CREDITS: 2,
    }
    assert set(found.prices) >= {*good, *free}
    assert len(found.prices) + sum(found.left_out.values()) == found.total
    assert (found.credits, found.cost_usd, found.unpriced) == (40, 5 * LOW, 0)
    assert found.customers == 3
    assert [(each.name, each.generations, each.missing) for each in found.short] == [("Bea", 2, 15)]


def test_a_price_that_is_not_published_is_counted_at_its_most(database: Database) -> None:
    failed_group(database, 2, model="openai/gpt-image-1-mini")
    failed_group(database, 1)
    found = planned(database, SETTINGS)
    assert (found.cost_usd, found.unpriced) == (LOW + 2 * Decimal("0.006"), 2)


def test_a_key_of_our_own_changes_what_is_counted(database: Database) -> None:
    failed_group(database, 1, model="openai/gpt-image-2", parameters={"quality": "high"})
    with_key = SETTINGS.model_copy(update={"openai_api_key": SecretStr("sk-x")})
    found, paid_there = planned(database, SETTINGS), planned(database, with_key)
    assert (found.cost_usd, found.unpriced) == (Decimal("0.128"), 0)
    assert (paid_there.cost_usd, paid_there.unpriced) == (Decimal("0.212"), 1)


def test_what_the_provider_no_longer_has_is_priced_at_the_model_of_today(database: Database) -> None:
    failed_group(database, 1, model="openai/gpt-image-1.5", failure_class="model_unavailable")
    assert planned(database, SETTINGS).cost_usd == DEFAULT_LOW


def test_only_what_failed_in_the_time_is_retried(database: Database) -> None:
    now = datetime.now(UTC)
    hour = timedelta(hours=1)
    for back in (0, 1, 2, 3):
        failed_group(database, 1, finished_at=now - back * hour)
    assert planned(database, SETTINGS, Scope(now - 2 * hour, now)).total == 2
    assert planned(database, SETTINGS, Scope(None, now)).total == 3
    assert planned(database, SETTINGS, everything()).total == 4


def test_of_a_retry_that_failed_too_only_the_later_one_is_retried(database: Database) -> None:
    (first,) = failed_group(database, 1)
    with database.transaction() as session:
        customer = session.get_one(Customer, session.get_one(Generation, first).customer_id)
        (second,) = fail_generations(session, 1, customer=customer, retry_of=first)
    assert list(planned(database, SETTINGS).prices) == [second]


def test_a_batch_that_was_stopped_blocks_nothing_and_makes_another_token(
    database: Database, admin: Actor
) -> None:
    failed_group(database, 2)
    before = planned(database, SETTINGS)
    number = started(database, SETTINGS, admin)
    with database.transaction() as session:
        stop(session, actor=admin, batch_id=number)
    after = planned(database, SETTINGS)
    assert after.prices == before.prices
    assert after.token != before.token


def test_the_expected_time_comes_from_the_queue_and_from_what_was_drawn_of_late(database: Database) -> None:
    settings = SETTINGS.model_copy(update={"max_in_flight": 10})
    with database.transaction() as session:
        assert expected_time(session, settings, 5) is None
        now = datetime.now(UTC)
        for seconds in (20, 30, 40):
            drawn = make_generation(session, state="succeeded", finished_at=now)
            make_attempt(session, drawn, submitted_at=now - timedelta(seconds=seconds))
        for _ in range(8):
            make_generation(session, state="rendering")
        # 8 under way and 5 more are two rounds of ten.
        assert expected_time(session, settings, 5) == timedelta(seconds=60)
        assert expected_time(session, settings, 2) == timedelta(seconds=30)
