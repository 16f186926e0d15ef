"""What a generation's credits led to: its cases, and asking for goodwill on a delivered avatar."""

import streamlit as st

from core.access.permissions import Permission
from core.access.staff import actor_by_id
from core.desks.generations.detail import Detail
from core.desks.refunds.evidence import cases_of_generation
from core.desks.refunds.evidence_records import EarlierCase
from core.foundation.errors import OperatorError
from core.foundation.wording import count
from core.refunds.opening import open_goodwill
from core.tables.generation import State
from core.tables.refund_states import OPEN_STATES
from pages.shared.forms import form_key, renew_form
from pages.shared.links import page_link
from pages.shared.refund_words import KINDS, credits_of, state_badge
from pages.shared.start import Desk, flash, plain, refusal


def case_lines(desk: Desk, generation_id: int) -> None:
    """The cases of a generation, each with the way to it."""
    with desk.services.database.transaction() as session:
        found = cases_of_generation(session, generation_id)
    for case in found:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(_told(case), width="content")
            view = "queue" if case.state in OPEN_STATES else "decided"
            page_link(
                "refunds/page.py", f"Case {case.id}", icon=":material/balance:", case=str(case.id), view=view
            )


def goodwill_offer(desk: Desk, detail: Detail) -> None:
    """Ask to give something back for a delivered avatar; another step decides and pays."""
    if detail.state is not State.SUCCEEDED or not detail.credits:
        return
    no = refusal(desk.actor, Permission.DECIDE_REFUNDS)
    form = f"generations_goodwill_{detail.id}"
    with st.popover("Goodwill", icon=":material/volunteer_activism:", disabled=bool(no), help=no):
        key = form_key(form)
        amount = st.number_input(
            f"Credits, of {detail.credits:,}",
            min_value=1,
            max_value=detail.credits,
            value=detail.credits,
            step=1,
            key=f"generations_goodwill_amount_{key}",
        )
        note = st.text_input(
            "What is wrong with it", key=f"generations_goodwill_note_{key}", placeholder="Needed"
        )
        if st.button("Open a case", key=f"generations_goodwill_{key}", type="primary"):
            _open(desk, detail, int(amount), note, key, form)


def _open(desk: Desk, detail: Detail, amount: int, note: str, key: str, form: str) -> None:
    try:
        with desk.services.database.transaction() as session:
            case = open_goodwill(
                session,
                actor=actor_by_id(session, desk.actor.id),
                generation_id=detail.id,
                amount=amount,
                note=note,
                key=key,
            )
    except OperatorError as exc:
        st.error(plain(str(exc)))
        return
    renew_form(form)
    flash(f"Case {case.id} waits for a decision: {credits_of(amount)}")
    st.rerun()


def _told(case: EarlierCase) -> str:
    paid = (
        f"{count(case.amount, 'credit')} of {case.requested:,}" if case.amount else credits_of(case.requested)
    )
    return f"{state_badge(case.state)} {KINDS[case.kind]}, {paid}"
