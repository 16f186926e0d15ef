"""The middle of the Refunds page: all evidence for one case, in the order in which a reviewer asks for it."""

from datetime import tzinfo

import streamlit as st

from core.desks.refunds.evidence_records import EarlierCase, Evidence, Try
from core.foundation.wording import count, duration, moment
from core.ledger.views import LedgerLine
from core.tables.generation import State
from core.tables.refund_states import CaseKind, CaseState
from pages.shared.links import page_link
from pages.shared.pictures import show_picture
from pages.shared.refund_words import (
    KINDS,
    class_title,
    coloured_left,
    credits_of,
    left,
    reason_title,
    state_badge,
)
from pages.shared.start import plain

PICTURE_PIXELS = 150
WORDS_SHOWN = 220
LOG_SHOWN = 4


def show_evidence(case: Evidence, zone: tzinfo, *, blind: bool = False) -> None:
    """The evidence. `blind` leaves out what others decided, and everything that tells of it."""
    with st.container(key="refunds_evidence", gap="xsmall"):
        _heading(case, blind=blind)
        selfie, avatar, who = st.columns([1, 1, 1.7], gap="small")
        with selfie:
            st.caption("Selfie")
            show_picture(case.selfie, alt="Selfie")
        with avatar:
            _avatar(case)
        with who:
            st.markdown(_customer(case, blind=blind))
            page_link(
                "generations/page.py",
                f"Generation {case.generation_id}",
                icon=":material/open_in_new:",
                id=str(case.generation_id),
            )
        st.markdown(_attempts(case, zone))
        st.markdown(_policy(case))
        if not blind:
            st.markdown(_money(case, zone))
        if case.earlier and not blind:
            st.markdown(_earlier(case, zone))
        if not blind:
            st.markdown(_log(case, zone))


def _heading(case: Evidence, *, blind: bool) -> None:
    due = (
        f"due in {coloured_left(case.due_at - case.now, case.due_at - case.opened_at)} "
        f":gray[· opened {left(case.now - case.opened_at)} ago]"
        if case.open
        else f":gray[opened {left(case.now - case.opened_at)} ago]"
    )
    badge = "" if blind else f" {state_badge(case.state)}"
    kind = "" if case.kind is CaseKind.FAILURE else f" :gray-badge[{KINDS[case.kind]}]"
    st.markdown(
        f"**Case {case.id}**{badge}{kind} **{class_title(case.failure_class)}** · "
        f"{credits_of(case.requested)} · {due}"
    )


def _avatar(case: Evidence) -> None:
    st.caption("Avatar")
    if case.avatar or case.erased:
        show_picture(case.avatar, alt="Avatar")
        return
    with st.container(
        border=True, height=PICTURE_PIXELS, horizontal_alignment="center", vertical_alignment="center"
    ):
        st.caption("None", width="content")


def _customer(case: Evidence, *, blind: bool) -> str:
    seen = case.history
    ends = ", ".join(
        f"{seen.generations[state]} {state.value}"
        for state in (State.SUCCEEDED, State.FAILED, State.CANCELED)
        if seen.generations.get(state)
    )
    share = f" ({seen.came_back / seen.charged:.0%})" if seen.charged else ""
    lines = [
        f"**{plain(case.customer)}** :gray[{plain(case.reference)}]",
        f"Wallet: {credits_of(seen.balance)}",
        f"Last 30 days: {ends or 'nothing else'}",
        f"Spent {credits_of(seen.charged)}"
        + ("" if blind else f", back {seen.came_back:,}{share} in {count(seen.refunds, 'refund')}"),
    ]
    return "  \n".join(lines)


def _attempts(case: Evidence, zone: tzinfo) -> str:
    if case.kind is CaseKind.GOODWILL:
        asked = next((move.note for move in case.log if move.note), None)
        return f"**What was asked for**  \n{plain(asked or 'Nothing was noted.')}"
    lines = [_attempt(each, case, zone) for each in case.tries]
    known = {each.words for each in case.tries}
    if case.failure_detail and case.failure_detail not in known:
        lines.append(f"In the end: {_words(case.failure_detail)}")
    told = "  \n".join(lines) or "It never reached the provider."
    return f"**Attempts: the provider's words, our class**  \n{told}"


def _attempt(each: Try, case: Evidence, zone: tzinfo) -> str:
    took = f", {duration(each.took)}" if each.took is not None else ""
    ours = f" → **{class_title(each.failure_class)}**" if each.failure_class else ""
    at = moment(each.submitted_at, zone, today=case.now)
    words = f"  \n{_words(each.words)}" if each.words else ""
    return f"{each.number}. {at} {each.status}{took}{ours}{words}"


def _words(text: str) -> str:
    """The provider's own words, as code: nothing in them is read as Markdown."""
    short = " ".join(text.split())
    short = short if len(short) <= WORDS_SHOWN else f"{short[:WORDS_SHOWN]}…"
    return "`" + short.replace("`", "'") + "`"


def _policy(case: Evidence) -> str:
    if case.why is None:
        return "**Why not automatic?** The policy was not asked."
    title = "Why not automatic?" if case.why.outcome == "review" else "Policy"
    lines = [f"**{title}** {plain(case.why.why)} :gray[Version {case.why.version}]"]
    seen = case.why.seen
    lines.append(
        f":gray[It saw {credits_of(seen.amount)}, {count(seen.refunds, 'refund')} in 30 days, "
        f"{seen.refund_share:.0%} of the charges given back.]"
    )
    if case.why.change:
        lines.append(f":gray[Smallest change that would have paid it:] {plain(case.why.change.words)}")
    return "  \n".join(lines)


def _money(case: Evidence, zone: tzinfo) -> str:
    if not case.lines:
        return "**Credits** :gray[none were moved]"
    return "**Credits**  \n" + "  \n".join(_line(line, case, zone) for line in case.lines)


def _line(line: LedgerLine, case: Evidence, zone: tzinfo) -> str:
    after = "" if line.wallet_after is None else f", wallet {line.wallet_after:,}"
    at = moment(line.at, zone, today=case.now)
    way = plain(f"{line.from_name} → {line.to_name}")
    return f"{at} {line.kind} {line.amount:,} :gray[{way}{after}]"


def _earlier(case: Evidence, zone: tzinfo) -> str:
    return "**Earlier cases**  \n" + "  \n".join(_short(each, case, zone) for each in case.earlier)


def _short(each: EarlierCase, case: Evidence, zone: tzinfo) -> str:
    paid = f"{each.amount:,} of {each.requested:,}" if each.amount is not None else f"{each.requested:,}"
    at = moment(each.opened_at, zone, today=case.now)
    return f"{at} #{each.id} {class_title(each.failure_class)}, {paid} {state_badge(each.state)}"


def _log(case: Evidence, zone: tzinfo) -> str:
    lines = []
    for move in case.log[-LOG_SHOWN:]:
        amount = f" {move.amount:,}" if move.amount is not None else ""
        why = f", {reason_title(move.reason_code)}" if move.reason_code else ""
        note = f": {plain(move.note)}" if move.note else ""
        at = moment(move.at, zone, today=case.now)
        lines.append(f"{at} {state_badge(CaseState(move.to))}{amount} by {plain(move.actor)}{why}{note}")
    return "**Case log**  \n" + "  \n".join(lines)
