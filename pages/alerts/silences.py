"""Silences: which are in force, by whom and why, and making one by matcher."""

from datetime import datetime, tzinfo

import streamlit as st

from core.access.permissions import Permission
from core.alerts.kinds import OURS, Severity
from core.alerts.rules import rules
from core.alerts.silences import end_silence, silence
from core.alerts.views import SilenceView, silences
from core.foundation.wording import moment
from pages.alerts.words import SPANS, class_title, later
from pages.shared.changing import changing
from pages.shared.forms import form_key, renew_form
from pages.shared.start import Desk, plain, refusal

FORM = "silence"
ANY = "Any"


def silences_view(desk: Desk, zone: tzinfo) -> None:
    """The form above, the silences below."""
    with desk.services.database.transaction() as session:
        found = silences(session)
        names = {each.slug: each.spec.name for each in rules(session)}
    no = refusal(desk.actor, Permission.HANDLE_ALERTS)
    if no:
        st.caption(plain(no))
    else:
        _form(desk, names)
    if not found:
        st.caption("No silence is in force, and none ended within the last week.")
    for each in found:
        _row(desk, each, names, zone, allowed=not no)


def _form(desk: Desk, names: dict[str, str]) -> None:
    key = form_key(FORM)
    with st.container(border=True, gap="small"):
        st.markdown("**Silence alerts** :gray[:small[that match all of what is chosen]]")
        rule, severity, failure_class, span = st.columns(4)
        chosen = {
            "rule": rule.selectbox(
                "Rule",
                [ANY, *names],
                format_func=lambda slug: names.get(slug, ANY),
                key=f"silence_rule_{key}",
            ),
            "severity": severity.selectbox("Severity", [ANY, *Severity], key=f"silence_severity_{key}"),
            "class": failure_class.selectbox(
                "Error class",
                [ANY, *OURS],
                format_func=lambda name: ANY if name == ANY else str(class_title(name)),
                key=f"silence_class_{key}",
            ),
        }
        length = span.selectbox("For", list(SPANS), index=1, key=f"silence_for_{key}")
        reason, send = st.columns([4, 1], vertical_alignment="bottom")
        why = reason.text_input("Why", key=f"silence_why_{key}", placeholder="Needed; everybody sees it")
        if send.button("Silence", key=f"silence_send_{key}", type="primary", width="stretch"):
            matchers = {name: str(value) for name, value in chosen.items() if value != ANY}
            with changing(desk, "Silenced") as (session, actor):
                silence(session, actor=actor, matchers=matchers, until=later(length), reason=why)
                renew_form(FORM)


def _row(desk: Desk, each: SilenceView, names: dict[str, str], zone: tzinfo, *, allowed: bool) -> None:
    with st.container(border=True):
        words, button = st.columns([5, 1], vertical_alignment="center")
        mark = (
            ":violet-badge[:material/notifications_off: In force]" if each.running else ":gray-badge[Ended]"
        )
        words.markdown(
            f"{mark} **{plain(_matched(each, names))}** "
            f":gray[:small[{_span(each, zone)}, by {plain(each.made_by)}]]  \n{plain(each.reason)}"
        )
        if (
            each.running
            and allowed
            and button.button("End now", key=f"silence_end_{each.id}", width="stretch")
        ):
            with changing(desk, "The silence is over") as (session, actor):
                end_silence(session, actor=actor, silence_id=each.id)


def _matched(each: SilenceView, names: dict[str, str]) -> str:
    return ", ".join(f"{name} {_value(name, value, names)}" for name, value in each.matchers.items())


def _value(name: str, value: str, names: dict[str, str]) -> str:
    if name == "rule":
        return f"“{names.get(value, value)}”"
    return (class_title(value) if name == "class" else None) or value


def _span(each: SilenceView, zone: tzinfo) -> str:
    today = datetime.now(zone)
    ended = f" (ended by {plain(each.ended_by)})" if each.ended_by else ""
    return f"{moment(each.starts_at, zone, today=today)} to {moment(each.ends_at, zone, today=today)}{ended}"
