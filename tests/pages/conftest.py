"""Pages run by Streamlit's own AppTest, on a whole desk: real database, real object store, real sandbox."""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest, app_test

import core.services
from core.access.staff import active_staff
from core.services import Services
from pages.shared.start import STAFF_ID
from tests.support.desk import TestDesk

OpenPage = Callable[..., AppTest]

# A first run imports the page and reads pictures; the limit only ends a test that hangs.
SECONDS = 60


@pytest.fixture(scope="session", autouse=True)
def streamlit_once() -> Iterator[None]:
    """What AppTest does for each test or leaves to chance, once a process.

    For each test it looks through every installed package for components, a fourth of a page test's time, and
    finds the same. Its folder is removed here, or the interpreter complains about it when it ends.
    """
    with pytest.MonkeyPatch.context() as patch:
        scan = functools.cache(manifest_scanner.scan_component_manifests)
        patch.setattr(manifest_scanner, "scan_component_manifests", scan)
        yield
    app_test.TMP_DIR.cleanup()


@pytest.fixture
def services(desk: TestDesk) -> Iterator[Services]:
    """The services of the desk, installed in this process as start-up does it."""
    st.cache_data.clear()
    core.services.install(desk.services)
    yield desk.services
    core.services.install(None)


@pytest.fixture
def open_page(services: Services, repository: Path) -> OpenPage:
    """Open a page as the persona of a role: `open_page("pages/generate/page.py", persona="viewer")`.

    `query` is the address' query string. The page runs alone, so who acts is set as the shell would set it.
    """

    def open_it(path: str, *, persona: str = "admin", query: dict[str, str] | None = None) -> AppTest:
        with services.database.transaction() as session:
            staff = active_staff(session)
        actor = next(actor for actor in staff if persona in actor.roles)
        at = AppTest.from_file(repository / path, default_timeout=SECONDS)
        at.session_state[STAFF_ID] = actor.id
        for name, value in (query or {}).items():
            at.query_params[name] = value
        at.run()
        assert not at.exception, at.exception
        return at

    return open_it
