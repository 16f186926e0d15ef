"""One transfer: all that it says, its receipt, and taking it back with what that would mean."""

from datetime import tzinfo

import streamlit as st

from core.access.staff import actor_by_id
from core.foundation.errors import NotFound, OperatorError
from core.foundation.wording import UNKNOWN, count, moment
from core.ledger.receipts import receipt_of, verify
from core.ledger.trace import Told
from core.ledger.transfers import TransferRow, transfer_rows
from core.money_requests.plans import Plan, plan_reversal
from core.money_requests.requests import ask_reversal
from core.money_requests.views import waiting_requests
from core.refunds.reversing import reverse_case
from pages.ledger.trace_panel import told_of
from pages.ledger.words import CUSTOMER, cost_of_reversal, kind_badge, open_in_ledger, way
from pages.shared.forms import form_key, renew_form
from pages.shared.start import Desk, flash, operator_errors, plain

FORM = "ledger_reverse"
# Only these were given to somebody; a charge or what was kept is settled by its case.
GIVEN = ("grant", "refund", "goodwill")


def show_transfer(desk: Desk, transfer_id: int, zone: tzinfo) -> None:
    """The transfer with its receipt; below it, what taking it back would do."""
    with desk.services.database.transaction() as session:
        rows = transfer_rows(session, [transfer_id])
        receipt = receipt_of(session, transfer_id)
        told = Told(receipt, verify(session, receipt)) if receipt else None
    if not rows:
        raise NotFound(f"There is no transfer {transfer_id}.")
    row = rows[0]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(f"Transfer {row.id:,}", anchor=False, width="content")
        st.markdown(kind_badge(row.kind), width="content")
        _links(row)
    with st.container(border=True):
        st.markdown(way(row))
        if told:
            st.markdown(told_of(told, zone))
        st.table(_facts(row, zone), border="horizontal", hide_header=True)
    if row.kind in GIVEN:
        _take_back(desk, row)


def _links(row: TransferRow) -> None:
    links = {
        "generation": (row.generation_id, "Trace of generation {:,}", ":material/route:"),
        CUSTOMER: (row.customer_id, f"Statement of {row.customer}", ":material/person:"),
    }
    for what, (number, label, icon) in links.items():
        if number is not None:
            st.button(
                plain(label.format(number)),
                key=f"ledger_to_{what}",
                type="tertiary",
                icon=icon,
                on_click=open_in_ledger,
                args=(what, number),
            )
    for label, number in (("Takes back", row.reverses_id), ("Taken back by", row.reversed_by)):
        if number is not None:
            st.button(
                f"{label} transfer {number:,}",
                key=f"ledger_to_{number}",
                type="tertiary",
                icon=":material/undo:",
                on_click=open_in_ledger,
                args=("transfer", number),
            )


def _facts(row: TransferRow, zone: tzinfo) -> dict[str, str]:
    return {
        "When": f"{moment(row.at, zone)}, by {plain(row.actor)}",
        "Why": plain(row.reason or UNKNOWN),
        "Wallet after": UNKNOWN if row.wallet_after is None else count(row.wallet_after, "credit"),
        "Case": UNKNOWN if row.case_id is None else f"{row.case_id:,}",
        "Key": f"`{row.key}`",
    }


def _take_back(desk: Desk, row: TransferRow) -> None:
    st.markdown("**Take it back**")
    try:
        with desk.services.database.transaction() as session:
            asked = [line for line in waiting_requests(session) if line.transfer_id == row.id]
            plan = plan_reversal(session, actor=actor_by_id(session, desk.actor.id), transfer_id=row.id)
    except OperatorError as exc:
        st.caption(plain(str(exc)))
        return
    if asked:
        st.info(
            f"{plain(asked[0].asked_by)} has asked for it already; it waits under “Two people”.",
            icon=":material/hourglass_top:",
        )
        return
    with st.container(border=True):
        mark = ":orange[:material/warning:]" if plan.clawback else ":material/undo:"
        st.markdown(f"{mark} {cost_of_reversal(plan.amount, plan.balance, plan.clawback)}")
        key = f"{form_key(FORM)}_{row.id}"
        why, send = st.columns([4, 1.3], vertical_alignment="bottom")
        reason = why.text_input("Why", key=f"ledger_why_{key}", placeholder="Needed; it stays in the ledger")
        label = "Take back now" if plan.alone else "Ask a second person"
        if send.button(label, key=f"ledger_take_{key}", type="primary", width="stretch"):
            _send(desk, plan, reason, key)
        if plan.alone:
            st.caption("You decided this case less than 15 minutes ago, so nobody else is needed.")


def _send(desk: Desk, plan: Plan, reason: str, key: str) -> None:
    with operator_errors():
        with desk.services.database.transaction() as session:
            actor = actor_by_id(session, desk.actor.id)
            if plan.alone and plan.case_id is not None and plan.seen_seq is not None:
                given = {"case_id": plan.case_id, "seen_seq": plan.seen_seq}
                reverse_case(session, actor=actor, reason=reason, **given)
                done = f"{count(plan.amount, 'credit')} taken back"
            else:
                ask_reversal(
                    session,
                    actor=actor,
                    transfer_id=plan.transfer_id or 0,
                    reason=reason,
                    key=key,
                    seen_seq=plan.seen_seq,
                )
                done = "Asked: it waits for a second person"
        renew_form(FORM)
        flash(done)
        st.rerun()
