"""Where notifications go: channels with a test, and the log of every try."""

from datetime import datetime, tzinfo
from typing import Any

import streamlit as st

from core.access.permissions import Permission
from core.alerts.views import TryView, delivery_log
from core.notifications.channels import SEVERITIES, ChannelView, add_channel, change_channel, channels
from core.notifications.message import Outcome
from core.notifications.outbox import send_test
from core.tables.notifications import ChannelKind
from pages.shared.changing import changing
from pages.shared.forms import form_key, renew_form
from pages.shared.start import Desk, operator_errors, plain, refusal

FORM = "channel"
KINDS = {
    ChannelKind.WEBHOOK: "Webhook, as Slack's",
    ChannelKind.EMAIL: "E-mail",
    ChannelKind.APPRISE: "Another service of Apprise",
}
EXAMPLES = {
    ChannelKind.WEBHOOK: "https://hooks.slack.com/services/...",
    ChannelKind.EMAIL: "mailtos://user:${INKDESK_SECRET_MAIL}@mail.example.com?from=desk@example.com&to=oncall@example.com",
    ChannelKind.APPRISE: "discord://... or tgram://... or any other address of Apprise",
}
LEVELS = {"info": "Everything", "warning": "Warnings and critical", "critical": "Critical only"}
OUTCOMES = {Outcome.ACCEPTED: "Accepted", Outcome.RETRY: "Tries again", Outcome.REFUSED: "Refused"}
HELP = (
    "A secret may stay out of the database: set a variable INKDESK_SECRET_... for the workers and write "
    "its name in the address as ${INKDESK_SECRET_...}."
)


def channel_view(desk: Desk, zone: tzinfo) -> None:
    """Channels, a form for another, and the log."""
    with desk.services.database.transaction() as session:
        found = channels(session)
    no = refusal(desk.actor, Permission.CONFIGURE_ALERTS)
    for each in found:
        _row(desk, each, allowed=not no)
    if no:
        st.caption(plain(no))
    else:
        _form(desk, first=not found)
    # After the buttons, so that a test that was just sent is in it.
    with desk.services.database.transaction() as session:
        log = delivery_log(session)
    _log(log, zone)


def _row(desk: Desk, each: ChannelView, *, allowed: bool) -> None:
    with st.container(border=True):
        words, test, edit = st.columns([4, 1, 1], vertical_alignment="center")
        mark = ":green-badge[On]" if each.enabled else ":gray-badge[Off]"
        words.markdown(
            f"{mark} **{plain(each.name)}** :gray[:small[{KINDS[each.kind]}, `{each.shown_address}`, "
            f"{LEVELS[each.min_severity].lower()}]]"
        )
        if not allowed:
            return
        if test.button(
            "Send a test", key=f"channel_test_{each.id}", width="stretch", disabled=not each.enabled
        ):
            _test(desk, each)
        with edit.popover("Edit", width="stretch", key=f"channel_edit_{each.id}"):
            _edit(desk, each)


def _test(desk: Desk, each: ChannelView) -> None:
    with operator_errors():
        answer = send_test(desk.services, actor=desk.actor, channel_id=each.id)
        status = f"{answer.status}: " if answer.status else ""
        said = f"{plain(each.name)} answered {status}{plain(answer.text)}"
        if answer.outcome is Outcome.ACCEPTED:
            st.success(said, icon=":material/check_circle:")
        else:
            st.error(said, icon=":material/error:")


def _edit(desk: Desk, each: ChannelView) -> None:
    name = st.text_input("Name", each.name, key=f"channel_name_{each.id}")
    address = st.text_input(
        "Another address",
        key=f"channel_address_{each.id}",
        placeholder="Empty: stays as it is",
        type="password",
        help=HELP,
    )
    level = st.selectbox(
        "Tells",
        SEVERITIES,
        SEVERITIES.index(each.min_severity),
        LEVELS.__getitem__,
        key=f"channel_level_{each.id}",
    )
    enabled = st.toggle("Switched on", each.enabled, key=f"channel_enabled_{each.id}")
    if st.button("Save", key=f"channel_save_{each.id}", type="primary"):
        with changing(desk, "Saved") as (session, actor):
            change_channel(
                session,
                actor=actor,
                channel_id=each.id,
                name=name,
                address=address.strip() or None,
                min_severity=level,
                enabled=enabled,
            )


def _form(desk: Desk, *, first: bool) -> None:
    key = form_key(FORM)
    with st.expander("Add a channel", expanded=first, icon=":material/add:"):
        name_at, kind_at, level_at = st.columns(3)
        name = name_at.text_input("Name", key=f"channel_name_{key}")
        kind = kind_at.selectbox(
            "Kind", list(KINDS), format_func=KINDS.__getitem__, key=f"channel_kind_{key}"
        )
        level = level_at.selectbox("Tells", SEVERITIES, 1, LEVELS.__getitem__, key=f"channel_level_{key}")
        address = st.text_input(
            "Address", key=f"channel_address_{key}", placeholder=EXAMPLES[kind], type="password", help=HELP
        )
        st.caption(f"For example `{EXAMPLES[kind]}`")
        if not desk.services.settings.notify_private:
            st.caption("Addresses of a private network are refused unless `INKDESK_NOTIFY_PRIVATE` is true.")
        if st.button("Add", key=f"channel_add_{key}", type="primary"):
            with changing(desk, "Added; send a test") as (session, actor):
                add_channel(session, actor=actor, name=name, kind=kind, address=address, min_severity=level)
                renew_form(FORM)


def _log(log: list[TryView], zone: tzinfo) -> None:
    st.markdown("**Delivery log** :gray[:small[the latest tries, with the other side's answer]]")
    if not log:
        st.caption("Nothing was sent yet.")
        return
    st.dataframe(
        [_cells(each, zone) for each in log], hide_index=True, column_config=_columns(), alt="Delivery log"
    )


def _cells(each: TryView, zone: tzinfo) -> dict[str, Any]:
    there: datetime = each.at.astimezone(zone).replace(tzinfo=None)
    return {
        "at": there,
        "channel": each.channel,
        "title": each.title,
        "try": each.number,
        "outcome": OUTCOMES[Outcome(each.outcome)],
        "status": each.status,
        "answer": each.answer,
        "took": f"{each.seconds:.2f} s",
        "key": each.key,
    }


def _columns() -> dict[str, Any]:
    column = st.column_config
    return {
        "at": column.DatetimeColumn("When", format="D MMM HH:mm:ss", width=124),
        "channel": column.TextColumn("Channel", width=110),
        "title": column.TextColumn("Message", width=260),
        "try": column.NumberColumn("Try", width=44),
        "outcome": column.TextColumn("Outcome", width=92),
        "status": column.NumberColumn("Status", width=60, format="%d"),
        "answer": column.TextColumn("Answer", width=260),
        "took": column.TextColumn("Took", width=70),
        "key": column.TextColumn("Key", width=150),
    }
