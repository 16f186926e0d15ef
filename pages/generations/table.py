"""The table of generations: one row each, with its picture."""

from datetime import tzinfo
from typing import Any

import streamlit as st

from core.classification.taxonomy import TAXONOMY, FailureClass
from core.desks.generations.views import GenerationRow, Page
from core.foundation.wording import dollars, duration
from core.images.miniatures import miniatures_of
from core.storage.objects import ObjectStore
from core.tables.generation import State
from pages.shared.badges import COLOURS

TABLE = "generations_table"
SHOWN = "generations_shown"
# The others wait in the table's own menu of columns.
SHOWN_COLUMNS = (
    "picture",
    "id",
    "state",
    "customer",
    "reference",
    "asked",
    "took",
    "attempts",
    "credits",
    "cost",
    "reason",
)
ROW_PIXELS = 48
MOST_PIXELS = 38 + 11 * ROW_PIXELS


def generation_table(objects: ObjectStore, page: Page, zone: tzinfo) -> None:
    """One row a generation; a click on a row is answered by `opened_row` in the next run."""
    thumbnails = [row.thumbnail_key for row in page.rows]
    pictures = miniatures_of(objects).uris(thumbnails, number=page.erasures)
    st.session_state[SHOWN] = [row.id for row in page.rows]
    st.dataframe(
        [_cells(row, page, pictures, zone) for row in page.rows],
        key=TABLE,
        hide_index=True,
        height=min(38 + ROW_PIXELS * len(page.rows), MOST_PIXELS),
        row_height=ROW_PIXELS,
        on_select="rerun",
        selection_mode="single-cell",
        placeholder="",
        column_config=_columns(),
        column_order=SHOWN_COLUMNS,
        alt="Generations, newest first",
    )


def opened_row() -> int | None:
    """The number of the generation that was clicked; the rows meant are those that were shown then."""
    cells = st.session_state.get(TABLE, {}).get("selection", {}).get("cells", [])
    shown: list[int] = st.session_state.get(SHOWN, [])
    row = cells[0][0] if cells else len(shown)
    return shown[row] if row < len(shown) else None


def _cells(row: GenerationRow, page: Page, pictures: dict[str, str], zone: tzinfo) -> dict[str, Any]:
    reason = TAXONOMY[FailureClass(row.failure_class)].title if row.failure_class else ""
    return {
        "picture": pictures.get(row.thumbnail_key or ""),
        "id": row.id,
        "state": [row.state.value.capitalize()],
        "customer": row.customer,
        "reference": row.reference,
        "asked": row.created_at.astimezone(zone).replace(tzinfo=None),
        "took": duration(row.age(page.now)),
        "attempts": row.attempts,
        "reason": reason,
        "credits": f"{row.credits:,}" if row.credits else "Preview",
        "cost": dollars(row.cost_usd),
        "by": row.requested_by,
        "prompt": row.prompt,
    }


def _columns() -> dict[str, Any]:
    column = st.column_config
    return {
        "picture": column.ImageColumn("", width=56),
        "id": column.NumberColumn("No.", format="localized", width=64),
        "state": column.MultiselectColumn(
            "State",
            options=[state.value.capitalize() for state in State],
            color=[COLOURS[state] for state in State],
            width=104,
        ),
        "customer": column.TextColumn("Customer", width=130),
        "reference": column.TextColumn("Reference", width=140),
        "asked": column.DatetimeColumn("Requested", format="D MMM HH:mm:ss", width=116),
        "took": column.TextColumn("Took", width=84, alignment="right"),
        "attempts": column.NumberColumn("Tries", width=48),
        "reason": column.TextColumn("Reason", width=180),
        "credits": column.TextColumn("Credits", width=72, alignment="right"),
        "cost": column.TextColumn("Cost", width=70, alignment="right"),
        "by": column.TextColumn("By", width=120),
        "prompt": column.TextColumn("Prompt", width="large"),
    }
