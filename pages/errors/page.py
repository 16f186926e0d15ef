"""What is failing, for whom, since when, whose fault, at what cost; and what can be done about it."""

import streamlit as st

from core.monitoring.group_views import count_unhandled
from core.monitoring.rollups import counts_over_time, money
from core.rollups.absorb import counted_until
from pages.errors.chart import chart, numbers
from pages.errors.differences import differences
from pages.errors.filters import Question, question_bar, view_picker
from pages.errors.group_detail import show_group
from pages.errors.groups import GROUP, groups_table
from pages.errors.override_editor import show_override
from pages.errors.override_rules import OVERRIDE, override_list
from pages.errors.rates import rates_table
from pages.errors.times import times_and_money
from pages.errors.try_message import try_message
from pages.shared.clock import zone
from pages.shared.start import Desk, operator_errors, start_page

LIVE = "10s"


def look(desk: Desk, asked: Question) -> None:
    """The figures and the chart; while the range goes on, they do too."""
    with operator_errors():
        with desk.services.database.transaction() as session:
            counts = counts_over_time(session, asked.bars, asked.only)
            spent = money(session, asked.since, asked.until)
            unhandled = count_unhandled(session)
            counted = counted_until(session)
        numbers(counts, asked, spent, unhandled)
        chart(counts, asked, counted)


def below(desk: Desk, asked: Question) -> None:
    """One of the views under the chart."""
    match view_picker():
        case "rates":
            rates_table(desk, asked)
        case "different":
            differences(desk, asked)
        case "times":
            times_and_money(desk, asked)
        case "try":
            try_message(desk)
        case "rules":
            override_list(desk, zone())
        case _:
            groups_table(desk, asked, zone())


desk = start_page("Errors")
with operator_errors():
    if group := st.query_params.get(GROUP):
        show_group(desk, group, zone())
    elif override := st.query_params.get(OVERRIDE):
        show_override(desk, override, zone())
    else:
        asked = question_bar(desk, zone())
        st.fragment(look, run_every=LIVE if asked.live else None)(desk, asked)
        below(desk, asked)
