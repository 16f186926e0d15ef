"""The one search of the ledger: any number, key or customer."""

import streamlit as st

from core.ledger.lookup import Found, Hit, look_up
from pages.ledger.words import CUSTOMER, open_in_ledger
from pages.shared.start import Desk

SEARCH = "ledger_search"
LONGEST = 200
ICONS = {
    Found.GENERATION: ":material/route:",
    Found.CASE: ":material/gavel:",
    Found.TRANSFER: ":material/swap_horiz:",
    Found.CUSTOMER: ":material/person:",
}


def search_field() -> str:
    """The field; what was typed."""
    words = st.text_input(
        "Search",
        key=SEARCH,
        placeholder="Generation, case or transfer number, key, customer",
        icon=":material/search:",
        label_visibility="collapsed",
    )
    return (words or "")[:LONGEST].strip()


def search_hits(desk: Desk, words: str) -> None:
    """What was typed may stand for several things; each is one click away."""
    if not words:
        return
    with desk.services.database.transaction() as session:
        hits = look_up(session, words)
    if not hits:
        st.caption("Nothing in the ledger is called so.")
        return
    with st.container(horizontal=True, gap="small"):
        for hit in hits:
            st.button(
                hit.title,
                key=f"ledger_hit_{hit.what}_{hit.id}",
                icon=ICONS[hit.what],
                on_click=_open,
                args=(hit,),
            )


def _open(hit: Hit) -> None:
    st.session_state[SEARCH] = ""
    if hit.what is Found.CUSTOMER:
        open_in_ledger(CUSTOMER, hit.id)
    elif hit.what is Found.TRANSFER:
        open_in_ledger("transfer", hit.id)
    else:
        open_in_ledger("generation", hit.generation_id or hit.id)
