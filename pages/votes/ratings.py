"""Ratings: one image beside its selfie, its faults, and whether the rater would ship it."""

import streamlit as st

from core.access.staff import actor_by_id
from core.foundation.errors import OperatorError
from core.votes.ratings import TAGS, next_unrated, rate
from pages.shared.start import Desk, operator_errors, plain
from pages.votes.address import experiment_picker, figure, row_of

TROUBLE = "votes_rating_trouble"


def ratings_view(desk: Desk) -> None:
    """The next image that this rater has not rated, without its version's name."""
    experiment_id = experiment_picker(desk)
    if experiment_id is not None:
        _rate(desk, experiment_id)


@st.fragment
def _rate(desk: Desk, experiment_id: int) -> None:
    if trouble := st.session_state.pop(TROUBLE, None):
        st.error(plain(trouble))
    with operator_errors():
        with desk.services.database.transaction() as session:
            actor = actor_by_id(session, desk.actor.id)
            shown = next_unrated(session, actor=actor, experiment_id=experiment_id)
        if shown is None:
            st.success("You have rated every image of this experiment. The verdict shows what came of it.")
            return
        st.html(row_of([figure(shown.selfie, "Selfie", "small"), figure(shown.avatar, "Avatar")]))
        key = f"votes_tags_{shown.generation_id}"
        st.pills("Faults", TAGS, selection_mode="multi", key=key)
        with st.container(horizontal=True, vertical_alignment="center"):
            for label, shippable, icon, shortcut in (
                ("Would ship", True, ":material/check:", "Y"),
                ("Would not ship", False, ":material/close:", "N"),
            ):
                st.button(
                    label,
                    key=f"votes_ship_{shippable}",
                    icon=icon,
                    shortcut=shortcut,
                    type="primary" if shippable else "secondary",
                    on_click=_keep,
                    args=(desk, shown.generation_id, key, shippable),
                )
            st.progress(shown.done / shown.total, text=f"{shown.done + 1} of {shown.total}")


def _keep(desk: Desk, generation_id: int, key: str, shippable: bool) -> None:
    try:
        with desk.services.database.transaction() as session:
            rate(
                session,
                actor=actor_by_id(session, desk.actor.id),
                generation_id=generation_id,
                shippable=shippable,
                tags=st.session_state.get(key) or (),
            )
    except OperatorError as exc:
        st.session_state[TROUBLE] = str(exc)
