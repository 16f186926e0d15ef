"""What fires now, the most pressing first, each with what can be done about it."""

from datetime import datetime, timedelta, tzinfo

import streamlit as st

from core.access.permissions import Permission
from core.alerts.actions import acknowledge, resolve, snooze, unacknowledge
from core.alerts.silences import silence
from core.alerts.views import AlertView, Board
from core.foundation.wording import ago, count, duration, moment
from pages.alerts.words import (
    ALERT,
    OPEN_END,
    SEVERITIES,
    SPANS,
    STATES,
    class_title,
    failures_query,
    handled,
    later,
    until,
)
from pages.shared.changing import changing
from pages.shared.links import page_link
from pages.shared.start import Desk, plain, refusal

MOST_CARDS = 20
# No look for so long means that no worker evaluates.
STALE = timedelta(seconds=60)


def firing(desk: Desk, seen: Board, zone: tzinfo) -> None:
    """Everything that is open."""
    _troubles(seen)
    if not seen.live:
        with st.container(border=True, horizontal_alignment="center"):
            st.space("small")
            st.markdown(":green[:material/check_circle:] **Nothing fires.**", width="content")
            st.caption(_looked(seen), width="content")
            st.space("small")
    for alert in seen.live[:MOST_CARDS]:
        card(desk, alert, seen, zone)
    if len(seen.live) > MOST_CARDS:
        st.caption(f"And {count(len(seen.live) - MOST_CARDS, 'more alert')}, less pressing.")
    if seen.pending:
        st.markdown("**Pending** :gray[:small[bad, but not for long enough to fire]]")
        for alert in seen.pending:
            st.markdown(
                f"{SEVERITIES[alert.severity]} {plain(alert.rule.spec.name)} "
                f":small[{plain(alert.title)}: {plain(alert.said)} "
                f":gray[for {duration(seen.now - alert.since)}]]"
            )
    if seen.live:
        st.caption(_looked(seen))


def _looked(seen: Board) -> str:
    if seen.evaluated_at is None:
        return "The rules were not looked at yet."
    waiting = f" {count(seen.waiting_messages, 'message')} on the way." if seen.waiting_messages else ""
    return f"The rules were last looked at {ago(seen.now - seen.evaluated_at)}.{waiting}"


def _troubles(seen: Board) -> None:
    if seen.evaluated_at is None or seen.now - seen.evaluated_at > STALE:
        st.error(
            "Nobody looks at the rules: no worker does. What happens meanwhile is made up for later. "
            "Start one: `make worker`.",
            icon=":material/visibility_off:",
        )
    for rule in seen.blind:
        st.warning(
            f"**{plain(rule.spec.name)}** cannot be evaluated; its alerts stay as they were. "
            f"{plain(rule.problem or '')}",
            icon=":material/visibility_off:",
        )
    if not seen.channels:
        st.info(
            "Alerts show here only: there is no channel yet. Add one under Channels.",
            icon=":material/notifications_off:",
        )


def card(desk: Desk, alert: AlertView, seen: Board, zone: tzinfo, *, opened: bool = False) -> None:
    """One alert; where its details are open, without the way to them."""
    with st.container(border=True, gap="xsmall", key=f"alert_card_{alert.id}"):
        row = st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center")
        row.markdown(
            f"{STATES[alert.state]} {SEVERITIES[alert.severity]} **{plain(alert.rule.spec.name)}** "
            f":gray[:small[for {duration(seen.now - (alert.fired_at or alert.since))}, "
            f"since {moment(alert.fired_at, zone, today=seen.now)}]]",
            width="content",
        )
        if not opened and row.button(
            "Details", key=f"alert_open_{alert.id}", type="tertiary", icon=":material/history:"
        ):
            st.query_params[ALERT] = str(alert.id)
            st.rerun()
        # An alert of one class names it in its title.
        main = class_title(alert.failure_class) if not alert.subject else None
        named = f" :gray[mostly {main}]" if main else ""
        st.markdown(f"{plain(alert.title)}: {plain(alert.said)}{named}")
        for icon, words in handled(alert, zone, seen.now):
            st.markdown(f":small[:gray[{icon} {words}]]")
        actions(desk, alert, seen.now)


def actions(desk: Desk, alert: AlertView, now: datetime) -> None:
    """Acknowledge, snooze, silence, resolve; and where the failures are."""
    if no := refusal(desk.actor, Permission.HANDLE_ALERTS):
        st.caption(plain(no))
        return
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        _acknowledge(desk, alert)
        _snooze(desk, alert)
        _silence(desk, alert)
        _resolve(desk, alert)
        if query := failures_query(alert, now):
            page_link("generations/page.py", "Its generations", icon=":material/view_list:", **query)


def _acknowledge(desk: Desk, alert: AlertView) -> None:
    if alert.acknowledged_by:
        if st.button("Take back", key=f"alert_unack_{alert.id}", icon=":material/undo:"):
            with changing(desk, "Nobody is on it any more") as (session, actor):
                unacknowledge(session, actor=actor, alert_id=alert.id)
        return
    with st.popover("Acknowledge", icon=":material/person_check:", key=f"alert_acknowledge_box_{alert.id}"):
        why = st.text_input("Why", key=f"alert_ack_why_{alert.id}", placeholder="What you are doing about it")
        span = st.selectbox("Until", [OPEN_END, *SPANS], key=f"alert_ack_until_{alert.id}")
        st.caption("No reminders meanwhile. Its end, and anything more pressing, is told.")
        if st.button("Acknowledge", key=f"alert_ack_{alert.id}", type="primary"):
            with changing(desk, "You are on it") as (session, actor):
                acknowledge(session, actor=actor, alert_id=alert.id, why=why, until=until(span))


def _snooze(desk: Desk, alert: AlertView) -> None:
    with st.popover("Snooze", icon=":material/snooze:", key=f"alert_snooze_box_{alert.id}"):
        span = st.selectbox("For", list(SPANS), index=1, key=f"alert_snooze_for_{alert.id}")
        st.caption("Nobody is told of this alert until then. If it still fires, people hear of it again.")
        if st.button("Snooze", key=f"alert_snooze_{alert.id}", type="primary"):
            with changing(desk, "Snoozed") as (session, actor):
                snooze(session, actor=actor, alert_id=alert.id, until=later(span))


def _silence(desk: Desk, alert: AlertView) -> None:
    with st.popover("Silence", icon=":material/notifications_off:", key=f"alert_silence_box_{alert.id}"):
        choices = {f"Every alert of “{alert.rule.spec.name}”": {"rule": alert.rule.slug}}
        if alert.failure_class:
            title = class_title(alert.failure_class)
            choices[f"Every alert of the class {title}"] = {"class": alert.failure_class}
        if alert.subject:
            choices[f"Only {alert.title}"] = {"rule": alert.rule.slug, "subject": alert.subject}
        what = st.selectbox("What", list(choices), key=f"alert_silence_what_{alert.id}")
        span = st.selectbox("For", list(SPANS), index=1, key=f"alert_silence_for_{alert.id}")
        why = st.text_input("Why", key=f"alert_silence_why_{alert.id}", placeholder="Needed")
        if st.button("Silence", key=f"alert_silence_{alert.id}", type="primary"):
            with changing(desk, "Silenced") as (session, actor):
                silence(session, actor=actor, matchers=choices[what], until=later(span), reason=why)


def _resolve(desk: Desk, alert: AlertView) -> None:
    with st.popover("Resolve", icon=":material/check_circle:", key=f"alert_resolve_box_{alert.id}"):
        why = st.text_input("Why", key=f"alert_resolve_why_{alert.id}", placeholder="Needed")
        st.caption("What is still bad at the next look begins another alert.")
        if st.button("Resolve", key=f"alert_resolve_{alert.id}", type="primary"):
            with changing(desk, "Resolved") as (session, actor):
                resolve(session, actor=actor, alert_id=alert.id, why=why)
