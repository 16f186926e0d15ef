"""The reviewers' console: queue, evidence and decision side by side; the case is claimed while it is open."""

from datetime import tzinfo

import streamlit as st

from core.access.permissions import Permission
from core.access.staff import actor_by_id
from core.desks.refunds import claims
from core.desks.refunds.evidence import case_evidence, moved_since, pictures_of
from core.desks.refunds.evidence_records import Evidence
from core.desks.refunds.leaving import release_others
from core.desks.refunds.queue import neighbour
from core.desks.refunds.queue_filters import QueueFilter
from core.foundation.errors import Conflict, NotFound
from core.foundation.wording import count
from pages.refunds.bulk import bulk_open, bulk_panel, offer_bulk
from pages.refunds.decided import decided_panel
from pages.refunds.decision import decision_panel, move_keys, why_not
from pages.refunds.evidence import show_evidence
from pages.refunds.filters import filter_bar, in_words
from pages.refunds.place import advance, current, drawn, open_case, tell, told
from pages.refunds.strip import strip
from pages.refunds.waiting_list import show_queue
from pages.shared.pictures import show_picture
from pages.shared.refund_words import credits_of
from pages.shared.start import Desk, plain

LOOK_SECONDS = "5s"
WIDTHS = (1.05, 1.95, 1.1)


def console(desk: Desk, filter_: QueueFilter, zone: tzinfo) -> None:
    """The whole screen of one case."""
    asked = current()
    case = _open(desk, filter_)
    strip(desk)
    if problem := told():
        st.error(plain(problem), icon=":material/sync_problem:")
    left, middle, right = st.columns(WIDTHS, gap="medium")
    # The next case first: it is what the reviewer waits for.
    if bulk_open():
        with middle:
            bulk_panel(desk, filter_, zone)
    elif case is None:
        with middle:
            _nothing(filter_, missing=asked is not None)
    else:
        with middle:
            _watch(desk, case)
            show_evidence(case, zone)
        with right, st.container(border=True, gap="small", key="refunds_decision"):
            if case.open:
                decision_panel(desk, case, filter_)
            else:
                decided_panel(desk, case, zone)
            move_keys(desk, filter_, case)
        drawn(case.id)
    with left:
        seen = filter_bar(desk, filter_)
        st.caption(f"{count(seen.cases, 'case')}, {credits_of(seen.credits)}")
        show_queue(desk, filter_)
        offer_bulk(desk, seen.cases)
    if case is not None:
        _fetch_next(desk, filter_, case)


def read_case(desk: Desk, case_id: int) -> Evidence | None:
    """The evidence of one case. One that is to be decided is claimed; what was held before is given back."""
    with desk.services.database.transaction() as session:
        actor = actor_by_id(session, desk.actor.id)
        try:
            found = case_evidence(session, actor=actor, case_id=case_id)
        except NotFound as exc:
            tell(exc)
            return None
        claims.looks_at(session, actor=actor, case_id=case_id)
        if actor.may(Permission.DECIDE_REFUNDS):
            release_others(session, actor=actor, keep=case_id)
        if found.open and why_not(desk, found) is None:
            try:
                claims.claim(session, actor=actor, case_id=case_id)
            except Conflict:  # somebody was quicker by a moment
                return case_evidence(session, actor=actor, case_id=case_id)
        return found


def _open(desk: Desk, filter_: QueueFilter) -> Evidence | None:
    """The case that the address names, or the first that nobody holds."""
    if current() is None:
        advance(desk, filter_, None)
    number = current()
    if number is None:
        return None
    found = read_case(desk, number)
    if found is None:
        open_case(None)
    return found


def _fetch_next(desk: Desk, filter_: QueueFilter, case: Evidence) -> None:
    """Let the browser fetch the pictures of the case that comes next, while this one is read."""
    with desk.services.database.transaction() as session:
        row = neighbour(session, filter_, actor=desk.actor, place=case.place, free=True)
        pictures = pictures_of(session, row.id) if row else []
    with st.container(key="refunds_fetched"):
        for each in pictures:
            show_picture(each, alt="")


def _watch(desk: Desk, case: Evidence) -> None:
    st.fragment(_look, run_every=LOOK_SECONDS)(desk, case.id, case.seq)


def _look(desk: Desk, case_id: int, seq: int) -> None:
    """Say that one is here, and see who else is; a case that moved meanwhile is drawn anew."""
    with desk.services.database.transaction() as session:
        others = claims.looks_at(session, actor=desk.actor, case_id=case_id)
        moved = moved_since(session, case_id, seq)
    if moved:
        tell(moved)
        st.rerun()
    if others:
        st.markdown(
            f":violet-badge[:material/visibility: Also looking] {plain(', '.join(others))}", width="content"
        )


def _nothing(filter_: QueueFilter, *, missing: bool) -> None:
    """Why no case is on the screen: the one that was asked for is not there, or none is left."""
    with st.container(border=True, horizontal_alignment="center"):
        st.space("medium")
        if missing:
            st.markdown("**No case is open.**", width="content")
            st.caption("What there is to decide stands in the queue.", width="content")
        else:
            st.markdown(":green[:material/check_circle:] **Nothing to decide.**", width="content")
            st.caption(f"Looked at: {in_words(filter_)}.", width="content")
        st.space("medium")
