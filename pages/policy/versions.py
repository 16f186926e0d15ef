"""The versions of the policy: which one is in force, what each changed, and putting another one in force."""

from collections.abc import Sequence
from datetime import tzinfo

import streamlit as st

from core.access.permissions import Permission
from core.foundation.wording import moment
from core.refunds.policy import from_json
from core.refunds.policy_views import VersionLine, differences
from core.refunds.versions import activate, in_force, version
from pages.shared.changing import changing
from pages.shared.start import Desk, plain, refusal

VERSION = "version"


def chosen_version(current: int) -> int:
    """The version that the address asks for; the one in force by default."""
    asked = st.query_params.get(VERSION, "")
    return int(asked) if asked.isdecimal() and len(asked) < 10 else current


def version_table(
    desk: Desk, lines: Sequence[VersionLine], *, current: int, shown: int, zone: tzinfo
) -> None:
    """The versions in a closed list, and a bar that says which one is on the screen."""
    line = next((each for each in lines if each.version == shown), None)
    with st.container(border=True):
        words, look = st.columns([4, 1], vertical_alignment="center")
        badge = ":green-badge[In force]" if shown == current else ":orange-badge[Decides nothing]"
        told = (
            f"{plain(line.note)} :gray[:small[{plain(line.author)}, {moment(line.created_at, zone)}]]"
            if line
            else ""
        )
        words.markdown(f"**Version {shown}** {badge} {told}")
        with look.popover("Versions", key="policy_versions", width="stretch"):
            _list(lines, current, zone)
        if shown != current:
            _activation(desk, shown, current)


def _list(lines: Sequence[VersionLine], current: int, zone: tzinfo) -> None:
    for each in lines:
        active = " :green-badge[In force]" if each.version == current else ""
        since = (
            f", put in force {moment(each.activated_at, zone)} by {plain(each.activated_by or 'the desk')}: "
            f"{plain(each.reason or '')}"
            if each.activated_at
            else ", never in force"
        )
        st.markdown(
            f"**{each.version}** {plain(each.note)}{active}  \n"
            f":small[:gray[{plain(each.author)}, {moment(each.created_at, zone)}{since}]]"
        )
        st.button(
            f"Look at version {each.version}",
            key=f"policy_show_{each.version}",
            type="tertiary",
            on_click=_show,
            args=(each.version,),
        )


def _activation(desk: Desk, shown: int, current: int) -> None:
    with desk.services.database.transaction() as session:
        _, now = in_force(session)
        changes = differences(now, from_json(version(session, shown).body))
    st.markdown("\n".join(f"- {plain(each)}" for each in changes) or "It says the same as the one in force.")
    if no := refusal(desk.actor, Permission.EDIT_POLICY):
        st.caption(plain(no))
        return
    why, send = st.columns([3, 1], vertical_alignment="bottom")
    reason = why.text_input(
        "Why", key=f"policy_why_{shown}", placeholder="Needed; it stays in the audit trail"
    )
    if send.button("Put in force", key=f"policy_activate_{shown}", type="primary", width="stretch"):
        with changing(desk, f"Version {shown} is in force") as (session, actor):
            activate(session, actor=actor, number=shown, reason=reason, seen=current)


def _show(number: int) -> None:
    st.query_params[VERSION] = str(number)
