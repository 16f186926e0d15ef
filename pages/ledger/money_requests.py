"""What waits for a second person, with what it would do now; and what became of the others."""

from collections.abc import Callable
from datetime import UTC, datetime, tzinfo

import streamlit as st

from core.access.staff import actor_by_id
from core.foundation.wording import UNKNOWN, count, duration, moment
from core.money_requests import requests
from core.money_requests.views import RequestLine, past_requests, waiting_requests
from core.tables.money_requests import MoneyRequest, RequestKind, RequestState
from pages.ledger.words import CUSTOMER, STATES, VERBS, cost_of_reversal, open_in_ledger
from pages.shared.start import Desk, flash, operator_errors, plain

DONE = ":material/check_circle:"


def request_list(desk: Desk, zone: tzinfo) -> None:
    """Open requests as cards, past ones as a table."""
    with desk.services.database.transaction() as session:
        waiting, past = waiting_requests(session), past_requests(session)
    if not waiting:
        st.info("Nothing waits for a second person.", icon=":material/check_circle:")
    for line in waiting:
        _card(desk, line, zone)
    if past:
        st.markdown("**Answered, withdrawn or expired**")
        st.table([_past(line, zone) for line in past], border="horizontal", hide_index=True)


def _card(desk: Desk, line: RequestLine, zone: tzinfo) -> None:
    now = datetime.now(UTC)
    with st.container(border=True, gap="small"):
        words, customer = st.columns([5, 1.4], vertical_alignment="center")
        words.markdown(
            f"**{_title(line)}** :small[:gray[asked by {plain(line.asked_by)} "
            f"{moment(line.asked_at, zone, today=now)}, expires in {duration(line.expires_at - now)}]]"
        )
        customer.button(
            f"Statement of {plain(line.customer)}",
            key=f"ledger_asked_customer_{line.id}",
            type="tertiary",
            on_click=open_in_ledger,
            args=(CUSTOMER, line.customer_id),
        )
        st.markdown(f":material/format_quote: {plain(line.reason)}")
        st.markdown(_effect(line))
        if line.moved:
            st.warning(f"{plain(line.moved)} It can no longer be carried out.", icon=":material/update:")
        _answers(desk, line)


def _title(line: RequestLine) -> str:
    to = "to" if line.kind is RequestKind.GRANT else "from"
    return f"{VERBS[line.kind]} {count(line.amount, 'credit')} {to} {plain(line.customer)}"


def _effect(line: RequestLine) -> str:
    if line.kind is RequestKind.GRANT:
        told = f"The wallet holds {line.balance:,} now and {line.balance + line.amount:,} afterwards."
    else:
        told = cost_of_reversal(line.amount, line.balance, line.clawback)
    if (line.balance, line.clawback) != (line.seen_balance, line.seen_clawback):
        owed = f", {line.seen_clawback:,} would have been owed" if line.seen_clawback else ""
        told += f" :orange[When it was asked for, it held {line.seen_balance:,}{owed}.]"
    return told


def _answers(desk: Desk, line: RequestLine) -> None:
    if line.asked_by_id == desk.actor.id:
        words, take_back = st.columns([4, 1.2], vertical_alignment="center")
        words.caption("You asked for this; a second, different person must answer.")
        if take_back.button("Withdraw", key=f"ledger_withdraw_{line.id}", width="stretch"):
            _answer(desk, lambda session, actor: requests.withdraw(session, actor=actor, request_id=line.id))
        return
    if not line.answerable_by(desk.actor):
        st.caption(f"{plain(desk.actor.name)} may not {requests.ANSWERS[line.kind].value}.")
        return
    note, yes, no = st.columns([4, 1.2, 1.2], vertical_alignment="bottom")
    why = note.text_input("Why not", key=f"ledger_refuse_why_{line.id}", placeholder="Needed to refuse")
    if yes.button(
        "Agree", key=f"ledger_agree_{line.id}", type="primary", width="stretch", disabled=bool(line.moved)
    ):
        _answer(
            desk,
            lambda session, actor: requests.agree(
                session, actor=actor, request_id=line.id, seen_clawback=line.clawback
            ),
        )
    if no.button("Refuse", key=f"ledger_refuse_{line.id}", width="stretch"):
        _answer(
            desk,
            lambda session, actor: requests.refuse(session, actor=actor, request_id=line.id, note=why),
        )


def _answer(desk: Desk, answer: Callable[..., MoneyRequest]) -> None:
    with operator_errors():
        with desk.services.database.transaction() as session:
            row = answer(session, actor_by_id(session, desk.actor.id))
        told = {
            RequestState.DONE: f"Done: transfer {row.posted_id}",
            RequestState.REFUSED: "Refused",
            RequestState.WITHDRAWN: "Withdrawn",
        }
        state = RequestState(row.state)
        flash(
            told.get(state, f"Not carried out: {row.note}"),
            icon=DONE if state in told else ":material/update:",
        )
        st.rerun()


def _past(line: RequestLine, zone: tzinfo) -> dict[str, str]:
    at = line.answered_at or line.expires_at
    return {
        "": STATES[line.state],
        "What": plain(_title(line)),
        "Why": plain(line.reason),
        "Asked by": plain(line.asked_by),
        "Answered by": plain(line.answered_by or UNKNOWN),
        "When": moment(at, zone, today=datetime.now(UTC)),
        "Transfer": f"{line.posted_id:,}" if line.posted_id else UNKNOWN,
        "Note": plain(line.note or ""),
    }
