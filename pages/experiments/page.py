"""Experiments: the list, a new one with its price before the start, and one with its progress and grid."""

import streamlit as st

from pages.experiments.address import NEW, OPEN, opened, opened_import
from pages.experiments.form import experiment_form
from pages.experiments.imported import imported_view
from pages.experiments.list import experiment_list
from pages.experiments.run import experiment_run
from pages.shared.clock import zone
from pages.shared.start import operator_errors, start_page

desk = start_page("Experiments")
with operator_errors():
    if (number := opened()) is not None:
        experiment_run(desk, number, zone())
    elif (number := opened_import()) is not None:
        imported_view(desk, number, zone())
    elif st.query_params.get(OPEN) == NEW:
        experiment_form(desk)
    else:
        experiment_list(desk, zone())
