"""Somebody is erased by another process than the one that shows them: no face is left, without a restart."""

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select

from core.access.permissions import Actor
from core.services import Services
from core.tables.generation import Generation
from core.tables.images import StoredSelfie
from core.tables.testsets import TestPerson
from core.testsets.people import delete_person, note_consent
from tests.support.grids import drawn_grid
from tests.support.servers.app import RunningApp

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def generation_of(services: Services, selfie_id: int) -> int:
    with services.database.transaction() as session:
        return session.scalars(select(Generation.id).where(Generation.selfie_id == selfie_id)).one()


def erased_here(services: Services, actor: Actor, selfie_id: int) -> None:
    """This process erases them, by the same database and object store."""
    with services.database.transaction() as session:
        customer_id = session.get_one(StoredSelfie, selfie_id).customer_id
        note_consent(session, actor=actor, customer_id=customer_id, note="by mail")
        number = session.scalars(select(TestPerson.id).where(TestPerson.customer_id == customer_id)).one()
    delete_person(services.database, services.objects, actor=actor, person_id=number, reason="asked")


def in_strip(page: Page, generation_id: int) -> Locator:
    return page.get_by_role("img", name=f"Avatar of generation {generation_id}", exact=True)


def test_no_face_is_left_in_a_process_that_did_not_erase(
    app: RunningApp, services: Services, actor: Actor, page: Page
) -> None:
    drawn = drawn_grid(services, actor, labels=["v1"], selfies=2, checked=False)
    gone, other = (generation_of(services, each) for each in drawn.selfies)
    detail = page.context.new_page()
    detail.goto(f"{app.url}/generations?id={gone}")
    shown = {name: detail.get_by_role("img", name=name, exact=True) for name in ("Selfie", "Avatar")}
    for each in shown.values():
        expect(each).to_be_visible()
        expect(each).to_have_js_property("complete", value=True)
        assert int(each.evaluate("each => each.naturalWidth")) > 300
    addresses = [str(each.evaluate("each => each.currentSrc")) for each in shown.values()]
    page.goto(f"{app.url}/overview")
    for number in (gone, other):
        expect(in_strip(page, number)).to_be_visible()
    assert {httpx.get(each, trust_env=False).status_code for each in addresses} == {200}

    erased_here(services, actor, drawn.selfies[0])

    # What the desk gave to a browser, it gives to nobody any more, although the tab is open still.
    assert {httpx.get(each, trust_env=False).status_code for each in addresses} == {404}
    # Its next look is enough: nothing is pressed, loaded anew or restarted.
    expect(in_strip(page, gone)).to_have_count(0)
    expect(in_strip(page, other)).to_be_visible()
    detail.reload()
    expect(detail.get_by_text("Deleted with the customer's data")).to_have_count(2)
    for each in shown.values():
        expect(each).to_have_count(0)
