"""The operators' own classification rules: the list, in the order in which they are asked."""

from datetime import tzinfo

import streamlit as st

from core.access.permissions import Permission
from core.classification.overrides.records import DAYS, Version, caught, list_overrides
from core.classification.overrides.wording import bounds
from core.classification.taxonomy import facts
from core.foundation.wording import count, moment
from pages.shared.forms import renew_form
from pages.shared.start import Desk, plain, refusal

OVERRIDE = "override"
NEW = "new"
FORM = "override"
PREFILL = "override_prefill"
# The rule and version that the form was opened with, and the version that its values are from.
SEEN = "override_seen"
FILLED = "override_filled"


def override_list(desk: Desk, zone: tzinfo) -> None:
    """Every rule of the operators."""
    with desk.services.database.transaction() as session:
        rules = list_overrides(session)
        events = caught(session)
    words, button = st.columns([5, 1], vertical_alignment="center")
    words.caption(
        "These rules are asked in their order before the built-in ones; the first that matches decides. New "
        "failures follow a change within 5 seconds. Old failures stay in their groups."
    )
    no = refusal(desk.actor, Permission.CONFIGURE_CLASSES)
    button.button(
        "New rule",
        key="override_new",
        icon=":material/add:",
        type="primary",
        width="stretch",
        disabled=bool(no),
        help=no,
        on_click=open_override,
        args=(NEW,),
    )
    if not rules:
        st.info("There are no rules of your own yet. The built-in rules decide.", icon=":material/rule:")
    for each in rules:
        _row(each, events.get(each.override_id, 0), zone)


def _row(rule: Version, events: int, zone: tzinfo) -> None:
    spec = rule.spec
    with st.container(border=True):
        order, words, story, button = st.columns([0.5, 3.4, 2.2, 0.7], vertical_alignment="center")
        order.markdown(f":gray[{spec.position}]" if spec.enabled else ":gray-badge[Off]")
        pattern = f"`{spec.conditions.pattern.replace('`', ' ')}`" if spec.conditions.pattern else "Any words"
        only = bounds(spec.conditions)
        words.markdown(
            f"{pattern} :material/arrow_forward: **{facts(spec.failure_class).title}**"
            + (f"  \n:small[:gray[Only {plain(only)}]]" if only else "")
        )
        story.markdown(
            f":small[{count(events, 'failure')} in {DAYS} days]  \n:small[:gray[Version {rule.version} by "
            f"{plain(rule.made_by)}, {moment(rule.made_at, zone)}: {plain(rule.reason)}]]"
        )
        number = str(rule.override_id)
        button.button(
            "Open", key=f"override_open_{number}", width="stretch", on_click=open_override, args=(number,)
        )


def open_override(which: str, pattern: str = "") -> None:
    """Show one rule, or the form of a new one with this pattern in it."""
    forget_form()
    st.session_state[PREFILL] = pattern
    st.query_params[OVERRIDE] = which
    st.query_params["view"] = "rules"


def close_override() -> None:
    forget_form()
    st.query_params.pop(OVERRIDE, None)


def forget_form() -> None:
    """The next form is filled in anew, from the newest version."""
    renew_form(FORM)
    for name in (PREFILL, SEEN, FILLED):
        st.session_state.pop(name, None)
