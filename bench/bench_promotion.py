"""From a promotion to the open Generate page of a colleague that shows it, without anybody's click.

    python -m bench.bench_promotion

Method: the whole application in its own home, two pages in headless Chromium. Two versions take turns in
production. One is promoted at a random moment: measured from the end of that transaction until the first
page, left alone, names it. Then the other one, and the second page is reloaded at once: this is the rival.
Bound: 5 s.
"""

import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from playwright.sync_api import Page

from bench.support.browser import chromium, fresh_page
from core.access.permissions import Actor
from core.access.staff import active_staff
from core.prompts.labels import labelled, labels
from core.prompts.library import save_version
from core.prompts.versions import Content
from core.prompts.views import Version, versions
from core.services import Services, open_services
from tests.support.prompts import put_production
from tests.support.servers.app import RunningApp, settings_of

ROUNDS = 20
BOUND_SECONDS = 5
# The page looks every few seconds; promotions come at any moment between.
PAUSE_SECONDS = 4.0
SAYS = "words => document.body.innerText.includes(words)"


def main() -> None:
    alone, reloaded = [], []
    chance = random.Random(7)
    with (
        tempfile.TemporaryDirectory(prefix="inkdesk-") as folder,
        RunningApp(Path(folder) / "home") as app,
        closing(open_services(settings_of(app.home))) as services,
        pages(app.url) as (left, right),
    ):
        former, newer = two_versions(services)
        for _ in range(ROUNDS):
            time.sleep(chance.uniform(0, PAUSE_SECONDS))
            begun = promoted(services, newer.id)
            left.wait_for_function(SAYS, arg=newer.title)
            alone.append(time.perf_counter() - begun)
            begun = promoted(services, former.id)
            right.reload()
            right.wait_for_function(SAYS, arg=former.title)
            reloaded.append(time.perf_counter() - begun)
            left.wait_for_function(SAYS, arg=former.title)
    print(f"open page, left alone: {told(alone)}; bound {BOUND_SECONDS} s")
    print(f"rival, a page reloaded by hand at once: {told(reloaded)}")
    print(f"ratio of the medians: {statistics.median(alone) / statistics.median(reloaded):.1f}")


@contextmanager
def pages(url: str) -> Iterator[tuple[Page, Page]]:
    """Two windows of two people, both on Generate."""
    with chromium() as browser, fresh_page(browser) as left, fresh_page(browser) as right:
        for page in (left, right):
            page.goto(f"{url}/generate")
            page.get_by_label("Template").wait_for()
        yield left, right


def somebody(services: Services) -> Actor:
    with services.database.transaction() as session:
        return active_staff(session)[0]


def two_versions(services: Services) -> list[Version]:
    """The version in production and an edit of it."""
    actor = somebody(services)
    with services.database.transaction() as session:
        first = labelled(session)
        save_version(
            session,
            actor=actor,
            prompt_id=first.prompt_id,
            parent_id=first.id,
            content=Content(f"{first.template} In ink.", first.model, first.parameters),
        )
        return sorted(versions(session, first.prompt_id), key=lambda each: each.number)


def promoted(services: Services, number: int) -> float:
    """Put that version in production; the moment in which everybody could see it."""
    actor = somebody(services)
    with services.database.transaction() as session:
        put_production(session, actor, number, seen=labels(session)[0].moves)
    return time.perf_counter()


def told(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    return f"median {statistics.median(ordered):.2f} s, slowest {ordered[-1]:.2f} s of {len(ordered)}"


if __name__ == "__main__":
    main()
