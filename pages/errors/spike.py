"""Which time "What is different?" looks at, and what it is held against; both in the address."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import streamlit as st

from core.foundation.wording import count, moment
from core.monitoring.differences import Window
from core.monitoring.rollups import BinCounts, floor_quarter
from pages.errors.filters import Question
from pages.shared.clock import zone

SPIKE = "errors_spike"
AGAINST = "errors_against"
VIEW = "errors_view"
WHOLE = "range"
# So many bars, those with most failures, can be chosen by name; any other interval in the chart.
MOST_BARS = 24
BASELINES = {"rest": "The rest of the range", "before": "The time before"}


def ask_what_differs(start: datetime, end: datetime) -> None:
    """Open the view on an interval of the chart; to be called back before the page runs again."""
    st.session_state[SPIKE] = _name((start, end))
    st.session_state[VIEW] = "different"


def spike_bar(counts: Sequence[BinCounts], asked: Question) -> tuple[Window, Window]:
    """Two widgets; the time that is looked at, and the baseline."""
    options = _options(counts, asked)
    for key, known, default in ((SPIKE, options, next(iter(options))), (AGAINST, BASELINES, "rest")):
        if key not in st.session_state:
            st.session_state[key] = st.query_params.get(key.removeprefix("errors_"))
        if st.session_state[key] not in known:
            st.session_state[key] = default
    left, right = st.columns([1.3, 1], vertical_alignment="bottom")
    left.selectbox("Look at", list(options), key=SPIKE, format_func=options.__getitem__)
    chosen = _window(st.session_state[SPIKE]) or (asked.since, asked.until)
    whole = chosen == (asked.since, asked.until)
    if whole:
        st.session_state[AGAINST] = "before"
    right.segmented_control(
        "Against", BASELINES, key=AGAINST, format_func=BASELINES.__getitem__, required=True, disabled=whole
    )
    for key in (SPIKE, AGAINST):
        if st.query_params.get(key.removeprefix("errors_")) != st.session_state[key]:
            st.query_params[key.removeprefix("errors_")] = st.session_state[key]
    if st.session_state[AGAINST] == "rest":
        return chosen, (asked.since, asked.until)
    return chosen, (chosen[0] - (chosen[1] - chosen[0]), chosen[0])


def _options(counts: Sequence[BinCounts], asked: Question) -> dict[str, str]:
    """The bars with most failures, the worst first, the whole range, and the interval asked for."""
    failed = {
        (each.bin.start, each.bin.end): sum(
            n for name, n in each.classes.items() if not asked.classes or name in asked.classes
        )
        for each in counts
    }
    worst = sorted((window for window in failed if failed[window]), key=lambda window: -failed[window])
    found = {_name(window): f"{_span(window)}, {failed[window]:,} failed" for window in worst[:MOST_BARS]}
    found[WHOLE] = f"The whole range, {count(sum(failed.values()), 'failure')}"
    for wanted in (st.session_state.get(SPIKE), st.query_params.get("spike")):
        window = _window(wanted or "")
        if window and asked.since <= window[0] and window[1] <= asked.until:
            found.setdefault(_name(window), _span(window))
    return found


def _span(window: Window) -> str:
    return f"{moment(window[0], zone())[:-3]} to {moment(window[1], zone(), today=window[0])[:-3]}"


def _name(window: Window) -> str:
    return "/".join(each.astimezone(UTC).isoformat() for each in window)


def _window(name: str) -> Window | None:
    """The interval of this name; None for what is none, or not of whole quarters of an hour."""
    try:
        start, end = (datetime.fromisoformat(each) for each in name.split("/"))
        whole = all(floor_quarter(each) == each for each in (start, end))
    except (ValueError, TypeError, OverflowError):
        return None
    return (start, end) if whole and timedelta() < end - start else None
