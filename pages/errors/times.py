"""How long the stages took, all together or by one dimension, and what failures cost."""

import streamlit as st

from core.foundation.wording import UNKNOWN, count, dollars
from core.monitoring.latencies import STAGES, StageTimes, stage_times, stage_times_by
from core.monitoring.rollups import Money, money
from core.rollups.dimensions import DIMENSIONS, LATENCY_DIMENSIONS
from pages.errors.filters import Question
from pages.shared.start import Desk, plain

ALL = "all"
BY = {ALL: "All together"} | {name: DIMENSIONS[name] for name in LATENCY_DIMENSIONS}
TITLE = "**How long the stages took** :gray[:small[seconds, right to 2.5 %]]"


def times_and_money(desk: Desk, asked: Question) -> None:
    """The percentiles of the stages, by whatever is chosen, and the sums of money."""
    chosen = (
        st.segmented_control(
            "By", BY, default=ALL, key="errors_times_by", format_func=BY.__getitem__, required=True
        )
        or ALL
    )
    with desk.services.database.transaction() as session:
        if chosen != ALL:
            by_value = stage_times_by(session, chosen, asked.since, asked.until)
        else:
            spent = money(session, asked.since, asked.until)
            times = stage_times(session, asked.since, asked.until)
    if chosen != ALL:
        _by_value(by_value, BY[chosen])
        return
    took, cost = st.columns([1.5, 1], gap="medium")
    with took:
        st.markdown(TITLE)
        st.table([_line(each, "Stage") for each in times], border="horizontal", hide_index=True)
    with cost:
        _money(spent)


def _by_value(found: dict[str, list[StageTimes]], dimension: str) -> None:
    """One table for each stage, two beside each other."""
    st.markdown(TITLE)
    stages = list(found.items())
    for pair in (stages[:2], stages[2:]):
        for place, (stage, rows) in zip(st.columns(2, gap="medium"), pair, strict=True):
            with place:
                st.markdown(f"**{STAGES[stage]}**")
                if rows:
                    lines = [_line(each, dimension) for each in rows]
                    st.table(lines, border="horizontal", hide_index=True)
                else:
                    st.caption("Nothing ended in this time.")


def _line(each: StageTimes, title: str) -> dict[str, str]:
    if each.enough:
        shown = [f"{seconds:,.3g}" for seconds in each.percentiles]
    else:
        shown = ["Not enough data" if each.count else UNKNOWN, UNKNOWN, UNKNOWN]
    return {
        title: plain(each.title),
        "p50": shown[0],
        "p95": shown[1],
        "p99": shown[2],
        "Generations": f"{each.count:,}",
    }


def _money(spent: Money) -> None:
    st.markdown("**What failures cost** :gray[:small[all generations of this time]]")
    lines = {
        "Failed or canceled, but paid": f"{spent.paid_failures:,}",
        "Paid for them": plain(dollars(spent.paid_usd)),
        "Paid in all": plain(dollars(spent.spent_usd)),
        "Refunds": count(spent.refunds, "refund"),
        "Given back": count(spent.refunded_credits, "credit"),
    }
    st.table(lines, border="horizontal", hide_header=True)
