"""No run of a page looks through all objects of the process: seen from inside an app that a user started."""

import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.servers.app import SOURCE, RunningApp
from tests.support.sessions import browser_session

# The app as it is, with one route more that says what its process knows.
PROBE = f"""
import gc
import streamlit as st
from starlette.responses import JSONResponse
from starlette.routing import Route
import app as desk

def tell(request):
    return JSONResponse({{
        "after every run": st.get_option("runner.postScriptGC"),
        "collecting": gc.isenabled(),
        "frozen": gc.get_freeze_count(),
        "old": len(gc.get_objects(generation=2)),
    }})

app = st.App(
    "{SOURCE}/pages/shell.py", lifespan=desk.lifespan,
    routes=[*desk.routes(), Route("/probe", tell, methods=["GET"])],
)
"""


class ProbedApp(RunningApp):
    """The app with its probe, started as app.py is."""

    def command(self) -> list[str]:
        script = self.home.parent / "probe.py"
        script.write_text(PROBE)
        return [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(self.port)]

    def probe(self) -> dict[str, Any]:
        told: dict[str, Any] = httpx.get(f"{self.url}/probe", timeout=30).json()
        return told


@pytest.mark.parametrize("chosen", [None, "true"])
def test_what_start_up_made_is_frozen_and_no_run_collects_unless_somebody_chose_so(
    short_folder: Path, chosen: str | None
) -> None:
    options = {} if chosen is None else {"STREAMLIT_RUNNER_POST_SCRIPT_GC": chosen}
    with ProbedApp(short_folder / "home", **options) as app:
        with browser_session(app.url) as tab:
            for page in ("overview", "health", "overview"):
                tab.look(page)
                assert tab.alerts == []
        told = app.probe()

    assert told["after every run"] is (chosen == "true")
    assert told["frozen"] > 100_000
    # What comes after is still collected, as Python does it.
    assert told["collecting"]
    assert told["old"] > 0
