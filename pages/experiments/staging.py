"""How a new experiment is spent: all at once, or in stages, and what the stages would cost as a range."""

from collections.abc import Sequence
from datetime import timedelta

import streamlit as st

from core.experiments.plan import Wish
from core.experiments.stages_plan import FEWEST_VERSIONS, PlanForecast, Staging
from core.foundation.wording import dollars, duration
from core.votes.staging import FINALISTS, STAGES, default_keeps, passed_over
from pages.shared.start import plain

AT_ONCE, IN_STAGES = "All at once", "In stages"


def spending_choice() -> bool:
    """Whether the tuner wants stages."""
    choice = st.segmented_control(
        "Spend",
        (AT_ONCE, IN_STAGES),
        default=AT_ONCE,
        key="experiments_spend",
        required=True,
        help="In stages all versions are drawn in low quality first. Raters vote blind, and only the better "
        "ones are drawn in the next quality, which starts by itself.",
    )
    return choice == IN_STAGES


def staging_fields(versions: int) -> Staging:
    """The stages, and how many versions go on after each."""
    chosen = st.pills(
        "Stages",
        STAGES,
        default=list(STAGES),
        key="experiments_stages",
        selection_mode="multi",
        help="Qualities in turn, the lowest first.",
    )
    qualities = tuple(each for each in STAGES if each in chosen)
    if len(qualities) < 2 or versions < FEWEST_VERSIONS:
        return Staging(qualities)
    usual = default_keeps(versions, len(qualities))
    keeps: list[int] = []
    places = st.columns(len(qualities) - 1)
    for place, quality, keep in zip(places, qualities, usual, strict=False):
        most = max(keeps[-1] if keeps else versions - 1, FINALISTS)
        keeps.append(
            place.number_input(
                f"Go on after {quality}, at most",
                FINALISTS,
                most,
                min(keep, most),
                key=f"experiments_keep_{quality}_{versions}_{most}",
            )
        )
    staging = Staging(qualities, (*keeps, 1))
    if passed := passed_over(staging.keeping(versions), 0, keeps[0]):
        names = " and ".join(qualities[place] for place in passed)
        st.caption(f"With {keeps[0]} after {qualities[0]}, {names} would drop nobody and is passed over.")
    return staging


def plan_figures(found: PlanForecast, wish: Wish, staging: Staging) -> None:
    """The first stage for sure, the whole as a range, against all versions in the last quality."""
    with st.container(border=True):
        first, second = st.columns(2)
        first.metric(f"First stage, {staging.qualities[0]}", plain(dollars(found.first.usd)))
        second.metric("Takes about", _takes(found.least_time))
        first.metric("All stages", plain(f"{dollars(found.least_usd)} to {dollars(found.most_usd)}"))
        second.metric("Take about", _range(found.least_time, found.most_time), help="Without the voting.")
        share = f" ({found.most_usd / found.grid_usd:.0%} of it at most)" if found.grid_usd else ""
        st.caption(
            plain(
                f"{found.first.new:,} new images first, {found.first.owned:,} are owned already. "
                f"All versions in {staging.qualities[-1]} at once: {dollars(found.grid_usd)}{share}. "
                f"One cap of {dollars(wish.budget_usd)} holds over all stages; the day's cap leaves "
                f"{dollars(found.first.day_left)}."
            )
        )
        for each in plan_doubts(found, staging):
            st.warning(plain(each), icon=":material/warning:")


def plan_doubts(found: PlanForecast, staging: Staging) -> Sequence[str]:
    """What somebody should know before they start it."""
    told = []
    if found.first.over_budget:
        told.append(f"The cap does not carry the first stage, which costs {dollars(found.first.usd)}.")
    elif found.most_usd > found.first.budget_left:
        told.append(
            f"The cap leaves {dollars(found.first.budget_left)} of the {dollars(found.most_usd)} that it may "
            "cost: a stage that it does not carry waits until somebody raises it."
        )
    if found.first.over_day:
        told.append(f"The day's cap over all experiments leaves {dollars(found.first.day_left)} today.")
    if found.first.unpublished:
        told.append(
            "Some prices are not published; counted is the most that they can be by what is published."
        )
    if found.most_usd >= found.grid_usd and found.grid_usd:
        told.append(f"All at once in {staging.qualities[-1]} quality is not dearer than these stages.")
    return told


def _takes(span: timedelta | None) -> str:
    return "not known yet" if span is None else duration(span)


def _range(least: timedelta | None, most: timedelta | None) -> str:
    if least is None or most is None:
        return "not known yet"
    return f"{duration(least)} to {duration(most)}"
