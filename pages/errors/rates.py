"""Failure rates by one dimension, with what the counts allow to say."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.foundation.statistics.rates import Difference, Rate, compare, differs
from core.monitoring.rollups import Slice, ValueRate, rates_by
from core.rollups.dimensions import DIMENSIONS
from core.tables.generation import State
from pages.errors.chart import LIST
from pages.errors.filters import Question
from pages.errors.links import list_query
from pages.shared.charts import interval, share
from pages.shared.links import go_to_page
from pages.shared.start import Desk

TABLE = "errors_rates_table"


def rates_table(desk: Desk, asked: Question) -> None:
    """The values of the chosen dimension, the commonest first."""
    dimension = (
        st.segmented_control(
            "By",
            DIMENSIONS,
            default="prompt",
            key="errors_by",
            format_func=DIMENSIONS.__getitem__,
            required=True,
        )
        or "prompt"
    )
    with desk.services.database.transaction() as session:
        rows = rates_by(session, dimension, asked.since, asked.until, asked.classes)
    if not rows:
        st.info("Nothing ended in this time. Choose a longer range.", icon=":material/hourglass_empty:")
        return
    event = st.dataframe(
        [_cells(row) for row in rows],
        key=f"{TABLE}_{dimension}",
        hide_index=True,
        on_select="rerun",
        selection_mode="single-cell",
        column_config=_columns(DIMENSIONS[dimension]),
        alt=f"Failure rate by {DIMENSIONS[dimension].lower()}",
    )
    st.caption(
        "Wilson's intervals of 95 %. A value differs from all others together where Newcombe's interval "
        "of the difference excludes zero and Fisher's exact test agrees after Holm's correction over all "
        "rows. Canceled ones do not count. Click a row for its failed generations."
    )
    cells = event["selection"]["cells"]
    if cells and cells[0][0] < len(rows):
        only = Slice(dimension, rows[cells[0][0]].value)
        query = list_query(State.FAILED, asked.since, asked.until, classes=asked.classes, only=only)
        go_to_page(LIST, "Open these generations", query)
    _compare(rows)


def verdict(difference: Difference | None) -> str:
    """What may be said of a difference."""
    if difference is None:
        return "Not enough data"
    if not differs(difference):
        return "No difference shown"
    word = "Worse" if difference.value > 0 else "Better"
    low, high = sorted((abs(difference.interval.low), abs(difference.interval.high)))
    return f"{word} by {low * 100:.0f} to {high * 100:.0f} points"


def _compare(rows: Sequence[ValueRate]) -> None:
    if len(rows) < 2:
        return
    rates = {row.value: row.rate for row in rows}
    titles = {row.value: row.title for row in rows}
    st.markdown("**Compare two**")
    first, second, answer = st.columns([1, 1, 1.4], vertical_alignment="bottom")
    pick: dict[str, Any] = {"format_func": lambda each: titles.get(each, each)}
    one = first.selectbox("First", list(rates), 0, key="errors_compare_first", **pick)
    other = second.selectbox("Second", list(rates), 1, key="errors_compare_second", **pick)
    answer.markdown(compared(rates[one], rates[other]))


def compared(one: Rate, other: Rate) -> str:
    """A sentence on two rates."""
    found = compare(one, other)
    if found is None:
        return "Not enough data: each needs at least 20 generations."
    low, high = found.interval.low * 100, found.interval.high * 100
    said = verdict(found)
    return (
        f"**{said}.** {share(one)} against {share(other)}: {found.value * 100:+.1f} points "
        f"(95 % interval {low:+.1f} to {high:+.1f})"
    )


def _cells(row: ValueRate) -> dict[str, Any]:
    return {
        "value": row.title,
        "cases": row.rate.cases,
        "failed": row.rate.hits,
        "rate": row.rate.value * 100 if row.rate.enough else None,
        "interval": interval(row.rate),
        "verdict": verdict(row.against_rest),
    }


def _columns(title: str) -> dict[str, Any]:
    column = st.column_config
    return {
        "value": column.TextColumn(title, width=380),
        "cases": column.NumberColumn("Generations", format="localized", width=96),
        "failed": column.NumberColumn("Failed", format="localized", width=80),
        "rate": column.ProgressColumn(
            "Failure rate", format="%.1f %%", min_value=0, max_value=100, width=170
        ),
        "interval": column.TextColumn("95 % interval", width=140),
        "verdict": column.TextColumn("Against all others", width=200),
    }
