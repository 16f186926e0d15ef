"""Alert rules: what each looks for, and editing one with a try on the last 30 days."""

import dataclasses
import re
from datetime import UTC, datetime, tzinfo
from typing import Any

import streamlit as st

from core.access.permissions import Permission
from core.alerts.backtest import DAYS, Backtest, backtest
from core.alerts.kinds import KINDS, Severity
from core.alerts.machine import NoData
from core.alerts.rules import RuleSpec, RuleView, rules, save_rule
from core.foundation.errors import OperatorError
from core.foundation.wording import ago, count, duration, moment
from core.services import Services
from pages.alerts.words import SEVERITIES
from pages.shared.changing import changing
from pages.shared.start import Desk, plain, refusal

RULE = "rule"
# The rule as it was when its form was opened.
OPENED = "alert_rule_opened"
NO_DATA = {
    NoData.KEEP: "Stay as it was, an hour at most",
    NoData.GOOD: "Count as good",
    NoData.BAD: "Count as bad",
}


def rules_view(desk: Desk, zone: tzinfo) -> None:
    """Every rule, or the one that is edited."""
    with desk.services.database.transaction() as session:
        found = rules(session)
    slug = st.query_params.get(RULE)
    if chosen := next((each for each in found if each.slug == slug), None):
        _editor(desk, chosen, zone)
        return
    st.caption("A change is a new version; the old ones are kept. Alerts follow the version in force.")
    for each in found:
        _row(each, zone)


def _row(rule: RuleView, zone: tzinfo) -> None:
    spec = rule.spec
    with st.container(border=True):
        words, facts, button = st.columns([3, 2.4, 0.8], vertical_alignment="center")
        off = "" if spec.enabled else " :gray-badge[Off]"
        words.markdown(
            f"{SEVERITIES[spec.severity]} **{plain(spec.name)}**{off}  \n"
            f":small[:gray[{plain(KINDS[spec.kind].question)}]]"
        )
        facts.markdown(f":small[{plain(numbers(spec))}]  \n:small[:gray[{_looked(rule, zone)}]]")
        button.button(
            "Edit", key=f"rule_edit_{rule.slug}", width="stretch", on_click=_open, args=(rule.slug,)
        )


def numbers(spec: RuleSpec) -> str:
    """A rule's numbers in a line."""
    named = [
        f"{each.label.lower()} {spec.parameters[each.name]:g} {each.unit}".strip()
        for each in KINDS[spec.kind].parameters
    ]
    fires = f"fires after {spec.for_seconds:g} s" if spec.for_seconds else "fires at once"
    over = f"over after {spec.keep_seconds:g} s" if spec.keep_seconds else "over at once"
    # A number stays with its unit.
    words = re.sub(r"(?<=\d) (?=\S+(?:,|$))", "\N{NO-BREAK SPACE}", ", ".join([*named, fires, over]))
    return words[0].upper() + words[1:]


def _looked(rule: RuleView, zone: tzinfo) -> str:
    if rule.problem:
        return f":orange[cannot be evaluated: {plain(rule.problem)}]"
    if rule.evaluated_until is None:
        return f"version {rule.version}, not looked at yet"
    looked = ago(datetime.now(UTC) - rule.evaluated_until)
    who = "" if rule.made_by == "system" else f" by {plain(rule.made_by)}, {moment(rule.made_at, zone)}"
    return f"looked at {looked}; version {rule.version}{who}"


def _editor(desk: Desk, rule: RuleView, zone: tzinfo) -> None:
    st.button("All rules", key="rules_back", icon=":material/arrow_back:", on_click=_close)
    st.markdown(f"**{plain(rule.spec.name)}** :gray[:small[{plain(KINDS[rule.spec.kind].question)}]]")
    rule = _as_opened(rule)
    no = refusal(desk.actor, Permission.CONFIGURE_ALERTS)
    form, preview = st.columns([1.4, 1], gap="medium")
    with form:
        spec = _inputs(rule, disabled=bool(no))
        if no:
            st.caption(plain(no))
        else:
            _save(desk, rule, spec)
    with preview:
        _preview(desk, rule, spec, zone)


def _as_opened(now: RuleView) -> RuleView:
    """The form stays with the version that it was opened with, so that nothing typed is lost."""
    opened = st.session_state.get(OPENED)
    if not isinstance(opened, RuleView) or opened.slug != now.slug:
        opened = st.session_state[OPENED] = now
    if opened.version != now.version:
        words, button = st.columns([4, 1], vertical_alignment="center")
        words.warning(
            f"{plain(now.made_by)} has saved version {now.version} meanwhile. "
            f"This form is still of version {opened.version} and cannot be saved.",
            icon=":material/sync_problem:",
        )
        button.button(f"Open version {now.version}", key=f"rule_newest_{now.version}", on_click=_forget)
    return opened


def _inputs(rule: RuleView, *, disabled: bool) -> RuleSpec:
    """The widgets, filled with the version in force; what they say now."""
    old, key = rule.spec, f"rule_{rule.slug}_{rule.version}"
    common: dict[str, Any] = {"disabled": disabled}
    with st.container(border=True, gap="small"):
        name = st.text_input("Name", old.name, key=f"{key}_name", **common)
        severity, enabled = st.columns(2, vertical_alignment="bottom")
        level = severity.selectbox(
            "Severity",
            list(Severity),
            list(Severity).index(old.severity),
            str.capitalize,
            key=f"{key}_severity",
            **common,
        )
        on = enabled.toggle("Switched on", old.enabled, key=f"{key}_enabled", **common)
        given = {}
        for place, each in zip(st.columns(3), KINDS[old.kind].parameters, strict=False):
            given[each.name] = place.number_input(
                f"{each.label}, {each.unit}".rstrip(", "),
                float(each.least),
                float(each.most),
                float(old.parameters[each.name]),
                key=f"{key}_{each.name}",
                format="%g",
                **common,
            )
        wait, keep, every = st.columns(3)
        wait_seconds = wait.number_input(
            "Fires after, seconds", 0.0, 86_400.0, old.for_seconds, format="%g", key=f"{key}_for", **common
        )
        keep_seconds = keep.number_input(
            "Is over after, seconds",
            0.0,
            86_400.0,
            old.keep_seconds,
            format="%g",
            key=f"{key}_keep",
            **common,
        )
        every_seconds = every.number_input(
            "Looks every, seconds",
            1.0,
            86_400.0,
            old.every_seconds,
            format="%g",
            key=f"{key}_every",
            **common,
        )
        no_data = st.selectbox(
            "Without enough data",
            list(NO_DATA),
            list(NO_DATA).index(old.no_data),
            NO_DATA.__getitem__,
            key=f"{key}_no_data",
            **common,
        )
    return dataclasses.replace(
        old,
        name=name,
        severity=level,
        enabled=on,
        parameters=given,
        for_seconds=wait_seconds,
        keep_seconds=keep_seconds,
        every_seconds=every_seconds,
        no_data=no_data,
    )


def _save(desk: Desk, rule: RuleView, spec: RuleSpec) -> None:
    key = f"rule_{rule.slug}_{rule.version}"
    reason, send = st.columns([3, 1], vertical_alignment="bottom")
    why = reason.text_input("Why", key=f"{key}_why", placeholder="Needed; it stays with the version")
    unchanged = spec == rule.spec
    if send.button("Save", key=f"{key}_save", type="primary", width="stretch", disabled=unchanged):
        with changing(desk, "The new version is in force") as (session, actor):
            save_rule(session, actor=actor, rule_id=rule.id, seen_version=rule.version, spec=spec, reason=why)
            _forget()


def _preview(desk: Desk, rule: RuleView, spec: RuleSpec, zone: tzinfo) -> None:
    with st.container(border=True, gap="small"):
        st.markdown(f"**In the last {DAYS} days**")
        try:
            changed, now = _tried(desk.services, spec), _tried(desk.services, rule.spec)
        except OperatorError as exc:
            st.warning(plain(str(exc)))
            return
        if changed is None or now is None:
            st.caption("This rule looks at the present, which is not kept: it cannot be tried on the past.")
            return
        st.metric(
            "Would have fired",
            count(changed.times, "time"),
            delta=f"{changed.times - now.times:+,} against now" if spec != rule.spec else None,
            delta_color="off",
        )
        st.caption(f"Tried every {duration(changed.pace)}; shorter waits than that cannot be told apart.")
        if changed.latest:
            st.dataframe(
                [
                    {"at": at.astimezone(zone).replace(tzinfo=None), "what": what}
                    for at, what in changed.latest
                ],
                hide_index=True,
                height=220,
                column_config={
                    "at": st.column_config.DatetimeColumn("When", format="D MMM HH:mm", width=110),
                    "what": st.column_config.TextColumn("What"),
                },
                alt="The latest times at which it would have fired",
            )


def _tried(services: Services, spec: RuleSpec) -> Backtest | None:
    """Tried once per wording of the rule, not at every rerun."""
    return _try(services, repr(dataclasses.replace(spec, name="-", severity=Severity.INFO)), spec)


@st.cache_data(ttl=300, max_entries=100, show_spinner="Trying it on the last 30 days ...")
def _try(_services: Services, wording: str, _spec: RuleSpec) -> Backtest | None:  # noqa: ARG001 - the cache's key
    with _services.database.transaction() as session:
        checked = dataclasses.replace(_spec, name="tried")
        return backtest(session, _services.settings, checked, now=datetime.now(UTC))


def _open(slug: str) -> None:
    _forget()
    st.query_params[RULE] = slug


def _close() -> None:
    _forget()
    st.query_params.pop(RULE, None)


def _forget() -> None:
    st.session_state.pop(OPENED, None)
