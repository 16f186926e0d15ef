"""Generate: from a customer's selfie to their avatar, on one screen."""

import streamlit as st

from pages.components.customer_bar import customer_bar
from pages.components.order_card import order_card
from pages.components.prompt_editor import prompt_editor
from pages.components.result_panel import result_panel
from pages.components.resume import resume
from pages.components.selfie_picker import selfie_picker
from pages.components.start import operator_errors, start_page

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
