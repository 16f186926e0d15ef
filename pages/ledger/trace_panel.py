"""The way of one generation's credits, step by step, from the charge to where they rest."""

from datetime import datetime, tzinfo

import streamlit as st

from core.foundation.wording import count, moment
from core.ledger.trace import Step, Told, Trace, trace
from core.tables.refund_states import STATE_TITLES, CaseState
from pages.ledger.words import CUSTOMER, kind_badge, open_in_ledger, way
from pages.shared.links import page_link
from pages.shared.start import Desk, plain

SHORT_HASH = 12


def show_trace(desk: Desk, generation_id: int, zone: tzinfo) -> None:
    """Where the credits rest, and every step that brought them there with who, why, case and receipt."""
    with desk.services.database.transaction() as session:
        found = trace(session, generation_id)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(f"Credits of generation {found.generation_id:,}", anchor=False, width="content")
        st.button(
            found.customer,
            key="ledger_trace_customer",
            type="tertiary",
            icon=":material/person:",
            on_click=open_in_ledger,
            args=(CUSTOMER, found.customer_id),
        )
        page_link(
            "generations/page.py", "Open the generation", icon=":material/draw:", id=str(found.generation_id)
        )
    _rest(found)
    for number, step in enumerate(found.steps, start=1):
        _step(number, step, zone, found.steps[0].transfer.at)
    for case in found.cases:
        paid = f", paid {count(case.amount, 'credit')}" if case.amount else ""
        st.markdown(
            f"**Case {case.id:,}** {STATE_TITLES[CaseState(case.state)]}, up to "
            f"{count(case.requested, 'credit')}{paid}  \n:small[:gray[{plain(case.why or '')}]]"
        )


def told_of(receipt: Told, zone: tzinfo) -> str:
    """Markdown of a receipt: the customer's sentence, whether it holds, and whether the product has it."""
    proof = receipt.proof
    if proof.problem:
        verdict = f":red-badge[:material/gpp_bad: {plain(proof.problem)}]"
    else:
        verdict = (
            f":green-badge[:material/verified: Holds] :small[:gray[line {proof.version} of the wallet, "
            f"{proof.previous[:SHORT_HASH] or 'first'} → {proof.hash[:SHORT_HASH]}]]"
        )
    at = receipt.receipt.delivered_at
    taken = f" :small[:gray[taken by the product {moment(at, zone)}]]" if at else ""
    return f":material/receipt_long: “{plain(receipt.receipt.sentence)}” {verdict}{taken}"


def _rest(found: Trace) -> None:
    values = {
        "Charged": found.charged,
        "In flight": found.in_flight,
        "Kept": found.kept,
        "Given back": found.returned,
        "Goodwill": found.goodwill,
    }
    with st.container(border=True):
        for place, (label, amount) in zip(st.columns(len(values)), values.items(), strict=True):
            place.metric(label, f"{amount:,}")


def _step(number: int, step: Step, zone: tzinfo, today: datetime) -> None:
    row = step.transfer
    with st.container(border=True, gap="xsmall"):
        head, button = st.columns([6, 1], vertical_alignment="center")
        back = f" :red-badge[taken back by transfer {row.reversed_by:,}]" if row.reversed_by else ""
        head.markdown(f"**{number}.** {kind_badge(row.kind)} {way(row)}{back}")
        button.button(
            f"No. {row.id:,}",
            key=f"ledger_step_{row.id}",
            type="tertiary",
            on_click=open_in_ledger,
            args=("transfer", row.id),
            help="Open this transfer",
        )
        # The reason of what a case moved begins with its number.
        why = f", {row.reason}" if row.reason else ""
        after = "" if row.wallet_after is None else f". The wallet held {row.wallet_after:,} afterwards"
        at = moment(row.at, zone, today=today)
        st.markdown(f":small[:gray[{at}, by {plain(row.actor)}{plain(why)}{after}]]")
        if step.told:
            st.markdown(f":small[{told_of(step.told, zone)}]")
