"""The list of transfers: filters, pages, the whole selection as a file; a click opens one."""

from collections.abc import Callable
from datetime import tzinfo
from typing import Any

import streamlit as st

from core.foundation.database import Database
from core.ledger.transfers import (
    MOST_EXPORTED,
    TransferFilter,
    TransferPage,
    TransferRow,
    export_transfers,
    page_of_transfers,
)
from pages.ledger.filters import clear_filters, cursor, filter_bar, filtered, turn
from pages.ledger.words import KINDS, open_in_ledger
from pages.shared.start import Desk

TABLE = "ledger_table"
SHOWN = "ledger_shown"
ROW_PIXELS = 36
MOST_ROWS = 14


def transfer_list(desk: Desk, zone: tzinfo) -> None:
    """The filters, and the page of transfers that they lead to."""
    if (number := _opened()) is not None:
        open_in_ledger("transfer", number)
        st.rerun()
    asked = filter_bar(zone)
    with desk.services.database.transaction() as session:
        page = page_of_transfers(session, asked, **cursor())
    if not page.rows:
        _nothing()
        return
    _pager(desk, page, asked)
    st.session_state[SHOWN] = [row.id for row in page.rows]
    st.dataframe(
        [_cells(row, zone) for row in page.rows],
        key=TABLE,
        hide_index=True,
        row_height=ROW_PIXELS,
        height=38 + ROW_PIXELS * min(len(page.rows), MOST_ROWS),
        on_select="rerun",
        selection_mode="single-cell",
        placeholder="",
        column_config=_columns(),
        alt="Transfers, newest first",
    )


def exporter(database: Database, asked: TransferFilter) -> Callable[[], str]:
    """What makes the file, only once it is asked for."""

    def export() -> str:
        with database.transaction() as session:
            return export_transfers(session, asked)

    return export


def _pager(desk: Desk, page: TransferPage, asked: TransferFilter) -> None:
    words, save, newest, newer, older = st.columns([4, 1, 1, 1, 1], vertical_alignment="center")
    edge = f"No. {page.rows[-1].id:,} to {page.rows[0].id:,}"
    words.caption(f"{len(page.rows)} transfers, newest first, {edge}. Click a row to open it.")
    save.download_button(
        "CSV",
        exporter(desk.services.database, asked),
        "transfers.csv",
        "text/csv",
        key="ledger_csv",
        icon=":material/download:",
        width="stretch",
        on_click="ignore",
        help=f"All that the filters select, at most the newest {MOST_EXPORTED:,}; its end says if so.",
    )
    button: dict[str, Any] = {"on_click": turn, "width": "stretch"}
    newest.button("Newest", key="ledger_newest", args=("newer", None), disabled=page.newer is None, **button)
    newer.button(
        "Newer", key="ledger_newer", args=("newer", page.newer), disabled=page.newer is None, **button
    )
    older.button(
        "Older", key="ledger_older", args=("older", page.older), disabled=page.older is None, **button
    )


def _nothing() -> None:
    with st.container(border=True, height=200, horizontal_alignment="center", vertical_alignment="center"):
        if filtered() or cursor():
            st.markdown("**No transfer matches these filters.**", width="content")
            st.button("Show all transfers", key="ledger_all", on_click=clear_filters)
        else:
            st.markdown("**No credits were moved yet.**", width="content")


def _opened() -> int | None:
    cells = st.session_state.get(TABLE, {}).get("selection", {}).get("cells", [])
    shown: list[int] = st.session_state.get(SHOWN, [])
    row = cells[0][0] if cells else len(shown)
    return shown[row] if row < len(shown) else None


def _cells(row: TransferRow, zone: tzinfo) -> dict[str, Any]:
    return {
        "id": row.id,
        "at": row.at.astimezone(zone).replace(tzinfo=None),
        "kind": [KINDS[row.kind][0]],
        "amount": row.amount,
        "way": f"{row.from_name} → {row.to_name}",
        "customer": row.customer or "",
        "after": row.wallet_after,
        "actor": row.actor,
        "reason": row.reason or "",
        "generation": row.generation_id,
        "case": row.case_id,
        "back": f"by {row.reversed_by:,}" if row.reversed_by else "",
        "key": row.key,
    }


def _columns() -> dict[str, Any]:
    column = st.column_config
    return {
        "id": column.NumberColumn("No.", format="localized", width=64),
        "at": column.DatetimeColumn("When", format="D MMM HH:mm:ss", width=120),
        "kind": column.MultiselectColumn(
            "Kind",
            options=[title for title, _ in KINDS.values()],
            color=[colour for _, colour in KINDS.values()],
            width=90,
        ),
        "amount": column.NumberColumn("Credits", format="localized", width=70),
        "way": column.TextColumn("Way", width=150),
        "customer": column.TextColumn("Customer", width=120),
        "after": column.NumberColumn("Wallet after", format="localized", width=92),
        "actor": column.TextColumn("By", width=120),
        "reason": column.TextColumn("Why", width=220),
        "generation": column.NumberColumn("Generation", format="localized", width=84),
        "case": column.NumberColumn("Case", format="localized", width=64),
        "back": column.TextColumn("Taken back", width=84),
        "key": column.TextColumn("Key", width=180),
    }
