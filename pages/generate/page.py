"""Generate: from a customer's selfie to their avatar, on one screen."""

import streamlit as st

from pages.generate.customer_bar import customer_bar
from pages.generate.order_card import order_card
from pages.generate.prompt_editor import prompt_editor
from pages.generate.result_panel import result_panel
from pages.generate.resume import resume
from pages.generate.selfie_picker import selfie_picker
from pages.shared.start import operator_errors, start_page

desk = start_page("Generate")
with operator_errors():
    shown = resume(desk)
    customer_id = customer_bar(desk)
    form, outcome = st.columns(2, gap="medium")
    with form:
        selfie = selfie_picker(desk, customer_id)
        draft = prompt_editor(desk)
    with outcome:
        order_card(desk, customer_id, selfie, draft, shown)
        result_panel(desk, shown)
