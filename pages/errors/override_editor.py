"""One override rule: its form, what it would have moved, and its versions."""

import dataclasses
from collections.abc import Sequence
from datetime import tzinfo
from typing import Any

import streamlit as st

from core.access.permissions import Permission
from core.catalog.models import MODELS
from core.classification.overrides import wording
from core.classification.overrides.matching import Conditions, Override
from core.classification.overrides.preview import Preview, preview
from core.classification.overrides.records import (
    DAYS,
    LAST_POSITION,
    LONGEST_PATTERN,
    LONGEST_REASON,
    Spec,
    Version,
    add_override,
    asked_before,
    change_override,
    history,
    list_overrides,
)
from core.classification.taxonomy import FailureClass, facts
from core.foundation.errors import InvalidInput, OperatorError
from core.foundation.wording import count, moment
from core.services import Services
from pages.errors.override_rules import FILLED, FORM, NEW, PREFILL, SEEN, close_override, forget_form
from pages.shared.changing import changing
from pages.shared.forms import form_key
from pages.shared.start import Desk, operator_errors, plain, refusal

PLACES = list(wording.PLACES)
NOTHING = Spec(Conditions(), FailureClass.UNKNOWN)


@dataclasses.dataclass(frozen=True)
class _Form:
    """What the form is of. `seen` is the version that it was opened with, None of a new rule."""

    key: str
    start: Spec
    number: int | None = None
    seen: int | None = None
    restored: int | None = None


def show_override(desk: Desk, which: str, zone: tzinfo) -> None:
    """The rule, in the place of the list."""
    st.button("All rules", key="override_back", icon=":material/arrow_back:", on_click=close_override)
    with operator_errors():
        with desk.services.database.transaction() as session:
            rules = list_overrides(session)
            versions = [] if which == NEW else history(session, _number(which))
        form = _new_form() if which == NEW else _form_of(versions)
        _heading(form, versions)
        left, right = st.columns([1.25, 1], gap="medium")
        no = refusal(desk.actor, Permission.CONFIGURE_CLASSES)
        with left:
            spec = _inputs(form, disabled=bool(no))
        with right:
            found = _preview(desk.services, spec, rules, form.number)
        with left:
            if no:
                st.caption(plain(no))
            else:
                _save(desk, form, spec, found)
        if versions:
            _history(versions, form, zone, disabled=bool(no))


def _number(which: str) -> int:
    return int(which) if which.isdecimal() and len(which) < 19 else 0


def _new_form() -> _Form:
    words = str(st.session_state.get(PREFILL) or "")[:LONGEST_PATTERN]
    return _Form(f"override_{form_key(FORM)}", dataclasses.replace(NOTHING, conditions=Conditions(words)))


def _form_of(versions: Sequence[Version]) -> _Form:
    """The form stays with the version that it was opened with: another's change is not overwritten."""
    number = versions[0].override_id
    known = {each.version: each.spec for each in versions}
    opened = st.session_state.get(SEEN)
    if opened is None or opened[0] != number:
        opened = st.session_state[SEEN] = (number, versions[0].version)
        st.session_state.pop(FILLED, None)
    seen = int(opened[1])
    filled = int(st.session_state.get(FILLED, seen))
    key = f"override_{number}_{seen}_{filled}"
    return _Form(key, known[filled], number, seen, filled if filled != seen else None)


def _heading(form: _Form, versions: Sequence[Version]) -> None:
    if not versions:
        st.subheader("New rule", anchor=False)
        return
    off = "" if versions[0].spec.enabled else " :gray-badge[Off]"
    st.markdown(f"**Rule {form.number}**, version {versions[0].version}{off}")
    if versions[0].version != form.seen:
        now = versions[0]
        words, button = st.columns([4, 1], vertical_alignment="center")
        words.warning(
            f"{plain(now.made_by)} has saved version {now.version} meanwhile: {plain(now.reason)}. "
            f"This form is still of version {form.seen} and cannot be saved.",
            icon=":material/sync_problem:",
        )
        button.button(f"Open version {now.version}", key=f"{form.key}_newest", on_click=forget_form)
    elif form.restored:
        st.info(f"Filled in from version {form.restored}. Saving makes it a new version.")


def _inputs(form: _Form, *, disabled: bool) -> Spec | None:
    """The widgets; what they say now, None before a class is chosen."""
    old, key = form.start, form.key
    common: dict[str, Any] = {"disabled": disabled}
    with st.container(border=True, gap="small"):
        pattern = st.text_area(
            "The text contains",
            old.conditions.pattern,
            key=f"{key}_pattern",
            height=80,
            max_chars=LONGEST_PATTERN,
            placeholder="no capacity in * try again",
            help="Words in any case. A * stands for whatever differs; nothing else has a meaning.",
            **common,
        )
        failure_class = st.selectbox(
            "It is",
            list(FailureClass),
            # Nobody makes a rule to have more unknown failures: a new one begins without a class.
            None if form.number is None else list(FailureClass).index(old.failure_class),
            _title,
            key=f"{key}_class",
            placeholder="Choose a class",
            **common,
        )
        if failure_class:
            policy = facts(failure_class)
            again = "is tried again" if policy.retry.retry else "is not tried again"
            st.caption(f"Such a failure {again}. The customer reads: {plain(policy.customer_message)}")
        place, model = st.columns(2)
        where = place.selectbox(
            "Only from",
            PLACES,
            _index(PLACES, old.conditions.place),
            _place,
            key=f"{key}_place",
            placeholder="Anywhere",
            **common,
        )
        which = model.selectbox(
            "Only of",
            list(MODELS),
            _index(list(MODELS), old.conditions.model),
            key=f"{key}_model",
            placeholder="Any model",
            **common,
        )
        status, code, order, on = st.columns([1, 1.3, 0.9, 1.1], vertical_alignment="bottom")
        number = status.number_input(
            "HTTP status",
            100,
            599,
            old.conditions.http_status,
            key=f"{key}_status",
            placeholder="Any",
            **common,
        )
        words = code.text_input(
            "Code", old.conditions.code or "", key=f"{key}_code", placeholder="Any", **common
        )
        position = order.number_input(
            "Order",
            1,
            LAST_POSITION,
            old.position,
            key=f"{key}_position",
            help="The smallest is asked first; among equals the older rule.",
            **common,
        )
        enabled = on.toggle("Switched on", old.enabled, key=f"{key}_enabled", **common)
    conditions = Conditions(pattern, where, number, words.strip() or None, which)
    return Spec(conditions, failure_class, position, enabled) if failure_class else None


def _preview(
    services: Services, spec: Spec | None, rules: Sequence[Version], number: int | None
) -> Preview | None:
    """What it would have moved; None where that cannot be told."""
    with st.container(border=True, gap="small"):
        st.markdown(f"**In the last {DAYS} days**")
        if spec is None:
            st.caption("What the rule would have moved appears here once its class is chosen.")
            return None
        before = asked_before(rules, spec, number)
        try:
            spec.checked()
        except InvalidInput as exc:
            st.caption(plain(str(exc)))
            return None
        try:
            found = _tried(services, repr((spec.conditions, spec.failure_class, before)), spec, before)
        except OperatorError as exc:
            st.warning(plain(str(exc)))
            return None
        st.markdown(plain(wording.moved(found)))
        for warning in wording.warnings(found):
            st.warning(plain(warning), icon=":material/warning:")
        if said := wording.beside(found):
            st.caption(plain(" ".join(said)))
        for sample in found.samples:
            st.code(sample.text or "No words were received.", language=None, wrap_lines=True)
            st.caption(
                f"{count(sample.events, 'event')}, now {facts(sample.failure_class).title}"
                f" by `{sample.rule or 'no rule'}`"
            )
        st.caption("Nothing of the past is moved: old failures stay in their groups.")
    return found


@st.cache_data(ttl=300, max_entries=100, show_spinner="Trying it on the last 30 days ...")
def _tried(_services: Services, wording: str, _spec: Spec, _before: Sequence[Override]) -> Preview:  # noqa: ARG001 - the cache's key
    with _services.database.transaction() as session:
        return preview(session, _spec, before=_before)


def _save(desk: Desk, form: _Form, spec: Spec | None, found: Preview | None) -> None:
    reason, send = st.columns([3, 1], vertical_alignment="bottom")
    why = reason.text_input(
        "Why",
        f"Version {form.restored} restored" if form.restored else "",
        key=f"{form.key}_why",
        max_chars=LONGEST_REASON,
        placeholder="Needed; it stays with the version",
    )
    sure = spec is not None
    if found is not None and spec and spec.enabled and wording.warnings(found):
        sure = st.checkbox("I have read the warnings and want it so", key=f"{form.key}_sure")
    save = send.button("Save", key=f"{form.key}_save", type="primary", width="stretch", disabled=not sure)
    if save and spec:
        with changing(desk, "The rule is in force" if spec.enabled else "The rule is off") as (
            session,
            actor,
        ):
            if form.number is None or form.seen is None:
                add_override(session, actor=actor, spec=spec, reason=why)
                close_override()
            else:
                change_override(
                    session,
                    actor=actor,
                    override_id=form.number,
                    seen_version=form.seen,
                    spec=spec,
                    reason=why,
                )
                forget_form()


def _history(versions: Sequence[Version], form: _Form, zone: tzinfo, *, disabled: bool) -> None:
    st.markdown("**Versions**")
    for each in versions:
        with st.container(border=True):
            who, what, button = st.columns([1.6, 3, 0.8], vertical_alignment="center")
            who.markdown(
                f"**{each.version}** {plain(each.made_by)}  \n:small[:gray[{moment(each.made_at, zone)}: "
                f"{plain(each.reason)}]]"
            )
            what.markdown(_said(each.spec))
            if each.version != versions[0].version:
                button.button(
                    "Restore",
                    key=f"override_restore_{each.override_id}_{each.version}",
                    width="stretch",
                    help="Fill the form in from this version",
                    disabled=disabled or form.seen != versions[0].version,
                    on_click=_fill,
                    args=(each.version,),
                )


def _said(spec: Spec) -> str:
    pattern = f"`{spec.conditions.pattern.replace('`', ' ')}`" if spec.conditions.pattern else "Any words"
    only = wording.bounds(spec.conditions)
    off = "" if spec.enabled else " :gray-badge[Off]"
    more = f"Order {spec.position}" + (f", only {plain(only)}" if only else "")
    return (
        f"{pattern} :material/arrow_forward: {facts(spec.failure_class).title}{off}  \n:small[:gray[{more}]]"
    )


def _fill(version: int) -> None:
    st.session_state[FILLED] = version


def _index(options: Sequence[str], value: str | None) -> int | None:
    return options.index(value) if value in options else None


def _title(failure_class: FailureClass) -> str:
    return facts(failure_class).title


def _place(place: str) -> str:
    return wording.PLACES[place].capitalize()
