"""A customer's statement as of any moment, and what they were told of each payment."""

from datetime import UTC, datetime, timedelta, tzinfo

import streamlit as st

from core.foundation.wording import UNKNOWN, count, moment
from core.ledger.receipts import receipts, verify
from core.ledger.statements import StatementPage, statement
from core.ledger.trace import Told
from core.ledger.views import LedgerLine
from pages.ledger.customer import pick_customer
from pages.ledger.trace_panel import told_of
from pages.ledger.words import kind_badge
from pages.shared.start import Desk, plain

SPAN = timedelta(days=30)
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
BEFORE = "before"


def show_statement(desk: Desk, zone: tzinfo) -> None:
    """The customer, the moments between which is looked, both balances and every line."""
    who, start, end = st.columns([3, 1.1, 1.1], vertical_alignment="bottom")
    with who:
        customer_id = pick_customer(desk, "statement")
    now = datetime.now(zone)
    since = start.datetime_input(
        "From",
        value=(now - SPAN).replace(tzinfo=None, second=0, microsecond=0),
        key="ledger_since",
        format="YYYY-MM-DD",
        on_change=_to_the_top,
    )
    until = end.datetime_input(
        "As of",
        value=None,
        key="ledger_until",
        format="YYYY-MM-DD",
        on_change=_to_the_top,
        help="Empty: now. The balance is that of this very moment.",
    )
    if customer_id is None:
        st.info("Choose a customer to see their statement.", icon=":material/person_search:")
        return
    before = st.query_params.get(BEFORE, "")
    with desk.services.database.transaction() as session:
        page = statement(
            session,
            customer_id=customer_id,
            since=since.replace(tzinfo=zone) if since else BEGINNING,
            # A little ahead: what commits this moment belongs to it.
            until=until.replace(tzinfo=zone) if until else datetime.now(UTC) + timedelta(minutes=1),
            cursor=int(before) if before.isdecimal() and len(before) < 19 else None,
        )
        told = [Told(receipt, verify(session, receipt)) for receipt in receipts(session, customer_id)]
    _balances(page, until)
    _lines(page, zone)
    _receipts(told, zone)


def _balances(page: StatementPage, until: datetime | None) -> None:
    change = page.closing - page.opening
    values = {
        "Opening balance": f"{page.opening:,}",
        "Change": f"{change:+,}",
        f"Balance {'then' if until else 'now'}": f"{page.closing:,}",
    }
    with st.container(border=True):
        for place, (label, value) in zip(st.columns(len(values)), values.items(), strict=True):
            place.metric(label, value)


def _lines(page: StatementPage, zone: tzinfo) -> None:
    if not page.lines:
        st.caption("No credits were moved in this time.")
        return
    st.table([_line(line, zone) for line in page.lines], border="horizontal", hide_index=True)
    with st.container(horizontal=True):
        if st.query_params.get(BEFORE):
            st.button("Newest", key="ledger_statement_newest", on_click=_to_the_top)
        if page.older is not None:
            st.button("Older", key="ledger_statement_older", on_click=_older, args=(page.older,))


def _line(line: LedgerLine, zone: tzinfo) -> dict[str, str]:
    out = line.from_name.startswith("Wallet")
    return {
        "When": moment(line.at, zone),
        "Move": kind_badge(line.kind),
        "Credits": f"{'-' if out else '+'}{line.amount:,}",
        "Balance": UNKNOWN if line.wallet_after is None else f"{line.wallet_after:,}",
        "By": plain(line.actor),
        "Why": plain(line.reason or UNKNOWN),
    }


def _receipts(told: list[Told], zone: tzinfo) -> None:
    if not told:
        return
    with st.expander(f"{count(len(told), 'receipt')} for the customer", icon=":material/receipt_long:"):
        for each in told:
            st.markdown(f":small[{moment(each.receipt.created_at, zone)}] {told_of(each, zone)}")


def _older(version: int) -> None:
    st.query_params[BEFORE] = str(version)


def _to_the_top() -> None:
    st.query_params.pop(BEFORE, None)
