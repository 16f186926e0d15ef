"""The chart of failures over time, its figures, and the way from a bar to its generations."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import streamlit as st

from core.foundation.wording import count, dollars, moment
from core.monitoring.export import counts_csv
from core.monitoring.rollups import BinCounts, Money, overall_rate
from core.monitoring.stacks import Stack, stacks
from core.tables.generation import State
from pages.errors.figure import failures_over_time
from pages.errors.filters import Question
from pages.errors.links import Query, list_query
from pages.errors.spike import ask_what_differs
from pages.shared.charts import CONFIG, interval, share
from pages.shared.clock import zone
from pages.shared.links import go_to_page, page_link
from pages.shared.start import plain

CHART = "errors_chart"
LIST = "generations/page.py"


def numbers(counts: Sequence[BinCounts], asked: Question, spent: Money, unhandled: int) -> None:
    """The figures of the range."""
    rate = overall_rate(counts, asked.classes)
    places = st.columns([0.8, 0.9, 1.2, 1.2, 1.1, 1])
    with st.container():
        places[0].metric("Failed", f"{rate.hits:,}", border=True)
        places[1].metric("Failure rate", share(rate), border=True)
        places[2].metric("95 % interval", interval(rate), border=True)
        paid = f"{dollars(spent.paid_usd)} for {spent.paid_failures:,}"
        places[3].metric("Paid-for failures", plain(paid), border=True)
        places[4].metric("Refunded", count(spent.refunded_credits, "credit"), border=True)
        places[5].metric("Groups to look at", f"{unhandled:,}", border=True)


def chart(counts: Sequence[BinCounts], asked: Question, counted: datetime) -> None:
    """Bars and line; a click on one leads to its generations, a drawn box asks for the interval."""
    shown = stacks(counts, asked.classes)
    with st.container(border=True, gap="small"):
        _caption(counts, counted)
        if not any(each.tried or each.canceled for each in counts):
            _nothing()
            return
        chosen = st.plotly_chart(
            failures_over_time(counts, shown, asked.grain),
            key=CHART,
            on_select="rerun",
            selection_mode=("points", "box"),
            config=CONFIG,
            alt="Failed generations by reason over time, and the share that succeeded",
        )
        _answer(chosen, counts, shown, asked)


def _caption(counts: Sequence[BinCounts], counted: datetime) -> None:
    words, download = st.columns([5, 1], vertical_alignment="center")
    words.markdown(
        f"**Failed generations by reason** :gray[:small[Click a bar for its generations, drag to zoom; the "
        f"toolbar's box picks an interval. Counted until {moment(counted, zone(), today=counted)}.]]"
    )
    download.download_button(
        "CSV",
        counts_csv(counts),
        "failures.csv",
        "text/csv",
        key="errors_csv",
        icon=":material/download:",
        width="stretch",
        on_click="ignore",
    )


def _nothing() -> None:
    with st.container(height=200, border=False, horizontal_alignment="center", vertical_alignment="center"):
        st.markdown("**Nothing ended in this time.** Choose a longer range.", width="content")


def _answer(chosen: Any, counts: Sequence[BinCounts], shown: Sequence[Stack], asked: Question) -> None:
    points = [each for each in chosen["selection"]["points"] if each["point_index"] < len(counts)]
    if not points:
        return
    if len(points) == 1 and not chosen["selection"]["box"]:
        if query := query_of_point(points[0], counts, shown, asked):
            go_to_page(LIST, "Open these generations", query)
        return
    places = [each["point_index"] for each in points]
    _interval(counts[min(places) : max(places) + 1], asked)


def query_of_point(
    point: Any, counts: Sequence[BinCounts], shown: Sequence[Stack], asked: Question
) -> Query | None:
    """What the list must be asked for after a click; by trace and place, which hover texts cannot change."""
    each, trace = counts[point["point_index"]], point["curve_number"]
    if trace == 0:
        return list_query(State.SUCCEEDED, each.bin.start, each.bin.end, only=asked.only)
    if trace > len(shown):
        return None
    classes = shown[trace - 1].classes
    return list_query(State.FAILED, each.bin.start, each.bin.end, classes=classes, only=asked.only)


def _interval(chosen: Sequence[BinCounts], asked: Question) -> None:
    rate = overall_rate(chosen, asked.classes)
    start, end = chosen[0].bin.start, chosen[-1].bin.end
    query = list_query(State.FAILED, start, end, classes=asked.classes, only=asked.only)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**{moment(start, zone())} to {moment(end, zone())}:** {rate.hits:,} of {rate.cases:,} failed, "
            f"{share(rate)} ({interval(rate)})",
            width="content",
        )
        page_link(LIST, f"Open {count(rate.hits, 'failed generation')}", icon=":material/list:", **query)
        if st.button(
            "What is different?",
            key="errors_what",
            icon=":material/compare_arrows:",
            on_click=ask_what_differs,
            args=(start, end),
        ):
            st.rerun()
