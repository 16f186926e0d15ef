"""The table of error groups; a click on a row opens the group."""

from datetime import tzinfo
from typing import Any

import streamlit as st

from core.classification.taxonomy import facts
from core.foundation.wording import dollars
from core.monitoring.group_views import GroupRow, list_groups
from core.monitoring.groups import OPEN_STATES
from core.tables.failures import GroupState
from pages.errors.filters import Question
from pages.shared.start import Desk

TABLE = "errors_groups_table"
SHOWN = "errors_groups_shown"
GROUP = "group"
ROW_PIXELS = 38
MOST_ROWS = 12
STATE_COLOURS = {
    GroupState.NEW: "blue",
    GroupState.ONGOING: "orange",
    GroupState.ESCALATING: "red",
    GroupState.REGRESSED: "red",
    GroupState.ACKNOWLEDGED: "violet",
    GroupState.MUTED: "gray",
    GroupState.RESOLVED: "green",
}
CHOICES = {"open": "To do", "muted": "Muted", "resolved": "Resolved", "all": "All"}
STATES: dict[str, tuple[GroupState, ...]] = {
    "open": OPEN_STATES,
    "muted": (GroupState.MUTED,),
    "resolved": (GroupState.RESOLVED,),
    "all": (),
}


def groups_table(desk: Desk, asked: Question, zone: tzinfo) -> None:
    """Groups that occurred in the range, the most urgent first."""
    if (opened := _opened()) is not None:
        st.query_params[GROUP] = opened
        st.rerun(scope="app")
    chosen = st.segmented_control(
        "Groups",
        CHOICES,
        default="open",
        key="errors_group_states",
        format_func=CHOICES.__getitem__,
        required=True,
        label_visibility="collapsed",
    )
    with desk.services.database.transaction() as session:
        rows = list_groups(session, since=asked.since, states=STATES[chosen or "open"], classes=asked.classes)
    st.session_state[SHOWN] = [row.fingerprint for row in rows]
    if not rows:
        st.info("No error group here in this time.", icon=":material/check_circle:")
        return
    st.dataframe(
        [_cells(row, zone) for row in rows],
        key=TABLE,
        hide_index=True,
        row_height=ROW_PIXELS,
        height=38 + ROW_PIXELS * min(len(rows), MOST_ROWS),
        on_select="rerun",
        selection_mode="single-cell",
        column_config=_columns(),
        alt="Error groups, the most urgent first",
    )


def close_group() -> None:
    """Back to the table."""
    st.query_params.pop(GROUP, None)


def state_badge(state: GroupState) -> str:
    """Markdown of a group's state."""
    return f":{STATE_COLOURS[state]}-badge[{state.value.capitalize()}]"


def _opened() -> str | None:
    cells = st.session_state.get(TABLE, {}).get("selection", {}).get("cells", [])
    shown: list[str] = st.session_state.get(SHOWN, [])
    row = cells[0][0] if cells else len(shown)
    return shown[row] if row < len(shown) else None


def _cells(row: GroupRow, zone: tzinfo) -> dict[str, Any]:
    return {
        "state": [row.state.value.capitalize()],
        "reason": facts(row.failure_class).title,
        "message": row.message,
        "trend": list(row.trend),
        "generations": row.failed_generations,
        "attempts": row.failed_attempts,
        "customers": row.customers,
        "cost": dollars(row.cost_usd),
        "credits": row.credits,
        "last": row.last_seen.astimezone(zone).replace(tzinfo=None),
        "first": row.first_seen.astimezone(zone).replace(tzinfo=None),
        "assignee": row.assignee or "",
    }


def _columns() -> dict[str, Any]:
    column = st.column_config
    return {
        "state": column.MultiselectColumn(
            "State",
            options=[state.value.capitalize() for state in GroupState],
            color=[STATE_COLOURS[state] for state in GroupState],
            width=112,
        ),
        "reason": column.TextColumn("Reason", width=160),
        "message": column.TextColumn("Message", width=300),
        "trend": column.BarChartColumn("Last 24 hours", width=130, y_min=0),
        "generations": column.NumberColumn("Lost", help="Generations that failed in the end", width=60),
        "attempts": column.NumberColumn("Tries", help="Failed attempts at the provider", width=60),
        "customers": column.NumberColumn("Customers", width=84),
        "cost": column.TextColumn("Our cost", width=76, alignment="right"),
        "credits": column.NumberColumn(
            "Credits", help="What the lost generations had charged", format="localized", width=70
        ),
        "last": column.DatetimeColumn("Last seen", format="D MMM HH:mm", width=100),
        "first": column.DatetimeColumn("First seen", format="D MMM HH:mm", width=100),
        "assignee": column.TextColumn("With", width=110),
    }
