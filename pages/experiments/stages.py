"""A plan on the page of each of its stages: cards in turn, what waits for what, and how to go on or end."""

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from decimal import Decimal

import streamlit as st

from core.access.permissions import Permission
from core.experiments.stages import end_plan, forecast_next, next_by_hand
from core.experiments.stages_views import PlanView, Prediction, StageView, plan_of, plan_view, prediction
from core.foundation.statistics.rank_agreement import RankAgreement
from core.foundation.wording import count, dollars, moment
from pages.experiments.address import FILE, OPEN, go_to
from pages.experiments.words import STATES, doubts, price
from pages.shared.changing import changing
from pages.shared.links import page_link
from pages.shared.start import Desk, operator_errors, plain, refusal

LIVE = "3s"
WAITS = ":violet-badge[:material/how_to_vote: Waits for votes]"
DECIDED = ":green-badge[:material/check_circle: Decided]"
AHEAD = ":gray-badge[:material/pending: To come]"
PASSED = ":gray-badge[:material/skip_next: Passed over]"
# What became of versions, in words; the order is that of the card.
OUTCOMES = {
    "lost": "Lost against the best",
    "crowded_out": "Weakest of the rest",
    "not_drawn": "No image of it",
    "left_out": "Left out",
}
# In the last stage nobody goes on, so nobody is crowded out either.
FINAL = OUTCOMES | {"crowded_out": "Behind, but not by enough to have lost"}


def experiment_stages(desk: Desk, number: int, zone: tzinfo) -> None:
    """The plan that this experiment is a stage of; nothing where it stands alone."""
    with desk.services.database.transaction() as session:
        plan_id = plan_of(session, number)
    if plan_id is None:
        return
    seen = _load(desk, plan_id)
    live = seen.ended_at is None
    st.fragment(_chain, run_every=LIVE if live else None)(desk, plan_id, number, zone, len(seen.stages), live)
    _predicts(desk, plan_id)


def _load(desk: Desk, plan_id: int) -> PlanView:
    with desk.services.database.transaction() as session:
        return plan_view(session, desk.services.settings, plan_id)


def _chain(desk: Desk, plan_id: int, number: int, zone: tzinfo, stages: int, live: bool) -> None:
    with operator_errors():
        seen = _load(desk, plan_id)
        if len(seen.stages) != stages or (live and seen.ended_at is not None):
            st.rerun()
        _money(seen)
        places = iter(st.columns(len(seen.qualities), gap="small"))
        made = {each.quality: each for each in seen.stages}
        for quality in seen.qualities:
            with next(places), st.container(border=True, height="stretch", gap="small"):
                if quality in made:
                    _made(made[quality], number, zone, final=quality == seen.qualities[-1])
                else:
                    _to_come(seen, quality)
        if seen.waits_for:
            st.warning(plain(seen.waits_for), icon=":material/pause_circle:")
        if seen.end_reason:
            st.info(plain(seen.end_reason), icon=":material/flag:")
        _by_hand(desk, seen)


def _money(seen: PlanView) -> None:
    flight = f", {dollars(seen.money.in_flight)} in flight" if seen.money.in_flight else ""
    told = f"{dollars(seen.money.spent)} spent{flight} over all stages, cap {dollars(seen.budget_usd)}"
    st.markdown(f"**In stages** · {plain(told)}")


def _made(stage: StageView, number: int, zone: tzinfo, *, final: bool) -> None:
    far = stage.progress
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        name = f"{stage.number}. {stage.quality.capitalize()}"
        if far.id == number:
            st.markdown(f"**{name}**", width="content")
        else:
            page_link(FILE, name, icon=":material/grid_view:", **{OPEN: str(far.id)})
        st.markdown(_badge(stage), width="content")
    st.caption(
        plain(
            f"{count(len(stage.versions), 'version')} · {far.done:,} of {far.total:,} images · "
            f"{dollars(far.money.spent)} spent"
        )
    )
    if stage.decided_at is not None:
        _outcomes(stage, zone, FINAL if final else OUTCOMES)
    elif stage.more_votes is not None:
        st.markdown(f"Waits for about {count(stage.more_votes, 'more vote')}.")
        page_link("votes/page.py", "Vote blind", icon=":material/how_to_vote:", batch=str(stage.batch_id))
    elif far.state in ("running", "stopping"):
        st.markdown("Voting opens once its images are drawn.")


def _badge(stage: StageView) -> str:
    if stage.progress.state != "done":
        return STATES[stage.progress.state]
    return WAITS if stage.decided_at is None else DECIDED


def _outcomes(stage: StageView, zone: tzinfo, words_of: Mapping[str, str]) -> None:
    lines = [f":green[:material/arrow_forward:] **{plain(name)}**" for name in stage.named("survived")]
    for outcome, words in words_of.items():
        if names := stage.named(outcome):
            lines.append(f":small[:gray[{words}:] {plain(', '.join(names))}]")
    who = plain(stage.decided_by) if stage.decided_by else "the votes"
    lines.append(f":small[:gray[Decided by {who}, {moment(stage.decided_at, zone)}]]")
    st.markdown("  \n".join(lines))


def _to_come(seen: PlanView, quality: str) -> None:
    passed = quality in seen.passed_over or seen.ended_at is not None
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f":gray[{quality.capitalize()}]", width="content")
        st.markdown(PASSED if passed else AHEAD, width="content")
    if quality in seen.passed_over:
        st.caption("It would drop nobody: no more versions are left by then than may go on after it.")
    elif seen.ended_at is None and seen.ahead and quality == seen.ahead[0]:
        before = seen.last.quality
        st.caption(f"Waits for the votes on {before}; at most {count(seen.keep, 'version')} go on.")


def _by_hand(desk: Desk, seen: PlanView) -> None:
    no = refusal(desk.actor, Permission.RUN_EXPERIMENTS)
    if seen.active or not seen.begun:
        return
    with st.container(horizontal=True):
        if seen.may_go_on:
            with st.popover(
                "Start the next stage now", icon=":material/fast_forward:", disabled=bool(no), help=no
            ):
                if not no:
                    _next(desk, seen)
        if seen.ended_at is None:
            with st.popover("End here", icon=":material/flag:", disabled=bool(no), help=no):
                st.write("No further stage is made. What is drawn and voted stays.")
                if st.button(
                    "End this plan", key=f"experiments_end_{seen.id}", type="primary", disabled=bool(no)
                ):
                    with changing(desk, "The plan is over") as (session, actor):
                        end_plan(session, actor=actor, plan_id=seen.id)


def _next(desk: Desk, seen: PlanView) -> None:
    last = seen.last
    names = {each.variant_id: each.name for each in last.versions}
    chosen = st.multiselect(
        f"Versions of {last.quality} that go on",
        list(names),
        key=f"experiments_next_{last.progress.id}",
        format_func=names.__getitem__,
        placeholder="Choose who goes on",
    )
    cap = st.number_input(
        "Cap over all stages in $",
        0.01,
        10_000.0,
        float(seen.budget_usd),
        key=f"experiments_next_cap_{seen.id}",
    )
    if not chosen:
        st.caption("Its blind votes are closed then, and the names are told.")
        return
    with operator_errors():
        _confirm(desk, seen, chosen, Decimal(str(cap)).quantize(Decimal("0.0001")))


def _confirm(desk: Desk, seen: PlanView, chosen: Sequence[int], budget: Decimal) -> None:
    with desk.services.database.transaction() as session:
        found = forecast_next(
            session,
            desk.services.settings,
            actor=desk.actor,
            plan_id=seen.id,
            variant_ids=chosen,
            budget_usd=budget,
        )
    for each in doubts(found):
        st.caption(f":material/info: {plain(each)}")
    if st.button(
        plain(f"Start with {count(len(chosen), 'version')}: {price(found)}"),
        type="primary",
        key=f"experiments_next_go_{seen.last.progress.id}",
        icon=":material/play_arrow:",
    ):
        with changing(desk, "Running") as (session, actor):
            made = next_by_hand(
                session,
                desk.services.settings,
                actor=actor,
                plan_id=seen.id,
                seen=seen.last.number,
                variant_ids=chosen,
                most_usd=found.usd,
                budget_usd=None if budget == seen.budget_usd else budget,
            )
            go_to(made.id)


def _predicts(desk: Desk, plan_id: int) -> None:
    with desk.services.database.transaction() as session:
        found = prediction(session, plan_id)
    st.caption(plain(predicts_words(found)))


def predicts_words(found: Prediction) -> str:
    """How well low predicts high, or that there are too few versions to tell."""
    what = f"Does {found.lower} predict {found.higher}?"
    if not found.pooled.told:
        return (
            f"{what} Too few to tell: {count(found.own.versions, 'version')} of this plan and "
            f"{found.pooled.versions:,} of all such plans were voted on in both."
        )
    if found.own.told:
        return f"{what} {_agreed(found.own)} In all such plans: {_agreed(found.pooled)}"
    return f"{what} {_agreed(found.pooled)} This plan alone has too few versions to tell."


def _agreed(found: RankAgreement) -> str:
    if found.tau is None or found.interval is None:
        return "Too few to tell."
    low, high = found.interval.low, found.interval.high
    doubt = "" if found.interval.excludes_zero else ", so it may as well not"
    return (
        f"Rank agreement {found.tau:.2f} ({low:.2f} to {high:.2f}) over {count(found.versions, 'version')} "
        f"of {count(found.groups, 'plan')}{doubt}."
    )
