"""The books on top of the ledger: whether they hold, and since when that is known."""

from datetime import UTC, datetime, timedelta, tzinfo

import streamlit as st

from core.access.permissions import Permission
from core.foundation.wording import count, duration, moment
from core.ledger.anchors import AnchorState
from core.ledger.books import Finding
from core.ledger.books.promises import PROMISES
from core.ledger.books.records import STALE_AFTER, Badge, badge
from core.ledger.books_desk import check_now, explain_move, totals
from core.tables.seals import BooksCheck
from pages.ledger.remedies import remedy
from pages.ledger.words import ABOUT, TITLES
from pages.shared.start import Desk, flash, operator_errors, plain, refusal

LIVE = "15s"
MOVED = "new_epoch"
SHORT_HASH = 12
MOST_NAMED = 5
ANCHORS = {
    AnchorState.MATCHES: "matches",
    AnchorState.NONE: "no copy yet",
    AnchorState.MISSING: "a copy is missing",
    AnchorState.MISMATCH: "does not match",
    AnchorState.UNREACHABLE: "object store does not answer",
}


def books(desk: Desk, zone: tzinfo) -> None:
    """The badge with its button, what was found, and what every account holds."""
    with st.container(border=True, gap="small"):
        told, check = st.columns([9, 2], vertical_alignment="center")
        with told:
            st.fragment(_status, run_every=LIVE)(desk, zone)
        no = refusal(desk.actor, Permission.CHECK_BOOKS)
        check_it = check.button(
            "Check now",
            key="ledger_check",
            icon=":material/fact_check:",
            width="stretch",
            disabled=bool(no),
            help=no or "Reads the whole ledger: some 15 seconds a million transfers",
        )
        if check_it:
            _check(desk)
        _moved(desk, no)
    _accounts(desk)


def verdict(seen: Badge, now: datetime) -> str:
    """Markdown of the badge itself: what is known of the books now."""
    if seen.standing:
        return ":red-badge[:material/error: The books do not hold]"
    if seen.full is None or seen.latest is None:
        return ":gray-badge[:material/help: Not checked yet]"
    if now - seen.latest.started_at > STALE_AFTER:
        return ":orange-badge[:material/schedule: Not checked lately]"
    return ":green-badge[:material/verified: The books hold]"


def _status(desk: Desk, zone: tzinfo) -> None:
    with operator_errors():
        with desk.services.database.transaction() as session:
            seen = badge(session)
        now = datetime.now(UTC)
        recent = seen.latest if seen.latest and seen.latest.kind == "recent" else None
        lines = [
            f"Full check {_check_words(seen.full, zone, now)}",
            f"since then {_check_words(recent, zone, now)}" if recent else "",
        ]
        st.markdown(f"{verdict(seen, now)} {'; '.join(line for line in lines if line)}.")
        st.markdown(f":small[:gray[{plain(_seal_words(seen, zone, now))}]]")
        _findings(seen.standing)


def _check_words(check: BooksCheck | None, zone: tzinfo, now: datetime) -> str:
    if check is None:
        return "never yet"
    found = count(check.findings, "finding") if check.findings else "nothing found"
    took = duration(timedelta(seconds=check.took_seconds))
    when = moment(check.started_at, zone, today=now)
    return f"{when}: {count(check.transfers, 'transfer')} in {took}, {found}"


def _seal_words(seen: Badge, zone: tzinfo, now: datetime) -> str:
    if seen.seal is None:
        return "Not sealed yet; a worker seals the ledger every minute."
    anchored = (
        f"copied to the object store {moment(seen.anchored_at, zone, today=now)}"
        if seen.anchored_at
        else "not copied to the object store yet"
    )
    state = AnchorState(seen.latest.anchor) if seen.latest else AnchorState.NONE
    return (
        f"Seal {seen.seal.number:,} of epoch {seen.seal.epoch}, head {seen.seal.hash.hex()[:SHORT_HASH]}, "
        f"{anchored}; at the last check the copy outside: {ANCHORS[state]}."
    )


def _findings(found: tuple[Finding, ...]) -> None:
    """One box a broken promise: what breaks it most often has one cause."""
    by_rule: dict[str, list[Finding]] = {}
    for each in found:
        by_rule.setdefault(each.rule, []).append(each)
    for rule, same in by_rule.items():
        named = "; ".join(f"{plain(each.subject)}: {plain(each.detail)}" for each in same[:MOST_NAMED])
        more = f"; and {len(same) - MOST_NAMED:,} more" if len(same) > MOST_NAMED else ""
        st.error(
            f"**{plain(PROMISES.get(rule, rule))}** Broken by {named}{more}.  \n:small[{remedy(rule)}]",
            icon=":material/error:",
        )


def _moved(desk: Desk, no: str | None) -> None:
    """Where the ledger runs elsewhere than it was sealed: somebody says why, and it is checked anew."""
    with desk.services.database.transaction() as session:
        moved = any(each.rule == MOVED for each in badge(session).standing)
    if not moved:
        return
    why, send = st.columns([5, 2], vertical_alignment="bottom")
    reason = why.text_input(
        "Why the ledger moved", key="ledger_moved", placeholder="Such as a restored backup"
    )
    if send.button("It was us", key="ledger_accept", width="stretch", disabled=bool(no), help=no):
        with operator_errors():
            explain_move(desk.services.database, desk.services.objects, actor=desk.actor, reason=reason)
            _check(desk)


def _check(desk: Desk) -> None:
    with operator_errors():
        with st.spinner("Reading the whole ledger"):
            check = check_now(desk.services.database, desk.services.objects, actor=desk.actor)
        found = count(check.findings, "finding") if check.findings else "the books hold"
        flash(f"{count(check.transfers, 'transfer')} checked: {found}")
        st.rerun()


def _accounts(desk: Desk) -> None:
    with desk.services.database.transaction() as session:
        held = totals(session)
    values = {"All wallets": (held.wallets, "What all customers can spend, added up.")}
    values |= {TITLES[kind]: (held.system.get(kind, 0), about) for kind, about in ABOUT.items()}
    with st.container(border=True):
        for place, (label, (amount, about)) in zip(st.columns(len(values)), values.items(), strict=True):
            place.metric(label, f"{amount:,}", help=about)
    if held.difference:
        st.error(f"All accounts together are {held.difference:,} instead of 0: check the books now.")
