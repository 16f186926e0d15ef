"""Where the Generate page goes on after a reload: the address carries the generation and the form's key."""

import re

import streamlit as st

from core.desks.generations.progress import Progress, generation_of_form, progress
from core.foundation.database import LARGEST_ID
from core.foundation.errors import NotFound
from pages.generate.customer_bar import CUSTOMER
from pages.generate.order_card import FORM
from pages.generate.result_panel import CURRENT, PARAMETER, show_generation
from pages.generate.selfie_picker import EARLIER, EARLIER_ID, SOURCE
from pages.shared.forms import adopt_form, form_key, is_new_form
from pages.shared.start import Desk, plain

FORM_KEY = "form"


def resume(desk: Desk) -> Progress | None:
    """The generation to show, after reading the address and before any widget; None where there is none yet.

    A form's key in the address tells whether the form was sent before the page was reloaded: then its
    generation is shown, and a click on the fresh page is not the same wish again.
    """
    if is_new_form(FORM):
        _adopt_key(desk)
    if (asked := _number(st.query_params.get(PARAMETER))) is not None:
        st.session_state[CURRENT] = asked
    st.query_params[FORM_KEY] = form_key(FORM)
    shown = _load(desk)
    if shown is not None and CUSTOMER not in st.session_state:
        st.session_state[CUSTOMER] = shown.customer_id
        st.session_state[SOURCE], st.session_state[EARLIER_ID] = EARLIER, shown.selfie_id
    return shown


def _adopt_key(desk: Desk) -> None:
    key = st.query_params.get(FORM_KEY, "")
    if not re.fullmatch(r"[0-9a-f]{32}", key):
        return
    with desk.services.database.transaction() as session:
        sent = generation_of_form(session, key)
    if sent is None:
        adopt_form(FORM, key)
    else:
        show_generation(sent)


def _load(desk: Desk) -> Progress | None:
    generation_id: int | None = st.session_state.get(CURRENT)
    if generation_id is None:
        return None
    services = desk.services
    try:
        with services.database.transaction() as session:
            shown = progress(session, generation_id, heartbeat_seconds=services.settings.heartbeat_seconds)
    except NotFound as exc:
        del st.session_state[CURRENT]
        st.query_params.pop(PARAMETER, None)
        st.warning(plain(str(exc)))
        return None
    st.query_params[PARAMETER] = str(generation_id)
    return shown


def _number(text: str | None) -> int | None:
    if text is None or not re.fullmatch(r"\d{1,19}", text):
        return None
    return min(int(text), LARGEST_ID)
