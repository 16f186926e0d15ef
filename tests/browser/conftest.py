"""A headless Chromium and the whole application for it to look at."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from pydantic import SecretStr

from core.access.permissions import Actor
from core.access.staff import active_staff
from core.services import Services, open_services
from core.settings import Settings
from core.startup.object_store import ObjectStoreAddress
from core.storage.objects import ObjectStore
from tests.browser.chromium import FLAGS, find
from tests.browser.comparing import LABELS
from tests.support.grids import REFUSED, Content, Drawn, cut_figure, drawn_grid, whole_figure
from tests.support.running.run import quick_folder
from tests.support.servers.app import RunningApp, settings_of

PATIENCE_MS = 120_000
BUCKET = "refunds-office"
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = find()
    assert path is not None, "no Chromium: run `python -m tests.browser.chromium`"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def app() -> Iterator[RunningApp]:
    """The application on an empty home; the sandbox draws five times faster than the provider."""
    with quick_folder() as folder:
        home = folder / "home"
        with RunningApp(home, INKDESK_SANDBOX_TIME_SCALE="0.2") as running:
            yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def services(app: RunningApp) -> Iterator[Services]:
    opened = open_services(settings_of(app.home))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def actor(services: Services) -> Actor:
    with services.database.transaction() as session:
        return active_staff(session)[0]


@pytest.fixture(scope="module")
def forty(services: Services, actor: Actor) -> Drawn:
    """Five versions on eight selfies; on the second the third was refused, on the fourth two are cut off."""

    def content(variant: int, selfie: int, _repeat: int) -> Content:
        if (variant, selfie) == (2, 1):
            return REFUSED
        return cut_figure(variant) if selfie == 3 and variant in (1, 4) else whole_figure(variant + selfie)

    return drawn_grid(services, actor, labels=LABELS, selfies=8, content=content)


@pytest.fixture
def store(object_store: ObjectStoreAddress) -> Iterator[ObjectStore]:
    opened = ObjectStore.from_settings(
        Settings().model_copy(
            update={
                "s3_endpoint": object_store.endpoint,
                "s3_access_key": object_store.access_key,
                "s3_secret_key": SecretStr(object_store.secret_key),
                "s3_secure": False,
                "s3_bucket": BUCKET,
            }
        )
    )
    yield opened
    opened.close()


@pytest.fixture
def office(database_url: str, object_store: ObjectStoreAddress, short_folder: Path) -> Iterator[RunningApp]:
    """The whole application with its worker, on servers that the test sees as well."""
    with RunningApp(
        short_folder / "home",
        INKDESK_DATABASE_URL=database_url,
        INKDESK_S3_ENDPOINT=object_store.endpoint,
        INKDESK_S3_ACCESS_KEY=object_store.access_key,
        INKDESK_S3_SECRET_KEY=object_store.secret_key,
        INKDESK_S3_SECURE="false",
        INKDESK_S3_BUCKET=BUCKET,
    ) as running:
        yield running
