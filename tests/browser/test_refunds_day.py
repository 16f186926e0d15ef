"""A reviewer's working day in Chromium, by keyboard alone; at its end the books hold."""

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import func, select

from core.foundation.database import Database
from core.ledger import moves as ledger
from core.ledger.books import check_books
from core.storage.objects import ObjectStore
from core.tables.ledger import Account, Entry
from core.tables.refund_states import CaseState
from core.tables.refunds import CompensationCase
from tests.browser.reviewing import Reviewer, Seeder
from tests.support.desk import wait_for
from tests.support.servers.app import RunningApp

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

SINGLES, ALIKE, PRICE = 30, 40, 10


def wallet(database: Database, case_id: int) -> int:
    with database.transaction() as session:
        customer = session.get_one(CompensationCase, case_id).customer_id
        return ledger.balance(session, customer_id=customer)


def totals(database: Database) -> dict[str, int]:
    with database.transaction() as session:
        rows = session.execute(
            select(Account.kind, func.sum(Entry.amount))
            .join(Account, Account.id == Entry.account_id)
            .group_by(Account.kind)
        )
        return {kind: int(total) for kind, total in rows}


def test_a_working_day_by_keyboard_alone(
    office: RunningApp, database: Database, store: ObjectStore, page: Page
) -> None:
    seeder = Seeder(database, store)
    seeder.day(SINGLES, ALIKE)
    large = seeder.case("Zoe Long", minutes=12, price=200)
    sue = Reviewer(page, office.url)
    sue.sits_down("support")
    sue.shows(large)
    sue.fits()
    sue.reads()

    # The large case needs a second person; the keys are the same.
    assert sue.decides("a") == large

    # One click too many, taken back before it counts.
    hasty = sue.decides("d")
    seeder.holds(hasty)
    sue.presses("u")
    sue.shows(hasty)
    sue.settled()
    sue.reads()

    # Thirty single cases: every third is denied.
    approved: list[int] = []
    denied: list[int] = []
    for number in range(SINGLES):
        key = "d" if number % 3 == 2 else "a"
        (denied if key == "d" else approved).append(sue.decides(key))
    assert approved[0] == hasty
    assert len(set(approved + denied)) == SINGLES

    # Only the incident is left: all forty with one decision.
    sue.presses("i")
    expect(page.get_by_role("button", name="Back to the whole queue")).to_be_visible()
    sue.settled()
    sue.presses("b")
    expect(page.get_by_role("button", name=f"Approve {ALIKE} cases, {ALIKE * PRICE} credits")).to_be_visible()
    sue.settled()
    sue.presses("y")
    expect(page.get_by_text("Nothing to decide.")).to_be_visible()
    wait_for(lambda: seeder.counted().get("pending", 0) == 0, seconds=240)
    assert seeder.counted() == counted(approved=20 + ALIKE, denied=10, needs_second=1)

    # The second person agrees to the large one, and hears an appeal.
    amir = Reviewer(page, office.url)
    amir.sits_down("approver", view="second")
    amir.shows(large)
    expect(page.get_by_text("agreed to 200 credits")).to_be_visible()
    amir.reads()
    amir.presses("a")
    wait_for(lambda: seeder.state(large) == CaseState.APPROVED)
    amir.sits_down("approver", view="decided", case=str(denied[0]))
    amir.shows(denied[0])
    amir.types_into("What speaks for looking again", "the photo is fine")
    amir.tabs_to("Open it again")
    amir.presses("Enter")
    wait_for(lambda: seeder.state(denied[0]) == CaseState.PENDING)
    amir.sits_down("approver")
    amir.shows(denied[0])
    amir.reads()
    amir.presses("a")
    wait_for(lambda: seeder.state(denied[0]) == CaseState.APPROVED)

    # A payment that was wrong is taken back by whoever made it.
    sue.sits_down("support", view="decided", case=str(approved[-1]))
    sue.shows(approved[-1])
    sue.tabs_to("Take it back")
    sue.presses("Enter")
    expect(page.get_by_text("you may take it back alone")).to_be_visible()
    sue.settled()
    sue.types_into("Why", "wrong customer")
    sue.tabs_to("Take 10 credits back")
    sue.presses("Enter")
    wait_for(lambda: seeder.state(approved[-1]) == CaseState.REVERSED)

    assert seeder.counted() == counted(approved=20 + ALIKE + 1, denied=9, reversed=1)
    with database.transaction() as session:
        assert check_books(session) == []
    for number, held in ((large, 1_000), (approved[0], 1_000), (approved[-1], 990), (denied[0], 1_000)):
        assert wallet(database, number) == held
    assert wallet(database, denied[1]) == 990
    booked = totals(database)
    # Nine denied and one reversed are kept, nothing is in flight any more.
    assert (booked["in_flight"], booked["revenue"]) == (0, 100)


def counted(**states: int) -> dict[str, int]:
    return dict(states)
