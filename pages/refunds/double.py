"""Blind second opinions: the evidence without what the first reviewer decided."""

from datetime import tzinfo

import streamlit as st

from core.access.permissions import Permission
from core.access.staff import actor_by_id
from core.desks.refunds.decided import second_looks
from core.desks.refunds.evidence import case_evidence
from core.foundation.errors import OperatorError
from core.refunds.doubles import give_opinion
from pages.refunds.evidence import show_evidence
from pages.refunds.place import drawn, tell, too_quick
from pages.shared.start import Desk, flash, operator_errors, plain, refusal


def double_view(desk: Desk, zone: tzinfo) -> None:
    """The oldest decision that waits for a second look, and the two answers."""
    if no := refusal(desk.actor, Permission.DECIDE_REFUNDS):
        st.caption(plain(no))
        return
    with operator_errors():
        with desk.services.database.transaction() as session:
            waiting = second_looks(session, actor=desk.actor)
            case = case_evidence(session, actor=desk.actor, case_id=waiting[0].case_id) if waiting else None
        if case is None:
            st.caption(
                "No decision waits for your second look. Two in a hundred do; it moves no credits and shows "
                "how far reviewers agree."
            )
            return
        drawn(case.id)
        evidence, answer = st.columns([2.2, 1], gap="medium")
        with evidence:
            show_evidence(case, zone, blind=True)
        with answer, st.container(border=True):
            st.markdown(f"**What would you decide?** :gray[{len(waiting)} to look at]")
            st.caption("It was decided already; what was decided is not shown. This moves no credits.")
            for outcome, label, key in (("approved", "Approve", "A"), ("denied", "Deny", "D")):
                st.button(
                    label,
                    key=f"refunds_opinion_{outcome}_{case.id}",
                    shortcut=key,
                    width="stretch",
                    on_click=_say,
                    args=(desk, case.id, outcome),
                )


def _say(desk: Desk, case_id: int, outcome: str) -> None:
    if too_quick(case_id):
        return
    try:
        with desk.services.database.transaction() as session:
            actor = actor_by_id(session, desk.actor.id)
            agree = give_opinion(session, actor=actor, case_id=case_id, outcome=outcome)
    except OperatorError as exc:
        tell(exc)
        return
    flash("You agree with the first reviewer" if agree else "You differ from the first reviewer")
