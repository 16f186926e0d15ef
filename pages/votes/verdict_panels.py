"""The verdict of an experiment: one sentence, strengths with intervals, and what each version costs."""

from collections.abc import Sequence

import streamlit as st

from core.foundation.statistics.agreement import Agreement
from core.foundation.wording import UNKNOWN, count, dollars, duration
from core.votes.results import Results, VersionResult, results
from core.votes.verdict import Verdict
from pages.shared.promote_panel import promote_from
from pages.shared.promote_steps import carry_out_promotion
from pages.shared.rates import share
from pages.shared.start import Desk, plain
from pages.votes.address import experiment_picker
from pages.votes.figure import strength_bars


def verdict_view(desk: Desk) -> None:
    """The verdict of the chosen experiment."""
    carry_out_promotion(desk)
    experiment_id = experiment_picker(desk)
    if experiment_id is not None:
        found = show_results(desk, experiment_id)
        promote_from(desk, experiment_id, [(each.variant_id, each.name) for each in in_order(found)])


def show_results(desk: Desk, experiment_id: int) -> Results:
    """Sentence, bars and table. Raises Conflict while this rater is in the middle of a batch."""
    with desk.services.database.transaction() as session:
        found = results(session, actor=desk.actor, experiment_id=experiment_id)
    names = [each.name for each in found.versions]
    won = found.verdict.winner is not None
    (st.success if won else st.info)(plain(found.verdict.sentence), icon=":material/gavel:")
    if found.votes:
        st.plotly_chart(
            strength_bars(names, found.verdict.strengths, found.verdict.winner),
            key=f"verdict_bars_{experiment_id}",
            config={"displayModeBar": False},
            alt="Share of votes that each version would win against an average one, with 95 % intervals",
        )
        _said(found)
    st.dataframe(
        [_cells(each, found) for each in in_order(found)],
        hide_index=True,
        key=f"verdict_table_{experiment_id}",
        alt="Each version's rank, failures, time, cost, shippable share and likeness",
    )
    st.caption(
        "Intervals are of 95 %. Ranks are shared where intervals overlap. Ties count half for each; answers "
        "that both were bad stand apart. A selfie bets once in the test, with its first decided vote."
    )
    _tests(found.verdict, names)
    return found


def in_order(found: Results) -> list[VersionResult]:
    """The versions, the strongest first."""
    strengths = found.verdict.strengths
    places = sorted(range(len(found.versions)), key=lambda place: -strengths[place].value)
    return [found.versions[place] for place in places]


def _said(found: Results) -> None:
    parts = [
        f"{count(found.votes, 'vote')} of {count(found.raters, 'rater')}",
        f"both bad in {share(found.both_bad)}",
    ]
    for words, agreed in (("votes", found.vote_agreement), ("ratings", found.rating_agreement)):
        if agreed is not None:
            parts.append(f"raters agree on {words}: {agreed_words(agreed)}")
    st.markdown(" · ".join(parts))
    if len(found.versions) > 2:
        st.markdown(plain(stage_words(found)))


def stage_words(found: Results) -> str:
    """Which versions a next, dearer stage should draw, and why the others not."""
    stage = found.next_stage
    parts = [f"Worth a higher quality next: {_names(found, stage.survivors)}."]
    if stage.lost:
        parts.append(f"Lost against the best: {_names(found, stage.lost)}.")
    if stage.crowded_out:
        parts.append(f"Weakest of the rest, left out to save money: {_names(found, stage.crowded_out)}.")
    return " ".join(parts)


def _names(found: Results, places: Sequence[int]) -> str:
    return ", ".join(found.versions[place].name for place in places)


def agreed_words(agreed: Agreement) -> str:
    """The share of equal answers, and kappa with its interval where it can be told."""
    if agreed.kappa is None or agreed.interval is None:
        return share(agreed.equal)
    low, high = agreed.interval.low, agreed.interval.high
    return f"{agreed.equal.value:.0%}, kappa {agreed.kappa:.2f} ({low:.2f} to {high:.2f})"


def _cells(each: VersionResult, found: Results) -> dict[str, str]:
    place = found.versions.index(each)
    measured = each.measured
    return {
        "Version": each.name,
        "Rank": found.verdict.strengths[place].rank if found.votes else UNKNOWN,
        "Refused": share(measured.refused),
        "Failed": share(measured.failed),
        "Would ship": share(each.shipping.samples),
        "Worst of a selfie": share(each.shipping.worst),
        "Recognised": share(each.recognised),
        "Both bad": share(each.both_bad),
        "Time, median": duration(measured.median),
        "95 of 100": duration(measured.late),
        "An image": dollars(measured.cost_usd),
    }


def _tests(verdict: Verdict, names: list[str]) -> None:
    if verdict.leader is None:
        return
    with st.expander("Paired tests of the leader"):
        st.dataframe(
            [
                {
                    "Leader": names[verdict.leader],
                    "Against": names[place],
                    "Selfies won": test.wins,
                    "Selfies lost": test.losses,
                    "E-value": f"{test.e_value:,.1f}" if test.e_value < 1e6 else "> 1,000,000",
                    "Needed": f"{test.needed:.0f}",
                    "Votes to go": "none" if test.decided else _to_go(test.more_votes),
                }
                for place, test in verdict.tests.items()
            ],
            hide_index=True,
            alt="The paired test of the leader against each other version",
        )


def _to_go(more: int | None) -> str:
    return "more than 100 selfies" if more is None else f"about {more}"
