"""Stuck generations, by reason, each with the one thing that helps."""

import itertools

import streamlit as st

from core.access.permissions import Permission
from core.access.staff import actor_by_id
from core.foundation.wording import count, duration
from core.generation.cancel import request_cancel
from core.generation.reports import Applied
from core.health.actions import adopt_now, poll_now, store_now
from core.health.stuck import Reason, Step, Stuck
from core.health.view import Health
from pages.health.words import REASONS, STEP_HELP, STEP_ICONS, STEPS, told
from pages.shared.badges import badge
from pages.shared.links import page_link
from pages.shared.start import Desk, operator_errors, plain, refusal

WIDTHS = (0.75, 1.1, 1.3, 1, 1.6, 1.35)
SAID = {
    Applied.DRAWN: "It is drawn: stored next",
    Applied.ENDED: "It had ended at the provider",
    Applied.KNOWN: "The provider is still drawing it",
}


def stuck_list(desk: Desk, seen: Health) -> None:
    """Every reason that there is, with its longest waiting generations."""
    if not seen.stuck.total:
        return
    st.markdown(f"**Stuck** :gray[:small[{count(seen.stuck.total, 'generation')}]]")
    for reason, group in itertools.groupby(seen.stuck.shown, lambda each: each.reason):
        _group(desk, reason, list(group), seen.stuck.counts[reason])


def _group(desk: Desk, reason: Reason, found: list[Stuck], total: int) -> None:
    with st.container(border=True, gap="xsmall"):
        words = REASONS[reason]
        shown = f" :gray[the longest waiting {len(found)} of {total:,}]" if total > len(found) else ""
        st.markdown(f":orange-badge[{words.title}] :small[{total:,}{shown} :gray[{words.meaning}]]")
        for each in found:
            _row(desk, each)


def _row(desk: Desk, stuck: Stuck) -> None:
    number, state, customer, waiting, particular, step = st.columns(WIDTHS, vertical_alignment="center")
    with number:
        page_link("generations/page.py", f"No. {stuck.id:,}", id=str(stuck.id))
    state.markdown(badge(stuck.state))
    customer.markdown(f":small[{plain(stuck.customer)}]")
    waiting.markdown(f":small[for {duration(stuck.waiting)}]")
    particular.markdown(f":small[:gray[{plain(told(stuck))}]]")
    permission = Permission.CANCEL if stuck.step is Step.CANCEL else Permission.OPERATE
    no = refusal(desk.actor, permission)
    if stuck.busy and stuck.step is Step.STORE:
        no = f"Worker {stuck.holder} is storing it right now."
    pressed = step.button(
        STEPS[stuck.step],
        key=f"health_{stuck.step}_{stuck.id}",
        icon=STEP_ICONS[stuck.step],
        help=no or STEP_HELP[stuck.step],
        disabled=bool(no),
        width="stretch",
    )
    if pressed:
        with operator_errors():
            st.toast(_do(desk, stuck), icon=STEP_ICONS[stuck.step])


def _do(desk: Desk, stuck: Stuck) -> str:
    """Take the step; what came of it."""
    services = desk.services
    with services.database.transaction() as session:
        actor = actor_by_id(session, desk.actor.id)
    match stuck.step:
        case Step.POLL:
            applied = poll_now(services, actor=actor, generation_id=stuck.id)
            return SAID.get(applied, "The provider told nothing new")
        case Step.ADOPT:
            swept = adopt_now(services, actor=actor)
            found = count(swept.changed, "generation")
            return f"Read the provider's list: {found} changed, {swept.lost:,} given up"
        case Step.STORE:
            with services.database.transaction() as session:
                store_now(session, services.settings, actor=actor, generation_id=stuck.id)
            return f"No. {stuck.id:,} goes to the next free worker"
        case Step.CANCEL:
            with services.database.transaction() as session:
                request_cancel(session, actor=actor, generation_id=stuck.id)
            return f"No. {stuck.id:,} is canceled, its credits are back"
