"""The prompt library: prompts and their versions, labels with their history, and the snippets they share."""

import streamlit as st

from pages.prompts.address import VIEWS, at, chosen_view, remember_view
from pages.prompts.detail import prompt_detail
from pages.prompts.list import prompt_list
from pages.prompts.moves import carry_out
from pages.prompts.promote_guard import promotion_banner, promotion_view
from pages.prompts.snippets import carry_out_snippet, snippet_view
from pages.shared.clock import zone
from pages.shared.promote_steps import carry_out_promotion
from pages.shared.start import operator_errors, start_page

desk = start_page("Prompts")
with operator_errors():
    carry_out(desk)
    carry_out_snippet(desk)
    carry_out_promotion(desk)
with operator_errors():
    promotion_banner(desk, zone())
    opened = at()
    if opened.prompt is not None or opened.version is not None:
        prompt_detail(desk, opened, zone())
    else:
        view = chosen_view()
        st.segmented_control(
            "View",
            VIEWS,
            default=view,
            key="prompts_view",
            format_func=VIEWS.__getitem__,
            required=True,
            label_visibility="collapsed",
            on_change=remember_view,
        )
        if view == "snippets":
            snippet_view(desk, zone())
        elif view == "promotion":
            promotion_view(desk, zone())
        else:
            prompt_list(desk, zone())
