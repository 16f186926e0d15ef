"""The right of the Refunds page: one decision, by keyboard or mouse.

Streamlit's single-letter shortcuts rest while the cursor is in a field, so that nobody approves by typing.
"""

from typing import Any, Literal

import streamlit as st

from core.access.permissions import Permission
from core.access.staff import actor_by_id
from core.desks.refunds.evidence_records import Evidence
from core.desks.refunds.queue import INCIDENT_FROM
from core.desks.refunds.queue_filters import QueueFilter
from core.foundation.errors import OperatorError
from core.refunds.deciding import send_back
from core.refunds.intents import intend
from core.refunds.reasons import codes, customer_sentence, preselected
from core.tables.refund_states import CaseState
from pages.refunds.bulk import offer_incident
from pages.refunds.place import advance, note_move, step, tell, too_quick
from pages.shared.refund_words import credits_of, reason_title
from pages.shared.start import Desk, plain, refusal

Decision = Literal["approve", "deny", "second"]


def decision_panel(desk: Desk, case: Evidence, filter_: QueueFilter) -> None:
    """Amount, reasons, what the customer will read, and the keys."""
    no = why_not(desk, case)
    if no:
        st.warning(plain(no), icon=":material/lock:")
    if case.first:
        _first(case)
    amount = _amount(case)
    _balance(case, amount)
    _reasons(case, amount)
    st.text_input(
        "Note", key=_key(case, "note"), placeholder="A note for the log", label_visibility="collapsed"
    )
    _buttons(desk, case, filter_, no, amount)
    if case.mates >= INCIDENT_FROM and filter_.incident is None:
        offer_incident(case)


def move_keys(desk: Desk, filter_: QueueFilter, case: Evidence | None) -> None:
    """N and P, which are there whatever else is on the screen."""
    place = case.place if case else None
    beside = st.container(horizontal=True, gap="small", key="refunds_moves")
    beside.button(
        "Previous",
        key="refunds_previous",
        shortcut="P",
        width="stretch",
        disabled=case is None,
        on_click=_move,
        args=(desk, filter_, place, True),
    )
    beside.button(
        "Next",
        key="refunds_next",
        shortcut="N",
        width="stretch",
        on_click=_move,
        args=(desk, filter_, place, False),
    )


def why_not(desk: Desk, case: Evidence) -> str | None:
    """Why whoever looks may not decide this case now; None where they may."""
    if no := refusal(desk.actor, Permission.DECIDE_REFUNDS):
        return no
    if case.held_elsewhere and case.held_until:
        return f"{case.held_by} is working on this case until {case.held_until:%H:%M} UTC."
    if case.deciding and case.deciding.refused is None:
        who = "You have" if case.deciding.staff_id == desk.actor.id else f"{case.deciding.name} has"
        return f"{who} decided this case a moment ago."
    if case.state is CaseState.NEEDS_SECOND:
        if case.first and case.first.staff_id == desk.actor.id:
            return "You agreed to this case already. A second, different person must decide."
        return refusal(desk.actor, Permission.SECOND_REFUNDS)
    return None


def _first(case: Evidence) -> None:
    first = case.first
    if first is None:
        return
    st.info(
        f"**{plain(first.name)}** agreed to **{credits_of(first.amount)}**. "
        "Of your two amounts the lower is paid.",
        icon=":material/group:",
    )


def _amount(case: Evidence) -> int:
    """The amount, prefilled with all of it, or with what the first of two agreed to."""
    start = min(case.first.amount, case.requested) if case.first else case.requested
    chosen = st.number_input(
        f"Credits to give back, of {case.requested:,}",
        min_value=1,
        max_value=case.requested,
        value=start,
        step=1,
        key=_key(case, "amount"),
    )
    return int(chosen)


def _balance(case: Evidence, amount: int) -> None:
    paid = min(amount, case.first.amount) if case.first else amount
    before = case.history.balance
    st.markdown(f"Wallet **{before:,}** → **:green[{before + paid:,}]**")
    if _needs_second(case, paid):
        st.caption(
            ":material/group: Goes to a second person: one person may give this customer "
            f"{credits_of(case.one_person_left)} more today."
            if case.required_approvals == 1
            else ":material/group: The policy asks for two people."
        )


def _needs_second(case: Evidence, amount: int) -> bool:
    return case.first is None and (case.required_approvals > 1 or amount > case.one_person_left)


def _reasons(case: Evidence, amount: int) -> None:
    """One reason for each decision, preselected from the class, with the sentence that it makes."""
    paid = min(amount, case.first.amount) if case.first else amount
    for approved, title in ((True, "If approved"), (False, "If denied")):
        known = codes(approved=approved)
        usual = preselected(case.failure_class, approved=approved)
        code = st.selectbox(
            title,
            known,
            index=known.index(usual),
            format_func=reason_title,
            key=_key(case, "approving" if approved else "denying"),
        )
        told = customer_sentence(
            code, approved=approved, amount=paid, balance=case.history.balance + paid if approved else None
        )
        st.caption(f"“{plain(told)}”")


def _buttons(desk: Desk, case: Evidence, filter_: QueueFilter, no: str | None, amount: int) -> None:
    second = _needs_second(case, amount)
    approve = f"Approve {amount:,}" + (", second person" if second else "")
    wide: dict[str, Any] = {"width": "stretch", "on_click": _decide}
    st.button(
        approve,
        key=_key(case, "approve"),
        shortcut="A",
        type="primary",
        disabled=bool(no),
        args=(desk, case, filter_, "approve"),
        **wide,
    )
    # On a narrow screen they stand below each other.
    beside = st.container(horizontal=True, gap="small", key="refunds_deny")
    beside.button(
        "Deny",
        key=_key(case, "deny"),
        shortcut="D",
        disabled=bool(no),
        args=(desk, case, filter_, "deny"),
        **wide,
    )
    if case.state is CaseState.NEEDS_SECOND:
        beside.button(
            "Send back",
            key=_key(case, "back"),
            shortcut="Q",
            width="stretch",
            disabled=bool(no),
            on_click=_send_back,
            args=(desk, case, filter_),
            help="To the first reviewer, with the note.",
        )
        return
    beside.button(
        "Second",
        key=_key(case, "second"),
        shortcut="S",
        disabled=bool(no) or second,
        args=(desk, case, filter_, "second"),
        help="Agree, and send it to a second person all the same.",
        **wide,
    )


def _decide(desk: Desk, case: Evidence, filter_: QueueFilter, decision: Decision) -> None:
    """One click: it is written down, the next case comes, and ten seconds are left to undo it."""
    if too_quick(case.id):
        tell("That was too quick: the case had only just come up. Press again if you mean this one.")
        return
    reason = "denying" if decision == "deny" else "approving"
    try:
        with desk.services.database.transaction() as session:
            intend(
                session,
                actor=actor_by_id(session, desk.actor.id),
                case_id=case.id,
                seen_seq=case.seq,
                decision=decision,
                amount=int(st.session_state.get(_key(case, "amount"), case.requested)),
                reason_code=st.session_state[_key(case, reason)],
                note=(st.session_state.get(_key(case, "note")) or "").strip() or None,
            )
    except OperatorError as exc:
        tell(exc)
        return
    note_move()
    advance(desk, filter_, case.place)


def _send_back(desk: Desk, case: Evidence, filter_: QueueFilter) -> None:
    try:
        with desk.services.database.transaction() as session:
            send_back(
                session,
                actor=actor_by_id(session, desk.actor.id),
                case_id=case.id,
                seen_seq=case.seq,
                note=st.session_state.get(_key(case, "note")) or "",
            )
    except OperatorError as exc:
        tell(exc)
        return
    note_move()
    advance(desk, filter_, case.place)


def _move(desk: Desk, filter_: QueueFilter, place: object, before: bool) -> None:
    try:
        step(desk, filter_, place, before=before)  # type: ignore[arg-type]
    except OperatorError as exc:
        tell(exc)


def _key(case: Evidence, name: str) -> str:
    # With the case's number and move: a late second click finds no button, and no field keeps an old value.
    return f"refunds_{name}_{case.id}_{case.seq}"
