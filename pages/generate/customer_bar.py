"""Whom the avatar is for: find or add a customer, see their wallet, grant credits."""

import streamlit as st
from streamlit.elements.lib.mutable_popover_container import PopoverContainer

from core.access.permissions import Permission
from core.customers.directory import create_customer, find_customers, get_customer
from core.ledger import moves as ledger
from core.money_requests.grants import LARGEST_GRANT
from core.money_requests.requests import grant_or_ask
from core.tables.customers import Customer
from pages.shared.forms import form_key, renew_form
from pages.shared.start import Desk, flash, operator_errors, refusal

CUSTOMER = "generate_customer"
SEARCH = "generate_search"
# Whom the next run begins with; a widget that is on the page already cannot be set.
NEXT_CUSTOMER = "generate_next_customer"
NEW, GRANT = "generate_new", "generate_grant"
FIRST_GRANT = 100


def customer_bar(desk: Desk) -> int | None:
    """One line of widgets; the number of the chosen customer."""
    if (following := st.session_state.pop(NEXT_CUSTOMER, None)) is not None:
        st.session_state[CUSTOMER], st.session_state[SEARCH] = following, ""
    search, choose, new, wallet, grant = st.columns([2.4, 3.2, 1.7, 1.3, 1.7], vertical_alignment="bottom")
    with search:
        text = st.text_input(
            "Find customer", key=SEARCH, placeholder="Name or reference", icon=":material/search:"
        )
    with choose:
        customer_id = _choose(_candidates(desk, text or ""))
    with new, _popover("New", ":material/person_add:", NEW):
        _new_customer(desk)
    with grant, _popover("Grant", ":material/add_card:", GRANT):
        _grant(desk, customer_id)
    with wallet:
        _wallet(desk, customer_id)
    return customer_id


def _popover(label: str, icon: str, form: str) -> PopoverContainer:
    # It bears the form's key, so that it closes when the form was sent.
    return st.popover(label, icon=icon, width="stretch", key=f"{form}_at_{form_key(form)}")


def _candidates(desk: Desk, text: str) -> dict[int, Customer]:
    """The customers to choose from; the chosen one stays among them until something else is searched for."""
    chosen: int | None = st.session_state.get(CUSTOMER)
    with desk.services.database.transaction() as session:
        found = {customer.id: customer for customer in find_customers(session, text)}
        if chosen is not None and chosen not in found and not text.strip():
            found = {chosen: get_customer(session, chosen)} | found
    if chosen not in found:
        # One hit needs no second click.
        st.session_state[CUSTOMER] = next(iter(found)) if text.strip() and len(found) == 1 else None
    return found


def _choose(found: dict[int, Customer]) -> int | None:
    customer_id: int | None = st.selectbox(
        "Customer",
        list(found),
        index=None,
        key=CUSTOMER,
        format_func=lambda number: f"{found[number].name} · {found[number].reference}",
        placeholder="Choose a customer" if found else "Nobody found",
        disabled=not found,
        persist_state="session",
    )
    return customer_id


def _new_customer(desk: Desk) -> None:
    if not_allowed := refusal(desk.actor, Permission.EDIT_CUSTOMERS):
        st.caption(not_allowed)
        return
    key = form_key(NEW)
    with st.form(f"generate_new_{key}", border=False):
        name = st.text_input("Name", key=f"generate_new_name_{key}")
        reference = st.text_input(
            "Reference", key=f"generate_new_reference_{key}", help="The product's own name for them."
        )
        sent = st.form_submit_button("Add customer", type="primary", width="stretch")
    if sent:
        with operator_errors():
            with desk.services.database.transaction() as session:
                customer = create_customer(session, actor=desk.actor, reference=reference, name=name)
            renew_form(NEW)
            st.session_state[NEXT_CUSTOMER] = customer.id
            flash(f"{customer.name} was added")
            st.rerun()


def _wallet(desk: Desk, customer_id: int | None) -> None:
    if customer_id is None:
        st.metric("Wallet", "—")
        return
    with desk.services.database.transaction() as session:
        held = ledger.balance(session, customer_id=customer_id)
    enough = held >= desk.services.settings.credits_per_avatar
    st.metric("Wallet", f"{held:,}", help="Credits." if enough else "Fewer credits than one avatar costs.")


def _grant(desk: Desk, customer_id: int | None) -> None:
    if not_allowed := refusal(desk.actor, Permission.GRANT):
        st.caption(not_allowed)
        return
    if customer_id is None:
        st.caption("Choose a customer first.")
        return
    key = form_key(GRANT)
    with st.form(f"generate_grant_{key}", border=False):
        amount = st.number_input(
            "Credits",
            key=f"generate_grant_amount_{key}",
            min_value=1,
            max_value=LARGEST_GRANT,
            value=FIRST_GRANT,
        )
        reason = st.text_input("Reason", key=f"generate_grant_reason_{key}", placeholder="Why they get them")
        sent = st.form_submit_button("Grant", type="primary", width="stretch")
    if sent:
        with operator_errors():
            with desk.services.database.transaction() as session:
                asked = grant_or_ask(
                    session,
                    actor=desk.actor,
                    customer_id=customer_id,
                    amount=amount,
                    reason=reason,
                    key=key,
                )
            renew_form(GRANT)
            flash("Asked: a second person must agree" if asked else f"{amount:,} credits granted")
            st.rerun()
