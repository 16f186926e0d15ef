"""Whether everything works: what is stuck and what helps, workers, queue, provider and servers."""

import streamlit as st

from core.health.view import health
from pages.health.panels import budgets, figures, queue, servers, troubles, worker_table
from pages.health.stuck import stuck_list
from pages.shared.clock import zone
from pages.shared.start import Desk, operator_errors, start_page

LIVE = "3s"


@st.fragment(run_every=LIVE)
def look(desk: Desk) -> None:
    """One look at everything; the next follows by itself."""
    with operator_errors():
        with desk.services.database.transaction() as session:
            seen = health(session, desk.services.settings)
        troubles(seen)
        figures(seen)
        stuck_list(desk, seen)
        worker_table(seen, zone())
        standing, limits = st.columns([1.5, 1], gap="medium")
        with standing:
            queue(seen)
        with limits:
            budgets(seen)
            servers(desk, seen)


look(start_page("Health"))
