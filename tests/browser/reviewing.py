"""A reviewer at a browser, who never touches the mouse; and the cases that a working day brings."""

import dataclasses
import re
from datetime import timedelta
from urllib.parse import quote

from playwright.sync_api import Page, expect
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from core.access.staff import PERSONAS, active_staff
from core.foundation.database import Database
from core.images.samples import samples
from core.refunds.deciding import approve
from core.refunds.reasons import codes
from core.storage.objects import ObjectStore
from core.tables.generation import Generation
from core.tables.refunds import CaseIntent, CompensationCase
from tests.support.cases import failed_case
from tests.support.factories import make_selfie
from tests.support.failures import make_attempt
from tests.support.wallets import rich

WORDS = (
    'Prediction failed: {"error": {"message": "Your request was rejected as a result of our safety system. '
    'safety_violations=[sexual].", "type": "image_generation_user_error"}} (E005)'
)
PORTRAIT, SMALL = "selfies/day.png", "selfies/day.webp"
NAMES = ("Ada Lund", "Bea Moss", "Cleo Hart", "Dan Ash", "Eve Stone", "Finn Oak", "Gia Reed", "Hal Wood")


@dataclasses.dataclass
class Seeder:
    """Writes cases as a day brings them."""

    database: Database
    objects: ObjectStore

    def pictures(self) -> None:
        self.objects.ensure_bucket()
        self.objects.put(PORTRAIT, samples()[0][1](), "image/png")

    def case(self, name: str, *, minutes: float, price: int = 10, incident: str | None = None) -> int:
        """One failed generation of a customer with 1000 credits, due in so many minutes."""
        with self.database.transaction() as session:
            customer = rich(session, 1_000, name=name)
            make_selfie(session, customer=customer, object_key=PORTRAIT, thumbnail_key=SMALL)
            made = failed_case(
                session,
                price=price,
                customer=customer,
                fingerprint=incident or f"v1:content_policy:{name}:{minutes}",
            )
            for number in (1, 2):
                self._attempt(session, made.generation_id, number)
            session.execute(
                update(CompensationCase)
                .where(CompensationCase.id == made.id)
                .values(due_at=func.now() + timedelta(minutes=minutes))
            )
            return made.id

    def _attempt(self, session: Session, generation_id: int, number: int) -> None:
        make_attempt(
            session,
            session.get_one(Generation, generation_id),
            number=number,
            status="failed",
            ended_at=func.clock_timestamp() + timedelta(seconds=14),
            failure_class="content_policy",
            failure_detail=WORDS,
        )

    def day(self, cases: int, alike: int) -> None:
        """So many single cases, one for two people, and one incident."""
        self.pictures()
        for number in range(cases):
            name = f"{NAMES[number % len(NAMES)]} {number // len(NAMES) + 1}"
            self.case(name, minutes=14 + number * 31)
        for number in range(alike):
            self.case(
                f"Ida Bell {number + 1}", minutes=1_300 + number / 10, incident="v1:content_policy:hour"
            )

    def agrees(self, role: str, case_id: int) -> None:
        """Somebody agrees to all that a case asks for."""
        with self.database.transaction() as session:
            actor = next(each for each in active_staff(session) if role in each.roles)
            case = session.get_one(CompensationCase, case_id)
            reason = codes(approved=True)[0]
            approve(
                session,
                actor=actor,
                case_id=case_id,
                seen_seq=case.seq,
                amount=case.requested,
                reason_code=reason,
            )

    def holds(self, case_id: int) -> None:
        """Whoever wants to take this decision back has an hour for it: no slow machine lets it pass."""
        later = func.now() + timedelta(hours=1)
        with self.database.transaction() as session:
            session.execute(update(CaseIntent).where(CaseIntent.case_id == case_id).values(commit_at=later))

    def waiting(self) -> list[int]:
        """The cases whose decisions are not carried out yet."""
        with self.database.transaction() as session:
            return list(session.scalars(select(CaseIntent.case_id).order_by(CaseIntent.case_id)))

    def state(self, case_id: int) -> str:
        with self.database.transaction() as session:
            return session.get_one(CompensationCase, case_id).state

    def counted(self) -> dict[str, int]:
        with self.database.transaction() as session:
            rows = session.execute(
                select(CompensationCase.state, func.count()).group_by(CompensationCase.state)
            )
            return {state: int(number or 0) for state, number in rows}


@dataclasses.dataclass
class Reviewer:
    """Somebody of the staff at the Refunds page, with hands on the keyboard."""

    page: Page
    url: str

    def sits_down(self, role: str, **query: str) -> None:
        name = next(name for _, name, roles in PERSONAS if role in roles)
        more = "".join(f"&{key}={quote(value)}" for key, value in query.items())
        self.page.goto(f"{self.url}/refunds?persona={quote(name)}{more}")
        expect(self.page.get_by_role("heading", name="Refunds")).to_be_visible()
        self.settled()

    def settled(self) -> None:
        """Wait until the page has drawn what it is drawing."""
        # Looked at often: a strip that counts the seconds would else be caught at the same moment each time.
        self.page.wait_for_function(
            "() => document.querySelector('[data-testid=stApp]').dataset.testScriptState === 'notRunning'",
            polling=40,
        )

    def case(self) -> int:
        """The number of the case on the screen."""
        text = self.page.locator(".st-key-refunds_evidence").get_by_text(re.compile(r"^Case \d+$")).first
        return int(text.inner_text().removeprefix("Case "))

    def shows(self, case_id: int) -> None:
        evidence = self.page.locator(".st-key-refunds_evidence")
        expect(evidence.get_by_text(f"Case {case_id}", exact=True)).to_be_visible()

    def leaves(self, case_id: int) -> None:
        """Wait until another case is on the screen, and can be decided."""
        evidence = self.page.locator(".st-key-refunds_evidence")
        expect(evidence.get_by_text(f"Case {case_id}", exact=True)).to_have_count(0)
        self.settled()
        self.reads()

    def reads(self) -> None:
        # A key within a third of a second is taken for one that is held down.
        self.page.wait_for_timeout(450)

    def presses(self, key: str) -> None:
        self.page.keyboard.press(key)

    def decides(self, key: str) -> int:
        """Press one key on the case that is on the screen; the next one comes by itself."""
        number = self.case()
        self.presses(key)
        self.leaves(number)
        return number

    def tabs_to(self, label: str) -> None:
        """Go with the Tab key until the focus is on what bears this label."""
        for _ in range(80):
            focused = self.page.evaluate(
                "() => { const e = document.activeElement;"
                " if (!['INPUT', 'TEXTAREA', 'BUTTON', 'A'].includes(e.tagName)) return '';"
                " return (e.getAttribute('aria-label') || '') + '|' + (e.innerText || ''); }"
            )
            if label in focused:
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"the Tab key never came to {label!r}")

    def types_into(self, label: str, text: str) -> None:
        """Fill a field that the Tab key leads to, and leave it with Enter."""
        self.tabs_to(label)
        self.page.keyboard.type(text)
        self.presses("Enter")
        self.settled()

    def fits(self) -> None:
        """The evidence and the panel are on the screen without scrolling."""
        height = self.page.viewport_size["height"] if self.page.viewport_size else 0
        for key in ("refunds_evidence", "refunds_decision"):
            box = self.page.locator(f".st-key-{key}").bounding_box()
            assert box is not None
            assert box["y"] + box["height"] <= height, (key, box)
