"""Line-ups: an avatar and six selfies; who is it?"""

import streamlit as st

from core.access.staff import actor_by_id
from core.foundation.errors import OperatorError
from core.votes.lineups import answer, next_lineup
from pages.shared.start import Desk, operator_errors, plain
from pages.votes.address import experiment_picker, figure, row_of

TROUBLE = "votes_lineup_trouble"


def lineup_view(desk: Desk) -> None:
    """The next line-up of the chosen experiment."""
    experiment_id = experiment_picker(desk)
    if experiment_id is not None:
        _ask(desk, experiment_id)


@st.fragment
def _ask(desk: Desk, experiment_id: int) -> None:
    if trouble := st.session_state.pop(TROUBLE, None):
        st.error(plain(trouble))
    with operator_errors():
        with desk.services.database.transaction() as session:
            actor = actor_by_id(session, desk.actor.id)
            shown = next_lineup(session, actor=actor, experiment_id=experiment_id)
        if shown is None:
            st.success("You have seen every avatar of this experiment. The verdict shows what came of it.")
            return
        st.markdown("**Who is it?** Guess where you are not sure: chance finds one of six.")
        st.html(row_of([figure(shown.avatar, "Avatar", "asked")]))
        st.html(
            row_of(
                [figure(token, f"Selfie {n}", "face") for n, (_, token) in enumerate(shown.selfies, start=1)]
            )
        )
        for n, (place, (selfie_id, _)) in enumerate(zip(st.columns(6), shown.selfies, strict=True), start=1):
            place.button(
                "This one",
                key=f"votes_face_{n}",
                shortcut=str(n),
                width="stretch",
                on_click=_say,
                args=(desk, shown.id, selfie_id),
            )


def _say(desk: Desk, lineup_id: int, selfie_id: int) -> None:
    try:
        with desk.services.database.transaction() as session:
            answer(
                session,
                actor=actor_by_id(session, desk.actor.id),
                lineup_id=lineup_id,
                selfie_id=selfie_id,
            )
    except OperatorError as exc:
        st.session_state[TROUBLE] = str(exc)
