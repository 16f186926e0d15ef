"""Editing the policy as a draft: the rules in their order, the limits, and saving it as a new version."""

import dataclasses
from typing import Any

import streamlit as st

from core.access.permissions import Permission
from core.classification.taxonomy import FailureClass, Fault
from core.foundation.errors import OperatorError
from core.refunds.policy import CAPS, Cap, Outcome, Policy, Rule, check
from core.refunds.policy_views import OUTCOME_WORDS
from core.refunds.versions import save_draft
from core.tables.refund_states import CaseKind
from pages.policy.versions import VERSION
from pages.shared.changing import changing
from pages.shared.start import Desk, plain, refusal

PLACES_APART = 10
COLUMNS = {
    "place": st.column_config.NumberColumn("Place", min_value=0, width=60, help="The lowest is asked first"),
    "name": st.column_config.TextColumn("Rule", required=True, width=185),
    "outcome": st.column_config.SelectboxColumn(
        "Then",
        options=list(OUTCOME_WORDS),
        format_func=lambda each: OUTCOME_WORDS[str(each)],
        required=True,
        width=120,
    ),
    "kinds": st.column_config.MultiselectColumn("Kind", options=list(CaseKind), width=95),
    "classes": st.column_config.MultiselectColumn("Error class", options=list(FailureClass), width=130),
    "faults": st.column_config.MultiselectColumn("Fault of", options=list(Fault), width=130),
    "amount_over": st.column_config.NumberColumn("Credits over", min_value=0, step=1, width=105),
    "refunds_over": st.column_config.NumberColumn(
        "Refunds over", min_value=0, step=1, width=110, help="Of this customer in the last 30 days"
    ),
    "share_over": st.column_config.NumberColumn(
        "Share over",
        min_value=0.0,
        max_value=1.0,
        format="percent",
        width=100,
        help="What came back of what the customer was charged in the last 30 days",
    ),
    "second_person": st.column_config.CheckboxColumn(
        "Second", default=False, width=85, help="A second person must agree"
    ),
    "due_hours": st.column_config.NumberColumn(
        "Due, h", min_value=0.1, width=75, help="Hours until the decision is due"
    ),
}


def editor(desk: Desk, shown: Policy, number: int) -> Policy | None:
    """The draft as the widgets say it now; None, with the reason on the page, while it is no policy."""
    no = refusal(desk.actor, Permission.EDIT_POLICY)
    st.caption(
        "The first rule that fits a case decides; what fits none goes to a person. "
        "Every case meets an empty cell."
    )
    rows = st.data_editor(
        [_cells(rule, place) for place, rule in enumerate(shown.rules, start=1)],
        key=f"policy_rules_{number}",
        num_rows="fixed" if no else "dynamic",
        disabled=bool(no),
        hide_index=True,
        column_config=COLUMNS,
    )
    limits = _limits(shown, number, disabled=bool(no))
    try:
        draft = dataclasses.replace(
            shown, rules=tuple(_rule(row) for row in sorted(rows, key=_place)), **limits
        )
        check(draft)
    except OperatorError as exc:
        st.error(plain(str(exc)))
        return None
    if no:
        st.caption(plain(no))
    elif draft != shown:
        _save(desk, draft, number)
    return draft


def _limits(shown: Policy, number: int, *, disabled: bool) -> dict[str, Any]:
    """The limits and times, filled with those of the version on the screen."""
    found: dict[str, Any] = {}
    common: dict[str, Any] = {"disabled": disabled}
    with st.expander("Limits and times", key=f"policy_limits_{number}"):
        for place, (name, title) in zip(st.columns(4), CAPS.items(), strict=True):
            cap: Cap = getattr(shown, name)
            place.markdown(f"**{title[0].upper()}{title[1:]}**")
            refunds = place.number_input(
                "Automatic refunds", 0, None, cap.refunds, 1, key=f"policy_{name}_refunds_{number}", **common
            )
            credit = place.number_input(
                "Credits by them", 0, None, cap.credits, 1, key=f"policy_{name}_credits_{number}", **common
            )
            found[name] = Cap(int(refunds), int(credit))
        whole = {
            "second_over": ("Second person above, credits", "To one customer, by one reviewer, within a day"),
            "small_limit": ("Silence pays up to, credits", "When nobody has decided by the due time"),
            "breaker_floor": ("Breaker never below, refunds", "So few automatic refunds an hour always pass"),
        }
        hours = {
            "due_hours": ("Due after, hours", None),
            "hard_limit_hours": ("Overdue after, hours", None),
            "breaker_factor": ("Breaker at times the usual hour", "Then automatic refunds wait for a person"),
        }
        places = iter([*st.columns(3), *st.columns(3)])
        for name, (label, told) in whole.items():
            found[name] = int(
                next(places).number_input(
                    label,
                    0,
                    None,
                    getattr(shown, name),
                    1,
                    key=f"policy_{name}_{number}",
                    help=told,
                    **common,
                )
            )
        for name, (label, hint) in hours.items():
            found[name] = float(
                next(places).number_input(
                    label,
                    0.1,
                    None,
                    float(getattr(shown, name)),
                    1.0,
                    key=f"policy_{name}_{number}",
                    help=hint,
                    format="%g",
                    **common,
                )
            )
    return found


def _save(desk: Desk, draft: Policy, number: int) -> None:
    note, send = st.columns([3, 1], vertical_alignment="bottom")
    words = note.text_input("What this version changes", key=f"policy_note_{number}", placeholder="Needed")
    if send.button("Save as a draft", key=f"policy_save_{number}", width="stretch"):
        with changing(desk, "The draft is saved; it decides nothing until it is put in force") as (
            session,
            actor,
        ):
            saved = save_draft(session, actor=actor, policy=draft, note=words)
            st.query_params[VERSION] = str(saved)


def _place(row: dict[str, Any]) -> float:
    place = row.get("place")
    return float("inf") if place is None else float(place)


def _cells(rule: Rule, place: int) -> dict[str, Any]:
    cells = {"place": place * PLACES_APART, **dataclasses.asdict(rule)}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in cells.items()} | {
        "outcome": str(rule.outcome)
    }


def _rule(row: dict[str, Any]) -> Rule:
    def number(name: str) -> int | None:
        return None if row.get(name) is None else int(row[name])

    return Rule(
        name=str(row.get("name") or "").strip(),
        outcome=Outcome(row.get("outcome") or Outcome.REVIEW),
        kinds=tuple(row.get("kinds") or ()),
        classes=tuple(row.get("classes") or ()),
        faults=tuple(row.get("faults") or ()),
        amount_over=number("amount_over"),
        refunds_over=number("refunds_over"),
        share_over=row.get("share_over"),
        second_person=bool(row.get("second_person")),
        due_hours=row.get("due_hours"),
    )
