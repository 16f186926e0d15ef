"""Retrying the failed generations of an error group from its page: read, confirm, watch, stop."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from streamlit.testing.v1 import AppTest

from core.monitoring.retries.work import work_off
from core.rollups.absorb import absorb
from core.services import Services
from core.tables.access import Staff
from core.tables.customers import Customer
from core.tables.generation import Generation
from core.tables.retries import RetryBatch
from tests.pages.conftest import OpenPage
from tests.pages.looking import button, has_button, said
from tests.support.retries import GROUP, fail_generations, failed_group, retries_of, work_all_off
from tests.support.wallets import rich

PAGE = "pages/errors/page.py"
LIST = "pages/generations/page.py"


@pytest.fixture
def failed(services: Services) -> list[int]:
    """Three failed generations of one customer."""
    return fail_some(services, 3)


def fail_some(services: Services, number: int, **given: Any) -> list[int]:
    ids = failed_group(services.database, number, **given)
    absorb(services.database)
    return ids


def dry_run(open_page: OpenPage, **given: Any) -> AppTest:
    query = {"group": GROUP, **given.pop("query", {})}
    at = open_page(PAGE, query=query, **given)
    return button(at, "Retry failed generations").click().run()


def batches(services: Services) -> int:
    with services.database.transaction() as session:
        return session.scalar(select(func.count()).select_from(RetryBatch)) or 0


def demote_tom(services: Services) -> None:
    with services.database.transaction() as session:
        staff = session.scalars(select(Staff).where(Staff.name.startswith("Tom"))).one()
        staff.roles = ["viewer"]


def test_the_dry_run_names_number_price_and_what_is_left_out_and_starts_nothing(
    open_page: OpenPage, services: Services, failed: list[int]
) -> None:
    with services.database.transaction() as session:
        fail_generations(session, 2, customer=rich(session, 12, name="Bea <b>"))
    absorb(services.database)
    at = dry_run(open_page)
    assert button(at, "Retry 4 for \\$0.212 and 40 credits")
    words = said(at)
    assert "4 generations of 5 that failed" in words
    assert "1 of customers who lack the credits" in words
    assert "Bea \\<b> lacks 8" in words
    assert batches(services) == 0


def test_confirmed_the_retries_are_made_and_followed_to_their_end(
    open_page: OpenPage, services: Services, failed: list[int]
) -> None:
    at = dry_run(open_page)
    button(at, "Retry 3 for").click().run()
    assert not at.exception
    assert not has_button(at, "Retry 3 for")
    assert "0 of 3 have ended: 3 not requested yet" in progress(at)
    work_all_off(services.database, services.settings)
    at.run()
    assert "0 of 3 have ended: 3 under way" in progress(at)
    assert retries_of(services.database, failed) == failed
    assert "started retries" in said(at)
    # The link's own list holds exactly them.
    shown = open_page(LIST, query={"batch": "1"})
    assert len(shown.dataframe[0].value) == 3
    assert has_button(shown, "Retries of batch 1")
    assert len(open_page(LIST, query={"batch": "1", "state": "failed"}).dataframe) == 0


def test_two_tabs_confirm_the_same_dry_run_and_it_is_one_batch(
    open_page: OpenPage, services: Services, failed: list[int]
) -> None:
    first, second = dry_run(open_page), dry_run(open_page)
    button(first, "Retry 3 for").click().run()
    button(second, "Retry 3 for").click().run()
    assert not second.exception
    assert batches(services) == 1
    assert "3 not requested yet" in progress(second)


def test_what_changed_since_it_was_read_is_told_and_nothing_is_started(
    open_page: OpenPage, services: Services, failed: list[int]
) -> None:
    at = dry_run(open_page)
    with services.database.transaction() as session:
        customer = session.get_one(Generation, failed[0]).customer_id
        session.get_one(Customer, customer).erased_at = datetime.now(UTC)
    button(at, "Retry 3 for").click().run()
    assert "has changed since it was shown" in at.warning[0].value
    assert "3 without a selfie" in said(at)
    assert not has_button(at, "Retry 3")
    assert batches(services) == 0


def test_the_time_of_the_page_is_the_scope_until_all_is_asked_for(
    open_page: OpenPage, services: Services, failed: list[int]
) -> None:
    fail_some(services, 2, finished_at=datetime.now(UTC) - timedelta(days=3))
    at = dry_run(open_page)
    assert has_button(at, "Retry 3 for")
    at.segmented_control(key="errors_retry_scope").set_value("all").run()
    assert has_button(at, "Retry 5 for")
    assert has_button(dry_run(open_page, query={"range": "7d"}), "Retry 5 for")
    long_ago = {"range": "custom", "from": "2026-01-01", "to": "2026-01-02"}
    empty = dry_run(open_page, query=long_ago)
    assert "No generation of this group failed in the end in this time." in said(empty)


def test_stop_leaves_the_rest_alone_and_says_who_it_was(
    open_page: OpenPage, services: Services, failed: list[int]
) -> None:
    at = dry_run(open_page)
    button(at, "Retry 3 for").click().run()
    work_off(services.database, services.settings, most=1)
    button(at.run(), "Stop the 2").click().run()
    assert "Stopped by Ada (admin). 2 generations were not retried." in at.warning[0].value
    work_all_off(services.database, services.settings)
    assert retries_of(services.database, failed) == failed[:1]
    button(at.run(), "Retry failed generations").click().run()
    assert has_button(at, "Retry 2 for")


def test_a_batch_whose_starter_lost_the_permission_says_so(
    open_page: OpenPage, services: Services, failed: list[int]
) -> None:
    at = dry_run(open_page, persona="tuner")
    button(at, "Retry 3 for").click().run()
    demote_tom(services)
    work_all_off(services.database, services.settings)
    shown = open_page(PAGE, query={"group": GROUP})
    assert "may not start or retry generations" in shown.warning[0].value
    assert "3 generations were not retried." in shown.warning[0].value


def test_who_may_not_generate_finds_the_button_closed(
    open_page: OpenPage, services: Services, failed: list[int]
) -> None:
    at = open_page(PAGE, persona="viewer", query={"group": GROUP})
    assert button(at, "Retry failed generations").disabled
    assert "may not start or retry generations" in button(at, "Retry failed generations").help
    assert not has_button(at, "Retry 3")


def test_who_loses_the_permission_before_the_confirmation_starts_nothing(
    open_page: OpenPage, services: Services, failed: list[int]
) -> None:
    at = dry_run(open_page, persona="tuner")
    demote_tom(services)
    button(at, "Retry 3 for").click().run()
    assert "may not start or retry generations" in at.error[0].value
    assert batches(services) == 0


def test_a_price_that_is_not_published_is_said(open_page: OpenPage, services: Services) -> None:
    fail_some(services, 2, model="openai/gpt-image-1-mini")
    at = dry_run(open_page)
    assert has_button(at, "Retry 2 for at most \\$0.012 and 20 credits")
    fail_some(services, 1)
    assert has_button(at.run(), "Retry 3 for at most \\$0.065 and 30 credits")
    assert "The price of 2 of them is not published" in said(at)


def progress(at: AppTest) -> str:
    return "\n".join(str(element.proto.text) for element in at.get("progress"))
