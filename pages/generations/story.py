"""What happened to one generation: its story, attempts, times and credits."""

from datetime import tzinfo

import streamlit as st

from core.classification.taxonomy import FailureClass, facts
from core.desks.generations.detail import Attempt, Detail
from core.desks.generations.timeline import Kind, Line
from core.foundation.wording import UNKNOWN, dollars, duration, moment
from pages.shared.start import plain

MARKS = {
    Kind.MOVE: ":gray[:material/arrow_forward:]",
    Kind.PROVIDER: ":blue[:material/cloud:]",
    Kind.GOOD: ":green[:material/check_circle:]",
    Kind.BAD: ":red[:material/error:]",
    Kind.STOPPED: ":orange[:material/cancel:]",
}
CHARACTER_PIXELS = 8


def timings(detail: Detail) -> None:
    """Where the time went, stage by stage."""
    spent = detail.timings
    stages = {
        "In the queue": spent.queue,
        "Submitting": spent.submit,
        "Rendering": spent.render,
        "Noticed after": spent.detection,
        "Storing": spent.store,
        "In all": spent.total,
    }
    with st.container(border=True):
        for place, (label, span) in zip(st.columns(len(stages)), stages.items(), strict=True):
            place.metric(label, duration(span))


def story(detail: Detail, zone: tzinfo) -> None:
    """Every line of the timeline, oldest first."""
    st.markdown("**Timeline**")
    times = [moment(line.at, zone, today=detail.created_at) for line in detail.timeline]
    width = CHARACTER_PIXELS * max(map(len, times), default=0)
    with st.container(border=True, gap="xsmall"):
        for line, at in zip(detail.timeline, times, strict=True):
            with st.container(horizontal=True, wrap=False, gap="small"):
                st.caption(at, width=width)
                st.markdown(_told(line))


def _told(line: Line) -> str:
    note = f"  \n:small[:gray[{plain(line.note)}]]" if line.note else ""
    actor = f" :small[:gray[{plain(line.actor)}]]" if line.actor and line.actor != "worker" else ""
    return f"{MARKS[line.kind]} {plain(line.title)}{actor}{note}"


def attempts_table(detail: Detail, zone: tzinfo, *, sandboxed: bool) -> None:
    """Each try at the provider, with a link to it there."""
    st.markdown("**Attempts**")
    if not detail.attempts:
        st.caption("None yet: it waits for a worker.")
        return
    lines = [_attempt(attempt, detail, zone, linked=not sandboxed) for attempt in detail.attempts]
    st.table(lines, border="horizontal", hide_index=True)


def _attempt(attempt: Attempt, detail: Detail, zone: tzinfo, *, linked: bool) -> dict[str, str]:
    reason = f": {facts(FailureClass(attempt.failure_class)).title}" if attempt.failure_class else ""
    adopted = ", adopted" if attempt.adopted else ""
    seen = f"by {attempt.seen_by}, {duration(attempt.seen_after)}" if attempt.seen_by else UNKNOWN
    return {
        "No.": str(attempt.number),
        "Result": f"{attempt.status.capitalize()}{adopted}{reason}",
        "Sent": moment(attempt.submitted_at, zone, today=detail.created_at),
        "Drawn in": duration(attempt.render),
        "Noticed": seen,
        "Cost": plain(dollars(attempt.cost_usd)),
        "Prediction": _prediction(attempt, linked),
    }


def _prediction(attempt: Attempt, linked: bool) -> str:
    if attempt.remote_id is None:
        return UNKNOWN
    # The practice provider has no web pages to open.
    if linked and attempt.remote_url and attempt.remote_url.startswith("https://"):
        return f"[{plain(attempt.remote_id)}]({attempt.remote_url})"
    return f":small[{plain(attempt.remote_id)}]"


def ledger_table(detail: Detail, zone: tzinfo) -> None:
    """The moves of credits that this generation caused."""
    st.markdown("**Credits**")
    if not detail.ledger:
        st.caption("A preview moves no credits." if not detail.credits else "No credits were moved.")
        return
    lines = [
        {
            "When": moment(line.at, zone, today=detail.created_at),
            "Move": line.kind.capitalize(),
            "Credits": f"{line.amount:,}",
            "Way": plain(f"{line.from_name} → {line.to_name}"),
            "Wallet after": UNKNOWN if line.wallet_after is None else f"{line.wallet_after:,}",
            "By": plain(line.actor),
            "Why": plain(line.reason or UNKNOWN),
        }
        for line in detail.ledger
    ]
    st.table(lines, border="horizontal", hide_index=True)
