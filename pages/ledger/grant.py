"""Granting credits: what it does is shown before; above what one person may, a second is asked."""

import streamlit as st

from core.access.permissions import Permission
from core.access.staff import actor_by_id
from core.foundation.wording import count
from core.money_requests.grants import LARGEST_GRANT, granted_alone, limit_alone
from core.money_requests.plans import plan_grant
from core.money_requests.requests import grant_or_ask
from pages.ledger.customer import pick_customer
from pages.shared.forms import form_key, renew_form
from pages.shared.start import Desk, flash, operator_errors, plain, refusal

FORM = "ledger_grant"
FIRST = 100


def grant_form(desk: Desk) -> None:
    """The customer, the credits, the reason, and what it would come to."""
    if no := refusal(desk.actor, Permission.GRANT):
        st.info(plain(no), icon=":material/lock:")
        return
    with st.container(border=True):
        customer_id = pick_customer(desk, "grant")
        key = form_key(FORM)
        much, why, send = st.columns([1, 3, 1.3], vertical_alignment="bottom")
        amount = int(
            much.number_input(
                "Credits", key=f"ledger_grant_amount_{key}", min_value=1, max_value=LARGEST_GRANT, value=FIRST
            )
        )
        reason = why.text_input(
            "Why", key=f"ledger_grant_why_{key}", placeholder="Needed; it stays in the ledger"
        )
        alone = _preview(desk, customer_id, amount)
        if send.button(
            "Grant" if alone else "Ask a second person",
            key=f"ledger_grant_{key}",
            type="primary",
            width="stretch",
            disabled=customer_id is None,
        ):
            _send(desk, customer_id or 0, amount, reason, key)


def _preview(desk: Desk, customer_id: int | None, amount: int) -> bool:
    if customer_id is None:
        st.caption("Choose a customer first.")
        return True
    with desk.services.database.transaction() as session:
        plan = plan_grant(session, actor=desk.actor, customer_id=customer_id, amount=amount)
        given, limit = granted_alone(session, actor=desk.actor, customer_id=customer_id), limit_alone(session)
    before = f", of which you gave {given:,}" if given else ""
    second = "" if plan.alone else " :orange[A second, different person must agree within a day.]"
    st.markdown(
        f"The wallet holds {plan.balance:,} now and {plan.balance_after:,} afterwards. One person may give a "
        f"customer {count(limit, 'credit')} within a day{before}.{second}"
    )
    return plan.alone


def _send(desk: Desk, customer_id: int, amount: int, reason: str, key: str) -> None:
    with operator_errors():
        with desk.services.database.transaction() as session:
            actor = actor_by_id(session, desk.actor.id)
            given = {"customer_id": customer_id, "amount": amount, "reason": reason, "key": key}
            asked = grant_or_ask(session, actor=actor, **given)  # type: ignore[arg-type]
        renew_form(FORM)
        flash("Asked: it waits for a second person" if asked else f"{count(amount, 'credit')} granted")
        st.rerun()
