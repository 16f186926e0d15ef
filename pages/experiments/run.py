"""One experiment: how far it is, what it has cost, how to stop it or go on, and its images."""

from datetime import tzinfo
from decimal import Decimal
from typing import Any

import streamlit as st

from core.access.permissions import Permission
from core.experiments.plan import MOST_REPEATS, Forecast, forecast_start
from core.experiments.runs import get_experiment, start, stop_after_these, stop_now
from core.experiments.views import Progress, progress
from core.foundation.wording import moment
from pages.experiments.address import back_to_list
from pages.experiments.cells import experiment_cells
from pages.experiments.panels import experiment_panels
from pages.experiments.stages import experiment_stages
from pages.experiments.words import STATES, doubts, left, money, price, shape, standing
from pages.shared.changing import changing
from pages.shared.links import page_link
from pages.shared.start import Desk, operator_errors, plain, refusal

LIVE = "1s"


def experiment_run(desk: Desk, number: int, zone: tzinfo) -> None:
    """The experiment with this number; while something changes by itself, so does what is shown."""
    back_to_list()
    seen = _load(desk, number)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(plain(seen.name), anchor=False, width="content")
        st.markdown(STATES[seen.state], width="content")
        if seen.done:
            page_link(
                "votes/page.py",
                "Verdict and promotion",
                icon=":material/gavel:",
                view="verdict",
                experiment=str(seen.id),
            )
    who = seen.started_by or seen.created_by
    st.caption(
        plain(
            f"Experiment {seen.id} · {shape(seen)} of {seen.test_set} v{seen.set_version} · {who}, "
            f"{moment(seen.started_at or seen.created_at, zone)}"
        )
    )
    experiment_stages(desk, number, zone)
    live = seen.active
    st.fragment(_progress, run_every=LIVE if live else None)(desk, number, seen.state, live)
    if seen.state != "stopping":
        _go_on(desk, seen)
    experiment_panels(desk, number)
    st.fragment(experiment_cells, run_every="3s" if live else None)(desk, number)


def _load(desk: Desk, number: int) -> Progress:
    with desk.services.database.transaction() as session:
        return progress(session, desk.services.settings, number)


def _progress(desk: Desk, number: int, state: str, live: bool) -> None:
    with operator_errors():
        seen = _load(desk, number)
        if seen.state != state or (live and not seen.active):
            # What can be done about it has changed with it.
            st.rerun()
        told = [standing(seen), money(seen)]
        if seen.shared:
            told.append(f"{seen.shared:,} shared for nothing")
        if seen.state == "running":
            told.append(left(seen.left))
        st.progress(seen.settled / max(seen.total, 1), text=plain(" · ".join(told)))
        if seen.stop_reason:
            st.warning(plain(seen.stop_reason), icon=":material/block:")
        if seen.state == "running":
            _stop(desk, seen)


def _stop(desk: Desk, seen: Progress) -> None:
    no = refusal(desk.actor, Permission.RUN_EXPERIMENTS)
    with st.container(horizontal=True):
        now = st.button(
            "Stop now",
            key="experiments_stop_now",
            icon=":material/block:",
            disabled=bool(no),
            help=no or "Cancels what the provider has under way. What is drawn already is kept.",
        )
        after = st.button(
            "Stop after these",
            key="experiments_stop_after",
            icon=":material/hourglass_bottom:",
            disabled=bool(no),
            help=no or "Waits for what the provider has, and buys nothing more.",
        )
    if now or after:
        stop = stop_now if now else stop_after_these
        with changing(desk, "Stopping") as (session, actor):
            stop(session, actor=actor, experiment_id=seen.id)


def _go_on(desk: Desk, seen: Progress) -> None:
    """Start, retry, more samples: each names its price first."""
    with operator_errors(), st.container(horizontal=True, vertical_alignment="center"):
        if seen.state in ("draft", "stopped"):
            _again(desk, seen, "Start" if seen.state == "draft" else "Resume", primary=True, key="start")
        if seen.failed and seen.state != "draft":
            _again(desk, seen, "Retry failures", key="retry", retry=True)
        if seen.repeats < MOST_REPEATS and seen.state != "draft":
            with st.popover("More samples", icon=":material/stacks:"):
                repeats = st.number_input(
                    "Samples in each cell", seen.repeats + 1, MOST_REPEATS, key="experiments_repeats"
                )
                _again(desk, seen, "Buy", key="more", repeats=repeats)
        if seen.state in ("draft", "stopped"):
            with st.popover("Change the cap", icon=":material/savings:"):
                cap = st.number_input(
                    "Cap in $", 0.01, 10_000.0, float(seen.budget_usd), key="experiments_new_cap"
                )
                budget = Decimal(str(cap)).quantize(Decimal("0.0001"))
                _again(desk, seen, "Go on with this cap", key="cap", budget_usd=budget)


def _again(desk: Desk, seen: Progress, what: str, *, key: str, primary: bool = False, **given: Any) -> None:
    found = _forecast(desk, seen.id, **given)
    if found.settled == found.cells:
        return
    no = refusal(desk.actor, Permission.RUN_EXPERIMENTS)
    for each in doubts(found):
        st.caption(f":material/info: {plain(each)}", width="content")
    if st.button(
        plain(f"{what}: {price(found)}"),
        key=f"experiments_{key}",
        icon=":material/play_arrow:",
        type="primary" if primary else "secondary",
        disabled=bool(no),
        help=no,
    ):
        with changing(desk, "Running") as (session, actor):
            start(
                session,
                desk.services.settings,
                actor=actor,
                experiment_id=seen.id,
                most_usd=found.usd,
                **given,
            )


def _forecast(desk: Desk, number: int, **given: Any) -> Forecast:
    with desk.services.database.transaction() as session:
        return forecast_start(session, desk.services.settings, get_experiment(session, number), **given)
