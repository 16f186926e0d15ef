"""Where every credit is and how it came there: books, transfers, statements, grants, two-person requests."""

import streamlit as st

from core.money_requests.views import count_waiting
from pages.ledger.books import books
from pages.ledger.grant import grant_form
from pages.ledger.money_requests import request_list
from pages.ledger.search import search_field, search_hits
from pages.ledger.statement import show_statement
from pages.ledger.trace_panel import show_trace
from pages.ledger.transfer import show_transfer
from pages.ledger.transfers import transfer_list
from pages.ledger.words import VIEWS, close_opened, opened, remember_view, view
from pages.shared.clock import zone
from pages.shared.start import Desk, operator_errors, start_page


def pick_view(desk: Desk) -> str:
    """The views, and how many requests wait for whoever looks."""
    with desk.services.database.transaction() as session:
        waiting = count_waiting(session, desk.actor)
    titles = VIEWS | ({"requests": f"{VIEWS['requests']} ({waiting})"} if waiting else {})
    chosen = view()
    st.segmented_control(
        "View",
        VIEWS,
        default=chosen,
        key="ledger_view",
        format_func=titles.__getitem__,
        required=True,
        label_visibility="collapsed",
        on_change=remember_view,
    )
    return chosen


desk = start_page("Ledger")
with operator_errors():
    books(desk, zone())
    left, right = st.columns([1.3, 1], vertical_alignment="center")
    with right:
        words = search_field()
    if shown := opened():
        left.button("All transfers", key="ledger_back", icon=":material/arrow_back:", on_click=close_opened)
    else:
        with left:
            chosen = pick_view(desk)
    search_hits(desk, words)
    match shown or chosen:
        case ("generation", number):
            show_trace(desk, number, zone())
        case ("transfer", number):
            show_transfer(desk, number, zone())
        case "statement":
            show_statement(desk, zone())
        case "grant":
            grant_form(desk)
        case "requests":
            request_list(desk, zone())
        case _:
            transfer_list(desk, zone())
