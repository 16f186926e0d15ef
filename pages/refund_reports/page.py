"""Refunds over time: what came back and why, how fast people decide, and whether they agree."""

from datetime import UTC, datetime, timedelta

import streamlit as st

from core.desks.refunds.reports import report
from pages.refund_reports.report import charts, figures, near_limit, reviewers
from pages.shared.clock import zone
from pages.shared.start import operator_errors, start_page

DAYS = {7: "7 days", 30: "30 days", 90: "90 days"}
RANGE = "days"

desk = start_page("Refund reports")
with operator_errors():
    asked = st.query_params.get(RANGE, "")
    days = (
        st.segmented_control(
            "Range",
            DAYS,
            default=int(asked) if asked in {str(each) for each in DAYS} else 30,
            key="refund_reports_days",
            format_func=DAYS.__getitem__,
            required=True,
            label_visibility="collapsed",
        )
        or 30
    )
    st.query_params[RANGE] = str(days)
    until = datetime.now(UTC)
    with desk.services.database.transaction() as session:
        found = report(session, since=until - timedelta(days=days), until=until, zone=zone())
    figures(found)
    charts(found)
    reviewers(found)
    near_limit(found)
