"""The left of the Refunds page: the queue by the time that is left."""

from typing import Literal

import streamlit as st

from core.desks.refunds.queue import CaseRow, IncidentRow, Place, QueuePage, queue_page
from core.desks.refunds.queue_filters import QueueFilter
from core.foundation.wording import count
from pages.refunds.filters import in_words, open_incident
from pages.refunds.place import current, open_case
from pages.shared.refund_words import class_title, coloured_left, credits_of, row_label
from pages.shared.start import Desk, operator_errors, plain

ENTRIES = 17
LIVE = "5s"
PLACES = "refunds_places"
LONGEST_NAME = 14


def show_queue(desk: Desk, filter_: QueueFilter) -> None:
    """The queue; it follows by itself what others do."""
    st.fragment(_queue, run_every=LIVE)(desk, filter_)


def _queue(desk: Desk, filter_: QueueFilter) -> None:
    with operator_errors():
        places = _places(filter_)
        with desk.services.database.transaction() as session:
            page = queue_page(
                session, filter_, actor=desk.actor, after=places[-1] if places else None, limit=ENTRIES
            )
        if filter_.incident and st.button(
            "Back to the whole queue", key="refunds_incident_close", icon=":material/arrow_back:"
        ):
            open_incident(None)
            st.rerun()
        with st.container(key="refunds_queue", gap=None):
            for entry in page.entries:
                _incident(entry) if isinstance(entry, IncidentRow) else _case(entry)
        if not page.entries:
            st.caption(f"Nothing to decide in {in_words(filter_)}.")
        _pager(page, places)


def _case(row: CaseRow) -> None:
    name = row.customer if len(row.customer) <= LONGEST_NAME else f"{row.customer[:LONGEST_NAME]}…"
    kind: Literal["primary", "secondary"] = "primary" if row.id == current() else "secondary"
    if st.button(
        row_label(row, plain(name)),
        key=f"refunds_open_{row.id}",
        type=kind,
        width="stretch",
        help=f"Case {row.id}" + (f", held by {plain(row.held_by)}" if row.held_by else ""),
    ):
        open_case(row.id)
        st.rerun()


def _incident(row: IncidentRow) -> None:
    first = row.first
    label = (
        f":material/stacks: {coloured_left(first.left, first.due_at - first.opened_at)} "
        f"**{count(row.cases, 'case')}** {class_title(row.failure_class)} :gray[{row.credits:,}]"
    )
    told = (
        f"One incident: {count(row.cases, 'case')} of {count(row.customers, 'customer')}, "
        f"{credits_of(row.credits)}"
    )
    hour = row.incident.hour
    if st.button(
        label, key=f"refunds_incident_{row.incident.fingerprint}_{hour:%Y%m%d%H}", width="stretch", help=told
    ):
        open_incident(row.incident)
        open_case(first.id)
        st.rerun()


def _places(filter_: QueueFilter) -> list[Place]:
    """Where the pages before this one ended; other filters begin at the top."""
    kept, places = st.session_state.get(PLACES, (None, []))
    if kept != filter_:
        places = []
        st.session_state[PLACES] = (filter_, places)
    return list(places)


def _pager(page: QueuePage, places: list[Place]) -> None:
    if not places and page.next is None:
        return
    first, later = st.columns(2, gap="small")
    first.button("Top", key="refunds_top", disabled=not places, width="stretch", on_click=_turn, args=([],))
    later.button(
        "Further down",
        key="refunds_down",
        disabled=page.next is None,
        width="stretch",
        on_click=_turn,
        args=([*places, page.next],),
    )


def _turn(places: list[Place | None]) -> None:
    filter_, _ = st.session_state[PLACES]
    st.session_state[PLACES] = (filter_, places)
