"""Which customer the ledger's views are about; the address keeps it."""

import streamlit as st

from core.customers.directory import find_customers, get_customer
from core.foundation.errors import NotFound
from pages.ledger.words import CUSTOMER
from pages.shared.start import Desk

SEARCH, CHOICE = "ledger_customer_search", "ledger_customer_choice"


def pick_customer(desk: Desk, place: str) -> int | None:
    """A field to search in and a list to choose from; the number of the customer, if one is chosen."""
    search, choose = st.columns([1, 1.6])
    words = search.text_input(
        "Find customer", key=f"{SEARCH}_{place}", placeholder="Reference or name", icon=":material/search:"
    )
    current = st.query_params.get(CUSTOMER, "")
    number = int(current) if current.isdecimal() and len(current) < 19 else None
    with desk.services.database.transaction() as session:
        found = {each.id: f"{each.name} · {each.reference}" for each in find_customers(session, words or "")}
        if number is not None and number not in found:
            try:
                each = get_customer(session, number)
                found = {number: f"{each.name} · {each.reference}"} | found
            except NotFound:
                number = None
    key = f"{CHOICE}_{place}_{number}"
    chosen: int | None = choose.selectbox(
        "Customer",
        list(found),
        index=list(found).index(number) if number in found else None,
        key=key,
        format_func=found.__getitem__,
        placeholder="Choose a customer" if found else "Nobody found",
        disabled=not found,
    )
    if chosen is not None and chosen != number:
        st.query_params[CUSTOMER] = str(chosen)
        st.rerun()
    return chosen
