"""One error group, opened: what it is, whom it hit, what was received, and what can be done about it."""

import functools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.access.permissions import Permission
from core.access.staff import active_staff, actor_by_id
from core.classification.taxonomy import facts
from core.foundation.errors import OperatorError
from core.foundation.wording import count, dollars, moment
from core.monitoring import groups
from core.monitoring.group_views import GroupDetail, group_detail
from core.monitoring.groups import FROM
from pages.errors.groups import close_group, state_badge
from pages.errors.retry import retries, retry_button
from pages.shared.links import page_link
from pages.shared.start import Desk, flash, operator_errors, plain, refusal

MUTES = {"1 hour": 1, "8 hours": 8, "1 day": 24, "1 week": 168, "30 days": 720}
ACTIONS = {
    "seen": "was seen first",
    "acknowledge": "acknowledged it",
    "mute": "muted it",
    "resolve": "resolved it",
    "reopen": "opened it again",
    "assign": "assigned it",
    "note": "wrote a note",
    "regressed": "came back after it was resolved",
    "escalated": "escalated",
    "calmed": "calmed down",
    "aged": "is known for a day",
    "mute over": "is no longer muted",
    "retry": "started retries",
    "retry stopped": "stopped the retries",
    "retry halted": "halted the retries",
}


def show_group(desk: Desk, fingerprint: str, zone: tzinfo) -> None:
    """The group, in the place of the table."""
    try:
        with desk.services.database.transaction() as session:
            detail = group_detail(session, fingerprint)
            colleagues = active_staff(session)
    except OperatorError as exc:
        _back()
        st.warning(plain(str(exc)), icon=":material/search_off:")
        return
    with operator_errors():
        _heading(desk, detail, {each.id: each.name for each in colleagues})
        _figures(desk, detail, zone)
        retries(desk, detail, zone)
        received, about = st.columns([1.6, 1], gap="medium")
        with received:
            _samples(detail, zone)
        with about:
            _customers(detail)
            _history(detail, zone)


def _back() -> None:
    st.button("All groups", key="errors_back", icon=":material/arrow_back:", on_click=close_group)


def _heading(desk: Desk, detail: GroupDetail, colleagues: dict[int, str]) -> None:
    known = facts(detail.row.failure_class)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        with st.container(horizontal=True, vertical_alignment="center", width="content"):
            _back()
            st.subheader(known.title, anchor=False, width="content")
            st.markdown(state_badge(detail.row.state) + _about_state(detail), width="content")
        with st.container(horizontal=True, vertical_alignment="center", width="content"):
            _actions(desk, detail, colleagues)
    st.code(detail.row.message or "No words were received.", language=None, wrap_lines=True)
    st.caption(f"{known.operator_hint} The fault is {_fault(known.fault.value)}.")
    if detail.row.note:
        st.info(plain(detail.row.note), icon=":material/sticky_note_2:")


def _fault(whose: str) -> str:
    return {"customer": "the customer's", "us": "ours", "provider": "the provider's"}[whose]


def _about_state(detail: GroupDetail) -> str:
    if detail.acknowledged_by:
        return f" :small[:gray[by {plain(detail.acknowledged_by)}]]"
    if detail.resolved_in:
        return f" :small[:gray[in {plain(detail.resolved_in)}]]"
    return ""


def _actions(desk: Desk, detail: GroupDetail, colleagues: dict[int, str]) -> None:
    no = refusal(desk.actor, Permission.HANDLE_ERRORS)
    state, name = detail.row.state, detail.row.fingerprint
    if state in FROM["acknowledge"]:
        with _box("Acknowledge", ":material/front_hand:", name, no):
            note = st.text_input("Note", key="errors_acknowledge_note", placeholder="What you found so far")
            if st.button("I am on it", key="errors_acknowledge", type="primary"):
                _do(desk, "Acknowledged", functools.partial(groups.acknowledge, fingerprint=name, note=note))
    if state in FROM["mute"]:
        with _box("Mute", ":material/notifications_off:", name, no):
            chosen = st.selectbox("For", list(MUTES), key="errors_mute_for")
            until = datetime.now(UTC) + timedelta(hours=MUTES[chosen])
            if st.button("Mute it", key="errors_mute", type="primary"):
                _do(desk, "Muted", functools.partial(groups.mute, fingerprint=name, until=until))
    if state in FROM["resolve"]:
        with _box("Resolve", ":material/task_alt:", name, no):
            _resolve(desk, detail)
    if state in FROM["reopen"] and st.button(
        "Reopen", key="errors_reopen", icon=":material/undo:", disabled=bool(no), help=no
    ):
        _do(desk, "Open again", functools.partial(groups.reopen, fingerprint=name))
    with _box("Assign or note", ":material/person_add:", name, no):
        _assign(desk, detail, colleagues)


def _box(label: str, icon: str, fingerprint: str, no: str | None) -> DeltaGenerator:
    # Without a key of its own an open popover would stay open in the place of another one.
    key = f"errors_box_{label}_{fingerprint}"
    return st.popover(label, icon=icon, disabled=bool(no), help=no, key=key)


def _resolve(desk: Desk, detail: GroupDetail) -> None:
    st.markdown("Mended as of now? A later failure brings the group back by itself.")
    template = st.selectbox(
        "Mended in",
        [None, *detail.templates],
        format_func=lambda each: detail.templates[each] if each else "Everything",
        key="errors_resolve_template",
        help="With a version, only a later failure of that version brings the group back.",
    )
    note = st.text_input("Note", key="errors_resolve_note", placeholder="What mended it")
    if st.button("Resolve it", key="errors_resolve", type="primary"):
        name = detail.row.fingerprint
        step = functools.partial(groups.resolve, fingerprint=name, template_hash=template, note=note)
        _do(desk, "Resolved", step)


def _assign(desk: Desk, detail: GroupDetail, colleagues: dict[int, str]) -> None:
    name = detail.row.fingerprint
    ids = [None, *colleagues]
    chosen = st.selectbox(
        "With",
        ids,
        index=ids.index(detail.assignee_id) if detail.assignee_id in ids else 0,
        format_func=lambda each: colleagues[each] if each else "Nobody",
        key=f"errors_assign_{name}",
    )
    note = st.text_area("Note", detail.row.note or "", key=f"errors_note_{name}")
    if st.button("Save", key="errors_assign_save", type="primary"):
        _do(
            desk,
            "Saved",
            functools.partial(groups.assign, fingerprint=name, staff_id=chosen),
            functools.partial(groups.annotate, fingerprint=name, note=note),
        )


def _do(desk: Desk, said: str, *steps: Callable[..., object]) -> None:
    """Take every step in one transaction, with the actor's roles of this moment."""
    with desk.services.database.transaction() as session:
        actor = actor_by_id(session, desk.actor.id)
        for step in steps:
            step(session, actor=actor)
    flash(said)
    st.rerun()


def _figures(desk: Desk, detail: GroupDetail, zone: tzinfo) -> None:
    row = detail.row
    values = {
        "Generations lost": f"{row.failed_generations:,}",
        "Failed tries": f"{row.failed_attempts:,}",
        "Customers": f"{row.customers:,}",
        "Our cost": plain(dollars(row.cost_usd)),
        "Credits charged": f"{row.credits:,}",
        "First seen": moment(row.first_seen, zone),
        "Last seen": moment(row.last_seen, zone),
    }
    for place, (label, value) in zip(st.columns([1, 1, 1, 1, 1, 1.5, 1.5]), values.items(), strict=True):
        place.metric(label, value)
    with st.container(horizontal=True, vertical_alignment="center"):
        page_link(
            "generations/page.py", "Open its generations", icon=":material/list:", group=row.fingerprint
        )
        retry_button(desk, detail)
        st.caption(f"With {plain(row.assignee or 'nobody')} · {row.fingerprint}", width="content")


def _samples(detail: GroupDetail, zone: tzinfo) -> None:
    st.markdown("**What was received, word for word**")
    for sample in detail.samples:
        rule = f", rule `{sample.rule}`" if sample.rule else ""
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            page_link("generations/page.py", f"No. {sample.generation_id:,}", id=str(sample.generation_id))
            st.caption(f"{moment(sample.at, zone)}, {plain(sample.customer)}{rule}", width="content")
        st.code(sample.text or "No words were received.", language=None, wrap_lines=True)


def _customers(detail: GroupDetail) -> None:
    st.markdown("**Affected customers**")
    lines = {
        f"{plain(each.name)} :gray[:small[{plain(each.reference)}]]": count(each.generations, "generation")
        for each in detail.customers
    }
    if lines:
        st.table(lines, border="horizontal", hide_header=True)
    if detail.row.customers > len(detail.customers):
        st.caption(f"And {detail.row.customers - len(detail.customers):,} more.")


def _history(detail: GroupDetail, zone: tzinfo) -> None:
    st.markdown("**History**")
    with st.container(border=True, gap="xsmall"):
        for change in detail.history:
            who = "It" if change.actor == "system" else plain(change.actor)
            note = f"  \n:small[{plain(change.note)}]" if change.note else ""
            did = ACTIONS.get(change.action, change.action)
            st.markdown(f":small[:gray[{moment(change.at, zone)}]] {who} {did}{note}")
