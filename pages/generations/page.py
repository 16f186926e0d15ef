"""Every generation: found by filters, page by page, and opened one by one."""

from typing import Any

import streamlit as st

from core.desks.generations.filters import Filter
from core.desks.generations.views import Page, page_of_generations
from pages.generations.detail import show_detail
from pages.generations.filters import clear_filters, cursor, filter_bar, filtered, go_to
from pages.generations.table import generation_table, opened_row
from pages.shared.clock import zone
from pages.shared.links import page_link
from pages.shared.start import Desk, operator_errors, start_page

LIVE_SECONDS = 3.0
EMPTY_PIXELS = 240


def show_list(desk: Desk) -> None:
    """The filters, and the page of the list that they lead to."""
    if (opened := opened_row()) is not None:
        st.query_params["id"] = str(opened)
        st.rerun()
    filter_ = filter_bar(zone())
    # Old pages stand still; on the first one something may happen at any moment.
    every = None if cursor() else LIVE_SECONDS
    st.fragment(_page, run_every=every)(desk, filter_)


def _page(desk: Desk, filter_: Filter) -> None:
    if opened_row() is not None:
        st.rerun()
    with operator_errors():
        with desk.services.database.transaction() as session:
            page = page_of_generations(session, filter_, after=cursor())
        if page.rows:
            _pager(page)
            generation_table(desk.services.objects, page, zone())
        else:
            _nothing()


def _pager(page: Page) -> None:
    words, newest, newer, older = st.columns([5, 1, 1, 1], vertical_alignment="center")
    edge = f"No. {page.rows[-1].id:,} to {page.rows[0].id:,}"
    words.caption(f"{len(page.rows)} generations, newest first, {edge}. Click a row to open it.")
    turn: dict[str, Any] = {"on_click": go_to, "width": "stretch"}
    newest.button("Newest", key="generations_newest", args=(None,), disabled=page.previous is None, **turn)
    newer.button(
        "Newer", key="generations_newer", args=(page.previous,), disabled=page.previous is None, **turn
    )
    older.button("Older", key="generations_older", args=(page.next,), disabled=page.next is None, **turn)


def _nothing() -> None:
    with st.container(
        border=True, height=EMPTY_PIXELS, horizontal_alignment="center", vertical_alignment="center"
    ):
        if filtered() or cursor():
            st.markdown("**No generation matches these filters.**", width="content")
            st.button("Show all generations", key="generations_all", on_click=clear_filters)
        else:
            st.markdown("**Nothing was generated yet.**", width="content")
            page_link("generate/page.py", "Draw the first avatar", icon=":material/draw:")


desk = start_page("Generations")
number = st.query_params.get("id", "")
if number.isdecimal():
    show_detail(desk, int(number))
else:
    show_list(desk)
