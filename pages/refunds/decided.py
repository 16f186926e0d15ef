"""Decided cases: found again, appealed, taken back; with what the customer was told."""

from datetime import tzinfo

import streamlit as st

from core.access.permissions import Permission
from core.desks.refunds.decided import DecidedRow, decided_page
from core.desks.refunds.evidence_records import Evidence
from core.desks.refunds.queue import Place
from core.foundation.wording import moment
from core.money_requests.plans import Plan, plan_reversal
from core.money_requests.requests import ask_reversal
from core.refunds import deciding, reversing
from core.tables.refund_states import PAID_STATES, STATE_TITLES, CaseState
from pages.refunds.place import current, open_case
from pages.shared.changing import changing
from pages.shared.forms import form_key, renew_form
from pages.shared.refund_words import class_title, credits_of, state_badge
from pages.shared.start import Desk, operator_errors, plain, refusal

ROWS = 19
CLOSED = (
    CaseState.APPROVED,
    CaseState.DENIED,
    CaseState.AUTO_APPROVED,
    CaseState.REVERSED,
    CaseState.WITHDRAWN,
)
PLACES = "refunds_decided_places"


def decided_list(desk: Desk, zone: tzinfo) -> None:
    """Decided cases, the newest first."""
    search = st.text_input(
        "Search",
        key="refunds_decided_search",
        placeholder="Customer, case or generation",
        label_visibility="collapsed",
        icon=":material/search:",
    )
    states = st.multiselect(
        "State",
        CLOSED,
        key="refunds_decided_states",
        format_func=STATE_TITLES.__getitem__,
        label_visibility="collapsed",
        placeholder="Any state",
    )
    mine = st.toggle("Decided by me", key="refunds_decided_mine")
    asked = (search, tuple(states), mine)
    kept, places = st.session_state.get(PLACES, (None, []))
    places = places if kept == asked else []
    with operator_errors():
        with desk.services.database.transaction() as session:
            rows, further = decided_page(
                session,
                search=search,
                states=states,
                decided_by=desk.actor.id if mine else None,
                after=places[-1] if places else None,
                limit=ROWS,
            )
        with st.container(key="refunds_queue", gap=None):
            for row in rows:
                _row(row, zone)
        if not rows:
            st.caption("No decided case matches.")
        if places or further:
            _pager(asked, places, further)


def _row(row: DecidedRow, zone: tzinfo) -> None:
    amount = f"{row.amount:,}" if row.amount is not None else "0"
    label = (
        f"{state_badge(row.state)} {class_title(row.failure_class)} :gray[{amount} of {row.requested:,} · "
        f"{plain(row.customer)}]"
    )
    told = f"Case {row.id}, {moment(row.closed_at, zone)}, {plain(row.decided_by or 'policy or clock')}"
    st.button(
        label,
        key=f"refunds_decided_{row.id}",
        width="stretch",
        help=told,
        on_click=open_case,
        args=(row.id,),
        type="primary" if row.id == current() else "secondary",
    )


def _pager(asked: object, places: list[Place], further: Place | None) -> None:
    newest, older = st.columns(2, gap="small")
    newest.button(
        "Newest",
        key="refunds_decided_newest",
        disabled=not places,
        width="stretch",
        on_click=_turn,
        args=(asked, []),
    )
    older.button(
        "Older",
        key="refunds_decided_older",
        disabled=further is None,
        width="stretch",
        on_click=_turn,
        args=(asked, [*places, further]),
    )


def _turn(asked: object, places: list[Place]) -> None:
    st.session_state[PLACES] = (asked, places)


def decided_panel(desk: Desk, case: Evidence, zone: tzinfo) -> None:
    """What came of a case, and what can still be done about it."""
    paid = f", {credits_of(case.amount)}" if case.amount is not None else ""
    st.markdown(f"{state_badge(case.state)} **{STATE_TITLES[case.state]}{paid}**")
    st.caption(f"By {plain(case.decider or 'policy or clock')}, {moment(case.closed_at, zone)}")
    for receipt in case.receipts:
        sent = f", told {moment(receipt.delivered_at, zone)}" if receipt.delivered_at else ""
        st.markdown(
            f"**The customer's receipt** :gray[ledger line {receipt.transfer_id}{sent}]  \n"
            f"“{plain(receipt.sentence)}”"
        )
    if case.state is CaseState.DENIED:
        _appeal(desk, case)
    elif case.state in PAID_STATES:
        _reversal(desk, case)


def _appeal(desk: Desk, case: Evidence) -> None:
    no = refusal(desk.actor, Permission.DECIDE_REFUNDS)
    if case.decided_by == desk.actor.id:
        no = "You denied this case yourself. Another reviewer must take the appeal."
    if no:
        st.caption(plain(no))
        return
    st.markdown("**Appeal** :gray[the case is open again, its credits in flight]")
    note = st.text_input(
        "What speaks for looking again", key=f"refunds_appeal_note_{case.id}_{case.seq}", placeholder="Needed"
    )
    if st.button("Open it again", key=f"refunds_appeal_{case.id}_{case.seq}", icon=":material/replay:"):
        with changing(desk, f"Case {case.id} is open again") as (session, actor):
            deciding.appeal(session, actor=actor, case_id=case.id, seen_seq=case.seq, note=note)


def _reversal(desk: Desk, case: Evidence) -> None:
    if not case.receipts:
        return
    opened = f"refunds_reversal_{case.id}_{case.seq}"
    if not st.session_state.get(opened):
        st.button(
            "Take it back …",
            key=f"{opened}_show",
            icon=":material/undo:",
            on_click=_set,
            args=(opened,),
            help="Shows first what would leave the wallet, and what the customer would owe.",
        )
        return
    with operator_errors():
        with desk.services.database.transaction() as session:
            plan = plan_reversal(session, actor=desk.actor, transfer_id=case.receipts[-1].transfer_id)
        _preview(plan)
        _reversal_form(desk, case, plan)


def _preview(plan: Plan) -> None:
    st.markdown(
        f"**Taking {credits_of(plan.amount)} back**  \n"
        f"Wallet **{plan.balance:,}** → **:red[{plan.balance_after:,}]**  \n"
        f"From the wallet: {credits_of(plan.amount - plan.clawback)}  \n"
        f"Spent already, owed from then on: **{credits_of(plan.clawback)}**"
    )
    if plan.alone:
        st.caption("You decided it less than 15 minutes ago: you may take it back alone.")
    else:
        st.caption("A second person must agree; it is done when they do.")


def _reversal_form(desk: Desk, case: Evidence, plan: Plan) -> None:
    reason = st.text_input(
        "Why", key=f"refunds_reversal_why_{case.id}_{case.seq}", placeholder="Needed; it stays in the ledger"
    )
    label = f"Take {credits_of(plan.amount)} back" if plan.alone else "Ask a second person"
    if not st.button(label, key=f"refunds_reverse_{case.id}_{case.seq}", type="primary"):
        return
    form = f"refunds_reversal_{case.id}"
    if plan.alone:
        with changing(desk, f"Case {case.id} is reversed") as (session, actor):
            reversing.reverse_case(session, actor=actor, case_id=case.id, seen_seq=case.seq, reason=reason)
        return
    with changing(desk, "A second person is asked, on the Ledger page") as (session, actor):
        ask_reversal(
            session,
            actor=actor,
            transfer_id=case.receipts[-1].transfer_id,
            reason=reason,
            key=form_key(form),
            seen_seq=case.seq,
        )
        renew_form(form)


def _set(name: str) -> None:
    st.session_state[name] = True
