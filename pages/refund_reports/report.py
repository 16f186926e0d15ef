"""The parts of the refund report."""

import csv
import io
from collections.abc import Sequence

import streamlit as st

from core.desks.refunds.reports import Line, Report, lines_csv
from core.foundation.statistics.rates import Rate
from core.foundation.wording import UNKNOWN, count, dollars, duration
from pages.refund_reports.figure import by_day, by_line
from pages.shared.charts import CONFIG, interval, share
from pages.shared.start import plain


def figures(found: Report) -> None:
    """The figures of the range."""
    speed = found.speed
    places = st.columns(6)
    places[0].metric("Came back", count(sum(each.credits for each in found.classes), "credit"), border=True)
    places[1].metric("Decided automatically", share(found.automatic), border=True)
    places[2].metric("Median to decide", duration(speed.median), border=True)
    places[3].metric("95 % decided within", duration(speed.p95), border=True)
    places[4].metric(
        "Oldest open case",
        duration(speed.oldest) if speed.oldest else UNKNOWN,
        help=f"{count(speed.open, 'case')} open",
        border=True,
    )
    places[5].metric(
        "Failures cost us",
        plain(dollars(found.money.paid_usd)),
        help=f"Paid to the provider for {count(found.money.paid_failures, 'generation')} without an avatar",
        border=True,
    )


def charts(found: Report) -> None:
    """By day, class and reason, and the same as a file."""
    if not found.classes:
        st.info("No case was closed in this time.", icon=":material/hourglass_empty:")
        return
    with st.container(border=True, gap="small"):
        words, save = st.columns([4, 1], vertical_alignment="center")
        words.markdown("**Cases closed, by day**")
        save.download_button(
            "Export CSV",
            _csv(lines_csv(found)),
            "refunds.csv",
            "text/csv",
            key="refund_reports_csv",
            width="stretch",
            on_click="ignore",
        )
        st.plotly_chart(
            by_day(found.days, found.first, found.last), key="refund_reports_days_chart", config=CONFIG
        )
    left, right = st.columns(2)
    for place, title, lines, key in (
        (left, "By error class", found.classes, "class"),
        (right, "By reason", found.reasons, "reason"),
    ):
        with place.container(border=True, gap="small"):
            st.markdown(f"**{title}**")
            st.plotly_chart(by_line(lines), key=f"refund_reports_{key}", config=CONFIG)
            _table(lines, title)


def reviewers(found: Report) -> None:
    """Who decided what, how fast, and how often a second look agreed."""
    st.markdown("**Reviewers**")
    if not found.reviewers:
        st.caption("Nobody decided a case in this time.")
        return
    st.dataframe(
        [
            {
                "name": each.name,
                "decided": each.decided,
                "approved": each.approved,
                "denied": each.denied,
                "credits": each.credits,
                "median": duration(each.median),
                "agreement": _agreement(each.agreement),
            }
            for each in found.reviewers
        ],
        hide_index=True,
        column_config={
            "name": "Reviewer",
            "decided": st.column_config.NumberColumn("Decided", format="localized"),
            "approved": st.column_config.NumberColumn("Approved", format="localized"),
            "denied": st.column_config.NumberColumn("Denied", format="localized"),
            "credits": st.column_config.NumberColumn("Credits paid", format="localized"),
            "median": "Median to decide",
            "agreement": st.column_config.TextColumn(
                "Second look agrees", help="2 % of the decisions are shown to another reviewer, blind"
            ),
        },
        alt="What each reviewer decided",
    )
    st.caption(
        f"Second looks agree in {_agreement(found.agreement)}"
        + (f", 95 % interval {interval(found.agreement)}." if found.agreement.enough else ".")
    )


def near_limit(found: Report) -> None:
    """Payments by one person to one customer that stay just below what needs two people."""
    if not found.near_limit:
        return
    st.markdown("**Just below what needs a second person**")
    st.dataframe(
        [
            {
                "day": each.day,
                "reviewer": each.reviewer,
                "customer": f"{each.customer} ({each.customer_id})",
                "payments": each.payments,
                "credits": f"{each.credits:,} of {each.limit:,}",
            }
            for each in found.near_limit
        ],
        hide_index=True,
        column_config={
            "day": st.column_config.DateColumn("Day", format="D MMM"),
            "reviewer": "Reviewer",
            "customer": "Customer",
            "payments": "Payments",
            "credits": "Credits",
        },
        alt="Payments just below the limit for one person",
    )


def _agreement(rate: Rate) -> str:
    return f"{rate.hits:,} of {rate.cases:,}" if rate.cases else UNKNOWN


def _table(lines: Sequence[Line], title: str) -> None:
    st.dataframe(
        [
            {
                "title": each.title,
                "cases": each.cases,
                "paid": each.automatic + each.approved,
                "denied": each.denied,
                "credits": each.credits,
            }
            for each in lines
        ],
        hide_index=True,
        column_config={
            "title": title.removeprefix("By ").capitalize(),
            "cases": st.column_config.NumberColumn("Cases", format="localized"),
            "paid": st.column_config.NumberColumn("Paid", format="localized"),
            "denied": st.column_config.NumberColumn("Denied", format="localized"),
            "credits": st.column_config.NumberColumn("Credits", format="localized"),
        },
        alt=title,
    )


def _csv(rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
