"""Blind votes, ratings and line-ups on the images of experiments, and the verdict that they allow."""

import streamlit as st

from core.access.permissions import Permission
from pages.shared.start import operator_errors, refusal, start_page
from pages.votes.address import VIEWS, number, remember_view, view
from pages.votes.batches import batches_view
from pages.votes.lineup import lineup_view
from pages.votes.ratings import ratings_view
from pages.votes.screen import batch_view
from pages.votes.verdict_panels import verdict_view

desk = start_page("Votes")
with operator_errors():
    if (batch_id := number("batch")) is not None:
        batch_view(desk, batch_id)
    else:
        chosen = view()
        st.segmented_control(
            "View",
            VIEWS,
            default=chosen,
            key="votes_view",
            format_func=VIEWS.__getitem__,
            required=True,
            label_visibility="collapsed",
            on_change=remember_view,
        )
        if chosen == "verdict":
            verdict_view(desk)
        elif (no := refusal(desk.actor, Permission.RATE)) is not None:
            st.info(no)
        elif chosen == "rate":
            ratings_view(desk)
        elif chosen == "lineup":
            lineup_view(desk)
        else:
            batches_view(desk)
