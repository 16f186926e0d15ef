"""The limits of the gate and of the watch: one small form, a reason, and what was changed before."""

from datetime import tzinfo
from typing import Any

import streamlit as st

from core.access.permissions import Permission
from core.foundation.wording import moment
from core.promotion.limits import BOUNDS, LONGEST_REASON, WHOLE, in_force
from core.promotion.views import LimitsChange, limits_history
from core.prompts.views import OURS
from pages.shared.promote_steps import ask_limits
from pages.shared.start import Desk, plain, refusal

A_ROW = 4


def limits_form(desk: Desk, zone: tzinfo) -> None:
    """What is in force, in fields; who may move production may change them."""
    with desk.services.database.transaction() as session:
        number, limits = in_force(session)
        past = limits_history(session)
    no = refusal(desk.actor, Permission.MOVE_PRODUCTION)
    key = f"promotion_limits_{number}"
    with st.expander(f"Limits of the gate and of the watch, version {number}", icon=":material/tune:"):
        names = list(BOUNDS)
        for start in range(0, len(names), A_ROW):
            for place, name in zip(st.columns(A_ROW), names[start : start + A_ROW], strict=True):
                bound, value = BOUNDS[name], getattr(limits, name)
                common: dict[str, Any] = {
                    "key": f"{key}_{name}",
                    "help": bound.hint,
                    "disabled": bool(no),
                }
                if name in WHOLE:
                    place.number_input(
                        bound.title, int(bound.least), int(bound.most), int(value), 1, **common
                    )
                else:
                    place.number_input(
                        bound.title,
                        float(bound.least),
                        float(bound.most),
                        float(value),
                        1.0,
                        format="%g",
                        **common,
                    )
        why, send = st.columns([3, 1], vertical_alignment="bottom")
        why.text_input(
            "Why change them",
            key=f"{key}_why",
            max_chars=LONGEST_REASON,
            placeholder="Needed",
            disabled=bool(no),
        )
        send.button(
            "Save limits",
            key=f"{key}_save",
            width="stretch",
            disabled=bool(no),
            help=no,
            on_click=ask_limits,
            args=(key, number),
        )
        for each in past:
            st.markdown(_line(each, zone))


def _line(each: LimitsChange, zone: tzinfo) -> str:
    changed = "; ".join(
        f"{BOUNDS[name].title}: {before:g} → {after:g}" for name, before, after in each.changes
    )
    told = f": {changed}" if changed else ""
    return (
        f":small[:gray[Version {each.version}, {moment(each.at, zone)}, {plain(each.who or OURS)}:] "
        f"{plain(each.reason + told)}]"
    )
