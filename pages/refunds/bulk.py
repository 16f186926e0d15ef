"""One decision on everything that matches: looked at first, agreed to by number, followed to its end."""

from datetime import tzinfo
from typing import Literal

import streamlit as st

from core.access.permissions import Permission
from core.access.staff import actor_by_id
from core.desks.refunds import batch_views, bulk
from core.desks.refunds.evidence_records import Evidence
from core.desks.refunds.queue_filters import QueueFilter
from core.foundation.errors import OperatorError
from core.foundation.wording import count, moment
from core.refunds.reasons import codes, customer_sentence, preselected
from pages.refunds.filters import in_words, open_incident
from pages.refunds.place import note_move, open_case, tell
from pages.shared.changing import changing
from pages.shared.forms import form_key, renew_form
from pages.shared.refund_words import credits_of, reason_title
from pages.shared.start import Desk, flash, operator_errors, plain, refusal

OPEN = "refunds_bulk_open"
FORM = "refunds_bulk"
SHOWN_BATCH = "batch"
LIVE = "1s"
OUTCOMES = {"done": "Done", "second": "Second person", "refused": "Refused", None: "To do"}


def bulk_open() -> bool:
    """Whether the reviewer is about to decide on many cases."""
    return bool(st.session_state.get(OPEN))


def offer_bulk(desk: Desk, cases: int) -> None:
    """The way in, with how many it would be."""
    no = refusal(desk.actor, Permission.DECIDE_REFUNDS)
    st.button(
        f"Decide all {cases:,}",
        key="refunds_bulk",
        icon=":material/checklist:",
        shortcut="B",
        disabled=bool(no) or cases < 2,
        on_click=_open,
        args=(True,),
        help="One decision on every case that the filters find, not only on those that are shown.",
        width="stretch",
    )


def offer_incident(case: Evidence) -> None:
    """From one case to all of its incident."""
    st.button(
        f"One of {case.mates:,} alike in one hour: show them",
        key="refunds_incident",
        width="stretch",
        icon=":material/stacks:",
        shortcut="I",
        on_click=open_incident,
        args=(case.incident,),
    )


def bulk_panel(desk: Desk, filter_: QueueFilter, zone: tzinfo) -> None:
    """The dry run, and the button that names number and amount."""
    st.subheader("One decision on all of them", anchor=False)
    st.markdown(f"Every case of: **{in_words(filter_)}**. Each is checked, paid and logged on its own.")
    choice = st.segmented_control(
        "Decision",
        ["approve", "deny"],
        default="approve",
        key="refunds_bulk_decision",
        required=True,
        format_func=str.capitalize,
        label_visibility="collapsed",
    )
    decision: bulk.BatchDecision = "deny" if choice == "deny" else "approve"
    with operator_errors():
        with desk.services.database.transaction() as session:
            seen = bulk.dry_run(session, actor=desk.actor, filter_=filter_, decision=decision)
        _figures(seen, decision, zone)
        _form(desk, filter_, decision, seen)


def _figures(seen: bulk.DryRun, decision: str, zone: tzinfo) -> None:
    figures = {"Cases": f"{seen.cases:,}", "Credits": f"{seen.credits:,}", "Customers": f"{seen.customers:,}"}
    if decision == "approve":
        figures["To a second person"] = f"{seen.to_second:,}"
    for place, (label, value) in zip(st.columns(len(figures)), figures.items(), strict=True):
        place.metric(label, value)
    told = []
    if seen.capped:
        told.append(
            f"{count(seen.capped, 'customer')} would get more than one person may give in a day: "
            "what is over that waits for a second person."
        )
    if seen.held:
        told.append(f"{count(seen.held, 'case')} on somebody else's desk will be refused and stay open.")
    if seen.due_first:
        told.append(f"The first is due {moment(seen.due_first, zone)}.")
    if told:
        st.markdown("  \n".join(told))


def _form(desk: Desk, filter_: QueueFilter, decision: bulk.BatchDecision, seen: bulk.DryRun) -> None:
    approved = decision == "approve"
    known = codes(approved=approved)
    usual = preselected(seen.only_class or "unknown", approved=approved)
    code = st.selectbox(
        "Reason",
        known,
        index=known.index(usual),
        format_func=reason_title,
        key=f"refunds_bulk_reason_{decision}",
    )
    told = customer_sentence(code, approved=approved, amount=1).replace("1 credit came", "… credits came")
    st.caption(f"“{plain(told)}”")
    note = st.text_input("Note", key="refunds_bulk_note", placeholder="For the log")
    yes, no = st.columns([2, 1], gap="small")
    label = f"{decision.capitalize()} {count(seen.cases, 'case')}, {credits_of(seen.credits)}"
    yes.button(
        label,
        key=f"refunds_bulk_go_{form_key(FORM)}",
        type="primary",
        shortcut="Y",
        width="stretch",
        disabled=not seen.cases,
        icon=":material/done_all:",
        on_click=_start,
        args=(desk, filter_, decision, code, note, seen),
    )
    no.button(
        "Back", key="refunds_bulk_back", shortcut="Escape", width="stretch", on_click=_open, args=(False,)
    )


def _start(
    desk: Desk,
    filter_: QueueFilter,
    decision: Literal["approve", "deny"],
    code: str,
    note: str,
    seen: bulk.DryRun,
) -> None:
    try:
        with desk.services.database.transaction() as session:
            made = bulk.start_batch(
                session,
                actor=actor_by_id(session, desk.actor.id),
                filter_=filter_,
                decision=decision,
                reason_code=code,
                note=note,
                cases=seen.cases,
                total=seen.credits,
                key=form_key(FORM),
            )
    except OperatorError as exc:
        tell(exc)
        return
    renew_form(FORM)
    _open(False)
    open_incident(None)
    open_case(None)
    note_move()
    flash(f"Batch {made} has begun: {count(seen.cases, 'case')}")


def running_batches(desk: Desk) -> None:
    """A bar for each batch that is under way; nothing where there is none."""
    with desk.services.database.transaction() as session:
        running = [each for each in batch_views.batches(session, limit=5) if each.running]
    if running:
        st.fragment(_bars, run_every=LIVE)(desk)


def _bars(desk: Desk) -> None:
    with operator_errors():
        with desk.services.database.transaction() as session:
            seen = batch_views.batches(session, limit=5)
        running = [each for each in seen if each.running]
        if not running:
            st.rerun()
        for each in running:
            _bar(desk, each)


def _bar(desk: Desk, each: batch_views.Batch) -> None:
    words, stop = st.columns([6, 1], vertical_alignment="center", gap="small")
    told = f"Batch {each.id} by {plain(each.by)}: {each.done:,} of {each.cases:,}"
    words.progress(min(1.0, each.done / each.cases), text=told + _outcomes(each))
    if each.running and stop.button(
        "Stop",
        key=f"refunds_stop_{each.id}",
        icon=":material/stop_circle:",
        width="stretch",
        disabled=bool(refusal(desk.actor, Permission.DECIDE_REFUNDS)),
    ):
        with changing(desk, f"Batch {each.id} is stopped") as (session, actor):
            bulk.stop_batch(session, actor=actor, batch_id=each.id)


def _outcomes(each: batch_views.Batch) -> str:
    told = [f"{number:,} {OUTCOMES[name].lower()}" for name, number in sorted(each.outcomes.items())]
    return f" ({', '.join(told)})" if told else ""


def batches_view(desk: Desk, zone: tzinfo) -> None:
    """All batches, and what became of each case of the chosen one."""
    with desk.services.database.transaction() as session:
        found = batch_views.batches(session)
    if not found:
        st.caption("No decision on many cases was made yet. It begins in the queue, under “Decide all”.")
        return
    for each in found:
        _batch(desk, each, zone)


def _batch(desk: Desk, each: batch_views.Batch, zone: tzinfo) -> None:
    end = (
        f"stopped by {plain(each.stopped_by)} {moment(each.stopped_at, zone)}"
        if each.stopped_by
        else f"finished {moment(each.finished_at, zone)}"
        if each.finished_at
        else "under way"
    )
    title = (
        f"Batch {each.id}: {each.decision} {count(each.cases, 'case')}, {credits_of(each.credits)}, "
        f"by {each.by}, {end}{_outcomes(each)}"
    )
    with st.expander(plain(title)):
        st.markdown(f"{reason_title(each.reason_code)}{': ' + plain(each.note) if each.note else ''}")
        if not st.toggle("What became of each case", key=f"refunds_items_{each.id}"):
            return
        with desk.services.database.transaction() as session:
            rows = batch_views.items(session, each.id)
        st.dataframe(
            [
                {
                    "Case": row.case_id,
                    "Customer": row.customer,
                    "Credits": row.amount,
                    "Outcome": OUTCOMES[row.outcome],
                    "What became of it": row.sentence or "",
                }
                for row in rows
            ],
            hide_index=True,
            key=f"refunds_items_table_{each.id}",
        )


def _open(is_open: bool) -> None:
    st.session_state[OPEN] = is_open
