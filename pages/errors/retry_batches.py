"""Batches of retries of an error group: how far they are, what came of them, and how to stop one."""

from datetime import tzinfo

import streamlit as st

from core.access.permissions import Permission
from core.foundation.wording import count, dollars, moment
from core.monitoring.retries.batches import stop
from core.monitoring.retries.views import BatchView, batches_of_group
from pages.shared.changing import changing
from pages.shared.links import page_link
from pages.shared.start import Desk, operator_errors, plain, refusal

LIVE = "2s"
STATES = {
    "running": ":blue-badge[:material/sync: Running]",
    "requested": ":blue-badge[:material/sync: All requested]",
    "done": ":green-badge[:material/check_circle: Done]",
    "stopped": ":gray-badge[:material/block: Stopped]",
    "halted": ":red-badge[:material/report: Halted]",
}


def show_batches(desk: Desk, fingerprint: str, zone: tzinfo) -> None:
    """All batches of the group, the latest first; as long as something about one changes, so does this."""
    with desk.services.database.transaction() as session:
        live = any(each.active for each in batches_of_group(session, fingerprint))
    st.fragment(_batches, run_every=LIVE if live else None)(desk, fingerprint, zone, live)


def _batches(desk: Desk, fingerprint: str, zone: tzinfo, live: bool) -> None:
    with operator_errors():
        with desk.services.database.transaction() as session:
            found = batches_of_group(session, fingerprint)
        if live and not any(each.active for each in found):
            # Over: the page's own figures have changed with it, and nothing needs to be looked at again.
            st.rerun()
        if not found:
            return
        _card(desk, found[0], zone)
        if earlier := found[1:]:
            with st.expander(f"{count(len(earlier), 'earlier batch', 'earlier batches')} of retries"):
                for each in earlier:
                    _card(desk, each, zone)


def _card(desk: Desk, seen: BatchView, zone: tzinfo) -> None:
    with st.container(border=True, gap="xsmall", key=f"errors_batch_{seen.id}"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(
                f"{STATES[_stage(seen)]} **{count(seen.total, 'retry', 'retries')}** "
                f":small[:gray[batch {seen.id:,}, confirmed by {plain(seen.started_by)} "
                f"{moment(seen.started_at, zone)}]]",
                width="content",
            )
            if seen.state == "running":
                _stop(desk, seen)
        st.progress(seen.settled / seen.total, text=_progress(seen))
        if seen.ended_because:
            st.warning(plain(_ended(seen)), icon=":material/report:")
        if seen.skipped:
            _skipped(seen)
        with st.container(horizontal=True, vertical_alignment="center"):
            _links(seen)
            st.caption(plain(_money(seen)), width="content")


def _stage(seen: BatchView) -> str:
    return "requested" if seen.state == "done" and seen.under_way else seen.state


def _progress(seen: BatchView) -> str:
    """Every one of them in one of these numbers."""
    numbers = {
        "succeeded": seen.succeeded,
        "failed again": seen.failed,
        "canceled": seen.canceled,
        "skipped": seen.skipped_count,
        "under way": seen.under_way,
        "not requested yet": seen.waiting - seen.not_requested,
        "never requested": seen.not_requested,
    }
    shown = ", ".join(f"{n:,} {what}" for what, n in numbers.items() if n)
    return f"{seen.settled:,} of {seen.total:,} have ended: {shown}"


def _ended(seen: BatchView) -> str:
    left = count(seen.not_requested, "generation was", "generations were")
    return f"{seen.ended_because} {left} not retried." if seen.not_requested else seen.ended_because or ""


def _skipped(seen: BatchView) -> None:
    lines = [f"- {n:,} skipped: {plain(why)}" for why, n in seen.skipped]
    rest = seen.skipped_count - sum(n for _, n in seen.skipped)
    st.markdown("\n".join([*lines, *([f"- {rest:,} more, for other reasons"] if rest else [])]))


def _links(seen: BatchView) -> None:
    if seen.requested:
        batch = str(seen.id)
        page_link("generations/page.py", "Open its retries", icon=":material/list:", batch=batch)
        if seen.failed:
            page_link(
                "generations/page.py", "Failed again", icon=":material/error:", batch=batch, state="failed"
            )


def _money(seen: BatchView) -> str:
    return (
        f"Confirmed for {dollars(seen.quoted_usd)} and {count(seen.credits, 'credit')}, "
        f"{dollars(seen.cost_usd)} spent so far"
    )


def _stop(desk: Desk, seen: BatchView) -> None:
    no = refusal(desk.actor, Permission.GENERATE)
    if st.button(
        f"Stop the {seen.waiting:,} not requested yet" if seen.waiting else "Stop",
        key=f"errors_retry_stop_{seen.id}",
        icon=":material/block:",
        disabled=bool(no),
        help=no,
    ):
        with changing(desk, "Stopped") as (session, actor):
            stop(session, actor=actor, batch_id=seen.id)
