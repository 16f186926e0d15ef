"""How the desk stands: queue, outcomes of today, workers, what is not set up, and the latest avatars."""

import streamlit as st

from core.desks.generations.overview import overview
from pages.overview.panels import first_steps, latest_strip, numbers, outcomes, queue, setup, troubles
from pages.shared.clock import zone
from pages.shared.retired_models import retired_models
from pages.shared.start import Desk, operator_errors, start_page

LIVE = "4s"


@st.fragment(run_every=LIVE)
def look(desk: Desk) -> None:
    """One look at everything; the next follows by itself."""
    services = desk.services
    with operator_errors():
        with services.database.transaction() as session:
            seen = overview(session, services.settings, zone=zone())
        troubles(seen)
        retired_models(desk, seen.retirements)
        numbers(seen)
        if seen.fresh:
            first_steps()
        else:
            latest_strip(services.objects, seen)
        chart, standing = st.columns([1.7, 1], gap="medium")
        with chart:
            outcomes(seen)
        with standing:
            queue(seen)
        setup(seen, zone())


look(start_page("Overview"))
