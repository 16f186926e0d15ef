"""What is different about a spike: the values that failed more than the others, each with its generations."""

from typing import Any

import streamlit as st

from core.foundation.statistics.rates import Rate
from core.monitoring.differences import Findings, Novelty, Standout, Window, alike, what_differs
from core.monitoring.rollups import EVERYTHING, Slice, counts_over_time
from core.rollups.dimensions import DIMENSIONS
from core.tables.generation import State
from pages.errors.chart import LIST
from pages.errors.filters import Question
from pages.errors.links import list_query
from pages.errors.spike import spike_bar
from pages.shared.charts import interval, share
from pages.shared.links import go_to_page
from pages.shared.start import Desk

TABLE = "errors_differences"
NEW = {Novelty.NEW: "Yes", Novelty.UNSEEN: "Too few before", Novelty.USUAL: "Not certainly"}
METHOD = (
    "{n:,} values compared, each with all others of its dimension in the same time: shown where Newcombe's "
    "95 % interval of the difference lies above zero and Fisher's exact test agrees after Holm's correction. "
    "*Explains*: the share of the failures that would not be there had the value failed as rarely as the "
    "others. *New*: its lead over the others is certainly larger than in the baseline; that comes first, "
    "then what certainly explains most. Two values that always came together both show. Click a row for its "
    "failed generations."
)


def differences(desk: Desk, asked: Question) -> None:
    """The chosen time against its baseline; a click on a line opens its failed generations."""
    with desk.services.database.transaction() as session:
        counts = counts_over_time(session, asked.bars)
        spike, baseline = spike_bar(counts, asked)
        found = what_differs(session, spike, baseline, asked.classes)
    st.markdown(_summary(found))
    if asked.only != EVERYTHING:
        st.caption("All values are compared, so what is chosen under Only does not count here.")
    if not found.standouts:
        st.info(f"Nothing stands out: {alike(found)}.", icon=":material/balance:")
        return
    _table(found, spike, asked)
    st.caption(METHOD.format(n=found.compared))


def _summary(found: Findings) -> str:
    said = f"**{found.spike.hits:,} of {found.spike.cases:,} failed**, {_rate(found.spike)}"
    if not found.baseline.cases:
        return f"{said}. Nothing ended in the time it is held against."
    return f"{said}; otherwise {found.baseline.hits:,} of {found.baseline.cases:,}, {_rate(found.baseline)}."


def _rate(rate: Rate) -> str:
    return f"{share(rate)} ({interval(rate)})" if rate.enough else "too few for a rate"


def _table(found: Findings, spike: Window, asked: Question) -> None:
    event = st.dataframe(
        [_cells(each) for each in found.standouts],
        key=TABLE,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-cell",
        column_config=_columns(),
        alt="What differs, the likeliest cause first",
    )
    cells = event["selection"]["cells"]
    if cells and cells[0][0] < len(found.standouts):
        chosen = found.standouts[cells[0][0]]
        only = Slice(chosen.dimension, chosen.value)
        query = list_query(State.FAILED, *spike, classes=asked.classes, only=only)
        go_to_page(LIST, "Open these generations", query)


def _cells(each: Standout) -> dict[str, Any]:
    low, high = each.difference.interval.low * 100, each.difference.interval.high * 100
    before = f"{each.share_before.value:.0%}" if each.share_before.enough else "few"
    return {
        "dimension": DIMENSIONS[each.dimension],
        "value": each.title,
        "failed": each.rate.hits,
        "rate": f"{each.rate.value:.1%} of {each.rate.cases:,}",
        "others": f"{each.others.value:.1%} of {each.others.cases:,}",
        "difference": f"{each.difference.value * 100:+.0f} points ({low:+.0f} to {high:+.0f})",
        "explained": each.explained * 100,
        "share": f"{each.share.value:.0%}, otherwise {before}",
        "novelty": NEW[each.novelty],
    }


def _columns() -> dict[str, Any]:
    column = st.column_config
    return {
        "dimension": column.TextColumn("Dimension", width=110),
        "value": column.TextColumn("Value", width=230),
        "failed": column.NumberColumn("Failed", format="localized", width=60),
        "rate": column.TextColumn("Failure rate", width=105),
        "others": column.TextColumn("Of the others", width=105),
        "difference": column.TextColumn("Difference, 95 %", width=165),
        "explained": column.ProgressColumn(
            "Explains", format="%.0f %%", min_value=0, max_value=100, width=110
        ),
        "share": column.TextColumn("Share of failures", width=140),
        "novelty": column.TextColumn("New?", width=110),
    }
