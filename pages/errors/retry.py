"""Retrying the failed generations of an error group: the dry run and its confirmation."""

from datetime import UTC, datetime, timedelta, tzinfo

import streamlit as st

from core.access.permissions import Permission
from core.access.staff import actor_by_id
from core.foundation.errors import Conflict, OperatorError
from core.foundation.wording import count, dollars, duration, moment
from core.monitoring.group_views import GroupDetail
from core.monitoring.retries.batches import start
from core.monitoring.retries.plan import Plan, Scope, plan
from core.monitoring.retries.views import expected_time
from pages.errors.filters import range_of_address
from pages.errors.retry_batches import show_batches
from pages.shared.start import Desk, flash, plain, refusal

# Which group's dry run is open, and what was confirmed in it.
OPEN = "errors_retry_open"
CONFIRMED = "errors_retry_confirmed"
RANGE, ALL = "range", "all"


def retry_button(desk: Desk, detail: GroupDetail) -> None:
    """The way to the dry run."""
    if not detail.row.failed_generations:
        return
    no = refusal(desk.actor, Permission.GENERATE)
    st.button(
        "Retry failed generations",
        key=f"errors_retry_{detail.row.fingerprint}",
        icon=":material/refresh:",
        disabled=bool(no),
        help=no,
        on_click=_open,
        args=(detail.row.fingerprint,),
    )


def retries(desk: Desk, detail: GroupDetail, zone: tzinfo) -> None:
    """The dry run where it is open, and the batches that were started before."""
    fingerprint = detail.row.fingerprint
    _start_confirmed(desk, fingerprint)
    if st.session_state.get(OPEN) == fingerprint:
        _dry_run(desk, fingerprint, zone)
    show_batches(desk, fingerprint, zone)


def _open(fingerprint: str) -> None:
    st.session_state[OPEN] = fingerprint


def _close() -> None:
    st.session_state.pop(OPEN, None)


def _dry_run(desk: Desk, fingerprint: str, zone: tzinfo) -> None:
    with st.container(border=True, key=f"errors_retry_box_{fingerprint}"):
        scope = _scope(zone)
        services = desk.services
        with services.database.transaction() as session:
            found = plan(session, services.settings, fingerprint=fingerprint, scope=scope)
            takes = expected_time(session, services.settings, len(found.prices))
        counts, prices = st.columns([1.5, 1], gap="large")
        with counts:
            st.markdown(_headline(found))
            _left_out(found)
        with prices:
            _prices(found, takes)
        with st.container(horizontal=True):
            if found.prices:
                st.button(
                    confirmation(found),
                    # With other figures it is another button: a click means the figures that were read.
                    key=f"errors_retry_confirm_{found.token}",
                    type="primary",
                    icon=":material/refresh:",
                    on_click=_confirm,
                    args=(fingerprint, scope, found.token),
                )
            st.button("Close", key="errors_retry_close", on_click=_close)


def _scope(zone: tzinfo) -> Scope:
    """The page's time, or all of it; never what fails after this look."""
    since, until = range_of_address(zone)
    now = datetime.now(UTC)
    ends = f"to {moment(until, zone)}" if until < now else "until now"
    labels = {RANGE: f"Failed {moment(since, zone)} {ends}", ALL: "All that ever failed"}
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**Retry failed generations**", width="content")
        chosen = st.segmented_control(
            "Which",
            labels,
            default=RANGE,
            key="errors_retry_scope",
            format_func=labels.__getitem__,
            required=True,
            label_visibility="collapsed",
        )
    return Scope(None, now) if chosen == ALL else Scope(since, min(until, now))


def _headline(found: Plan) -> str:
    if not found.total:
        return "No generation of this group failed in the end in this time."
    failed = f"{count(len(found.prices), 'generation')} of {found.total:,} that failed"
    return f"**{failed}** can be retried, for {count(found.customers, 'customer')}."


def _left_out(found: Plan) -> None:
    if found.left_out:
        st.markdown("Left out:\n" + "\n".join(f"- {n:,} {plain(why)}" for why, n in found.left_out.items()))
    if found.short:
        names = ", ".join(f"{plain(each.name)} lacks {each.missing:,}" for each in found.short)
        st.caption(f"Credits: {names}. Grant them first, and they are counted in.")


def _prices(found: Plan, takes: timedelta | None) -> None:
    """Who pays what, and how long it takes."""
    if not found.prices:
        return
    lines = [f"Customers pay **{count(found.credits, 'credit') if found.credits else 'nothing'}**."]
    most = "at most " if found.unpriced else ""
    lines.append(f"We pay {most}**{plain(dollars(found.cost_usd))}**, if each is drawn once.")
    if found.unpriced:
        lines.append(
            f"The price of {found.unpriced:,} of them is not published: the most it can be is counted."
        )
    if takes is None:
        lines.append(":gray[How long it takes is not known: nothing was drawn in the last 24 hours.]")
    else:
        lines.append(f"It takes about **{duration(takes)}** with what is queued now.")
    st.markdown("  \n".join(lines))


def confirmation(found: Plan) -> str:
    """`Retry 41 for $3.44 and 410 credits`."""
    parts = [f"{'at most ' if found.unpriced else ''}{dollars(found.cost_usd)}"]
    if found.credits:
        parts.append(count(found.credits, "credit"))
    price = f" for {' and '.join(parts)}" if parts else ""
    return plain(f"Retry {len(found.prices):,}{price}")


def _confirm(fingerprint: str, scope: Scope, token: str) -> None:
    st.session_state[CONFIRMED] = (fingerprint, scope, token)


def _start_confirmed(desk: Desk, fingerprint: str) -> None:
    """Start what was confirmed by the click that led to this run. A second click finds the same batch."""
    confirmed = st.session_state.pop(CONFIRMED, None)
    if confirmed is None or confirmed[0] != fingerprint:
        return
    _, scope, token = confirmed
    services = desk.services
    try:
        with services.database.transaction() as session:
            start(
                session,
                services.settings,
                actor=actor_by_id(session, desk.actor.id),
                fingerprint=fingerprint,
                scope=scope,
                token=token,
            )
    except Conflict as exc:
        st.warning(plain(str(exc)), icon=":material/sync_problem:")
    except OperatorError as exc:
        st.error(plain(str(exc)))
    else:
        _close()
        flash("The retries are on their way")
        st.rerun()
