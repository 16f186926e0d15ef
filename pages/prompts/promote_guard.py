"""The watch over what was promoted last, on the Prompts page: figures, the way back, history and limits."""

from datetime import datetime, timedelta, tzinfo
from typing import Any

import streamlit as st

from core.access.permissions import Permission
from core.foundation.wording import UNKNOWN, ago, count, dollars, duration, moment
from core.promotion.live import Figures, Spread
from core.promotion.views import Past, Watch, promotions, rolled_back_lately, watch
from pages.prompts.promote_limits import limits_form
from pages.shared.links import page_link
from pages.shared.promote_panel import conditions
from pages.shared.promote_steps import ask_automatic, ask_roll_back
from pages.shared.rates import share
from pages.shared.start import Desk, operator_errors, plain, refusal

LIVE = "5s"
# The word is always there, so that nobody needs the colour.
STATES = {
    "watching": ":blue-badge[:material/visibility: Watched]",
    "regressed": ":red-badge[:material/trending_down: Does worse]",
    "passed": ":green-badge[:material/check_circle: Passed]",
    "rolled_back": ":orange-badge[:material/undo: Rolled back]",
    "superseded": ":gray-badge[:material/sell: Moved on]",
}


def promotion_banner(desk: Desk, zone: tzinfo) -> None:
    """On every view of the page: what does worse waits for a click, or was taken back already."""
    with desk.services.database.transaction() as session:
        seen, back = watch(session), rolled_back_lately(session)
    if seen is not None and seen.regressed:
        st.error(plain(f"{seen.title} does worse. {seen.said}"), icon=":material/trending_down:")
        _roll_back(desk, seen, "banner")
    if back is not None:
        st.warning(
            plain(
                f"Inkdesk rolled production back to {back.former_title} at {moment(back.ended_at, zone)}. "
                f"{back.said}"
            ),
            icon=":material/undo:",
        )


def promotion_view(desk: Desk, zone: tzinfo) -> None:
    """The watch that is on, the limits, and every promotion."""
    with desk.services.database.transaction() as session:
        seen, past = watch(session), promotions(session)
    if seen is None:
        st.info("Nothing is watched. After a promotion its first customer jobs are compared here.")
    else:
        _watch(desk, seen, zone)
    limits_form(desk, zone)
    st.markdown("**Promotions**")
    if not past:
        st.caption("None yet. Open a version, or a verdict on the Votes page, and use Promote.")
    for each in past:
        _past(each, zone)


def _watch(desk: Desk, seen: Watch, zone: tzinfo) -> None:
    with st.container(border=True):
        st.fragment(_figures, run_every=LIVE)(desk, seen.promotion_id, seen.regressed, zone)
        no = refusal(desk.actor, Permission.MOVE_PRODUCTION)
        key = f"promotion_automatic_{seen.promotion_id}"
        # What somebody else switched meanwhile is shown, not what this page showed before.
        st.session_state[key] = seen.automatic
        with st.container(horizontal=True, vertical_alignment="center"):
            if not seen.regressed:
                _roll_back(desk, seen, "watch")
            st.toggle(
                "Roll back automatically",
                key=key,
                disabled=bool(no),
                help=no,
                on_change=ask_automatic,
                args=(key, seen.promotion_id),
            )
        st.caption(
            "Counted are customers' jobs, no experiments, previews or retries. Refusals decide, and requests "
            "that the model does not accept; failures by the provider or by our own servers blame no "
            "version. The bound may be looked at after every job: without a difference, at most 5 of 100 "
            "watches end in a roll back. Intervals are of 95 %. Time and cost are shown and decide nothing."
        )


def _figures(desk: Desk, promotion_id: int, regressed: bool, zone: tzinfo) -> None:
    with operator_errors():
        with desk.services.database.transaction() as session:
            seen = watch(session)
        if seen is None or seen.promotion_id != promotion_id or seen.regressed != regressed:
            # What can be done about it has changed with it.
            st.rerun()
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(
                f"{STATES['regressed' if seen.regressed else 'watching']} **{plain(seen.title)}** against "
                f"**{plain(seen.former_title)}**",
                width="content",
            )
            st.markdown(
                f":small[:gray[promoted {ago(seen.since)} by {plain(seen.promoted_by)}]]", width="content"
            )
        done = seen.now.counts.cases
        told = [f"{done:,} of {count(seen.jobs, 'customer job')}"]
        if seen.now.under_way:
            told.append(f"{seen.now.under_way:,} under way")
        if not seen.regressed:
            told.append(f"at the next job {count(seen.too_many, 'refusal')} in all would be too many")
        told.append(f"at the latest until {moment(seen.until, zone)}")
        st.progress(min(1.0, done / seen.jobs), text=" · ".join(told))
        st.dataframe(
            [_row(seen.title, seen.now), _row(f"{seen.former_title}, before", seen.before)],
            hide_index=True,
            key=f"promotion_figures_{promotion_id}",
            alt="Both versions' refusals, failures, times and cost",
        )


def _row(title: str, found: Figures) -> dict[str, Any]:
    counted = found.counts
    return {
        "Version": title,
        "Jobs": counted.cases,
        "Refused": share(counted.refusals),
        "Request not accepted": share(counted.requests),
        "Failed, not its fault": counted.others,
        "Time, median": _time(found.took),
        "An avatar": dollars(found.cost_usd),
    }


def _time(took: Spread) -> str:
    if took.median is None:
        return UNKNOWN
    told = duration(timedelta(seconds=took.median))
    if took.low is None or took.high is None:
        return told
    return f"{told} ({took.low:.1f} to {took.high:.1f} s)"


def _roll_back(desk: Desk, seen: Watch, place: str) -> None:
    no = refusal(desk.actor, Permission.MOVE_PRODUCTION)
    st.button(
        plain(f"Roll back to {seen.former_title}"),
        key=f"promotion_back_{place}_{seen.promotion_id}",
        icon=":material/undo:",
        type="primary" if seen.regressed else "secondary",
        disabled=bool(no),
        help=no,
        on_click=ask_roll_back,
        args=(seen.promotion_id, seen.moves, seen.former_title),
    )


def _past(each: Past, zone: tzinfo) -> None:
    overridden = " :orange-badge[:material/edit_note: Gate overridden]" if each.overridden else ""
    with st.container(border=True, gap="small"):
        st.markdown(
            f"{STATES[each.state]}{overridden} **{plain(f'{each.former_title} → {each.title}')}**  \n"
            f":small[:gray[{moment(each.at, zone)}, {plain(each.who)}:] {plain(each.reason)}]"
        )
        if each.said:
            by = f", {plain(each.ended_by)}" if each.ended_by else ""
            st.markdown(f":small[:gray[{_end(each.ended_at, zone)}{by}:] {plain(each.said)}]")
        with st.expander("Conditions as they were judged"):
            conditions(each.conditions)
            if each.experiment_id is not None:
                page_link(
                    "votes/page.py",
                    "The experiment's verdict",
                    icon=":material/gavel:",
                    view="verdict",
                    experiment=str(each.experiment_id),
                )


def _end(ended_at: datetime | None, zone: tzinfo) -> str:
    return "now" if ended_at is None else moment(ended_at, zone)
