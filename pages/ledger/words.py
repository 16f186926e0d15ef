"""How the ledger looks and what is said of it; its address names what is shown."""

import streamlit as st

from core.foundation.wording import count
from core.ledger.transfers import TransferRow
from core.tables.money_requests import RequestKind, RequestState
from pages.shared.start import plain

VIEWS = {
    "transfers": "Transfers",
    "statement": "Statement",
    "grant": "Grant",
    "requests": "Two people",
}
# What the address may name, the first that it does is shown.
OPENED = ("generation", "transfer")
CUSTOMER = "customer"

TITLES = {
    "Wallet": "Wallets",
    "issued": "Issued",
    "in_flight": "In flight",
    "revenue": "Revenue",
    "goodwill": "Goodwill",
    "clawback": "Clawback",
}
ABOUT = {
    "issued": "Granted or sold so far, less what was taken back; below zero, for it stands in the wallets.",
    "in_flight": "Charged for generations that are under way or wait for a decision.",
    "revenue": "Kept for delivered avatars and denied cases.",
    "goodwill": "Given for delivered avatars.",
    "clawback": "Advanced to wallets whose credits were taken back after they were spent: owed by customers.",
}
COLOURS = {
    "Wallet": "blue",
    "In flight": "orange",
    "Revenue": "green",
    "Goodwill": "violet",
    "Clawback": "red",
    "Issued": "gray",
}
KINDS = {
    "grant": ("Grant", "blue"),
    "charge": ("Charge", "orange"),
    "capture": ("Capture", "green"),
    "refund": ("Refund", "violet"),
    "goodwill": ("Goodwill", "violet"),
    "clawback": ("Clawback", "red"),
    "reversal": ("Reversal", "red"),
}
# The word is always there, so that nobody needs the colour.
STATES = {
    RequestState.WAITING: ":orange-badge[:material/hourglass_top: Waiting]",
    RequestState.DONE: ":green-badge[:material/check_circle: Done]",
    RequestState.REFUSED: ":red-badge[:material/block: Refused]",
    RequestState.STALE: ":gray-badge[:material/update: Out of date]",
    RequestState.WITHDRAWN: ":gray-badge[:material/undo: Withdrawn]",
    RequestState.EXPIRED: ":gray-badge[:material/timer_off: Expired]",
}
VERBS = {
    RequestKind.GRANT: "Grant",
    RequestKind.REVERSE_GRANT: "Take back a grant of",
    RequestKind.REVERSE_CASE: "Take back a refund of",
}


def kind_badge(kind: str) -> str:
    """Markdown of a transfer's kind."""
    title, colour = KINDS.get(kind, (kind.capitalize(), "gray"))
    return f":{colour}-badge[{title}]"


def way(row: TransferRow) -> str:
    """From where to where a transfer went, as two badges with its credits between them."""
    return (
        f"{_account(row.from_name, row)} :material/arrow_forward: **{row.amount:,}** "
        f":material/arrow_forward: {_account(row.to_name, row)}"
    )


def cost_of_reversal(amount: int, balance: int, clawback: int) -> str:
    """What taking back would do, said before it is done."""
    leaves = f"{count(amount, 'credit')} leave the wallet, which holds {balance:,} now"
    if not clawback:
        return f"{leaves} and {balance - amount:,} afterwards."
    return (
        f"{leaves} and 0 afterwards. {count(clawback, 'credit')} of them "
        f"{'is' if clawback == 1 else 'are'} spent already and will stand as owed in the clawback account."
    )


def open_in_ledger(what: str, number: int) -> None:
    """Make this what the page shows."""
    close_opened()
    st.query_params[what] = str(number)
    if what == CUSTOMER:
        st.query_params["view"] = "statement"


def close_opened() -> None:
    """Back to the views."""
    for name in OPENED:
        st.query_params.pop(name, None)


def opened() -> tuple[str, int] | None:
    """What the address names, if anything."""
    for what in OPENED:
        number = st.query_params.get(what, "")
        if number.isdecimal() and len(number) < 19:
            return what, int(number)
    return None


def view() -> str:
    """Which view the address asks for."""
    asked = st.query_params.get("view", "transfers")
    return asked if asked in VIEWS else "transfers"


def remember_view() -> None:
    """Write the chosen view into the address."""
    st.query_params["view"] = st.session_state["ledger_view"]


def _account(name: str, row: TransferRow) -> str:
    of = f" of {plain(row.customer)}" if name == "Wallet" and row.customer else ""
    return f":{COLOURS.get(name, 'gray')}-badge[{name}{of}]"
