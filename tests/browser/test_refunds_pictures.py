"""The pictures of the next case, which are there before it is."""

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select, update

from core.foundation.database import Database
from core.storage.objects import ObjectStore
from core.tables.generation import Generation
from core.tables.images import StoredSelfie
from core.tables.refunds import CompensationCase
from tests.browser.reviewing import Reviewer, Seeder
from tests.support.pictures import encode, photo
from tests.support.servers.app import RunningApp

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

ANOTHER = "selfies/another.png"


def with_another_selfie(database: Database, store: ObjectStore, case_id: int) -> None:
    store.put(ANOTHER, encode(photo("coffee", (600, 600)), "PNG"), "image/png")
    of_case = (
        select(Generation.selfie_id)
        .join(CompensationCase, CompensationCase.generation_id == Generation.id)
        .where(CompensationCase.id == case_id)
    )
    with database.transaction() as session:
        session.execute(
            update(StoredSelfie)
            .where(StoredSelfie.id == of_case.scalar_subquery())
            .values(object_key=ANOTHER)
        )


def test_the_next_selfie_is_fetched_while_a_case_is_read(
    office: RunningApp, database: Database, store: ObjectStore, page: Page
) -> None:
    seeder = Seeder(database, store)
    seeder.pictures()
    first, second = seeder.case("Ada Lund", minutes=10), seeder.case("Bea Moss", minutes=20)
    with_another_selfie(database, store, second)
    fetched: list[str] = []
    page.on("requestfinished", lambda request: fetched.append(request.url))
    sue = Reviewer(page, office.url)
    sue.sits_down("support")
    sue.shows(first)
    coming = page.locator(".st-key-refunds_fetched img")
    expect(coming).to_be_attached()
    expect(coming).to_be_hidden()
    expect(coming).to_have_js_property("complete", value=True)
    address = str(coming.evaluate("each => each.currentSrc"))
    shown = page.locator(".st-key-refunds_evidence img")
    expect(shown).not_to_have_js_property("currentSrc", address)
    sue.reads()

    assert sue.decides("a") == first
    sue.shows(second)
    expect(shown).to_have_js_property("currentSrc", address)
    assert fetched.count(address) == 1
