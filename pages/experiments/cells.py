"""The images of an experiment in the compare grid, and what the grid asks for."""

from typing import Any

import streamlit as st

from core.access.permissions import Permission
from core.experiments.compare import Comparison, compare
from core.foundation.errors import Conflict
from pages.experiments.address import asked_baseline
from pages.experiments.compare_grid.mount import mount_grid
from pages.experiments.compare_grid.payload import payload
from pages.shared.links import go_to_page, page_link
from pages.shared.start import Desk, operator_errors, plain, refusal


def experiment_cells(desk: Desk, number: int) -> None:
    """The grid; while this viewer is in the middle of a blind vote on its images, a sentence instead."""
    with operator_errors():
        chosen = f"experiments_baseline_{number}"
        try:
            found = _load(desk, number, st.session_state.get(chosen) or asked_baseline())
        except Conflict as exc:
            st.info(
                f"The grid names the version of every image, so it waits until your blind vote is over. "
                f"{plain(str(exc))}",
                icon=":material/visibility_off:",
            )
            page_link("votes/page.py", "Go on voting", icon=":material/how_to_vote:")
            return
        data = payload(desk.services.settings, found, rate=refusal(desk.actor, Permission.RATE) is None) | {
            "experiment": number
        }
        asked = mount_grid(
            data,
            key=f"experiments_grid_{number}",
            on_baseline=lambda variant_id: st.session_state.update({chosen: variant_id}),
        )
        _go(asked)


def _load(desk: Desk, number: int, baseline: int | None) -> Comparison:
    with desk.services.database.transaction() as session:
        return compare(session, actor=desk.actor, experiment_id=number, baseline=baseline)


def _go(asked: Any) -> None:
    """Leave for the page that a link of the grid leads to."""
    if not isinstance(asked, dict):
        return
    if asked.get("page") == "generations" and isinstance(asked.get("id"), int):
        go_to_page("generations/page.py", "Generations", {"id": str(asked["id"])})
    elif asked.get("page") == "votes" and isinstance(asked.get("experiment"), int):
        go_to_page("votes/page.py", "Votes", {"view": "rate", "experiment": str(asked["experiment"])})
