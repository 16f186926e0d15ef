"""The figures of an experiment: what it took by version, run and person, and how it went by selfie tag."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.experiments.figures import FEWEST_OF_TAG, Figures, Line, Run, TagLine, Times, figures
from core.foundation.statistics.rates import Rate
from core.foundation.wording import UNKNOWN, count, dollars, duration, moment
from pages.shared.clock import zone
from pages.shared.rates import share
from pages.shared.start import Desk, plain


def experiment_figures(desk: Desk, number: int) -> None:
    """Four numbers, the table by version, runs beside their forecasts, people, and selfie tags."""
    with desk.services.database.transaction() as session:
        found = figures(session, number)
    _ends(found)
    st.dataframe(
        [_line("Version", each) for each in [*found.columns, found.total]],
        hide_index=True,
        key=f"experiments_figures_{number}",
        alt="What each version's images took",
    )
    st.caption(
        "Every image that was asked for counts once, in the version it was bought for; an image's price "
        "includes what failed. Half took p50 or less, 95 of 100 took p95 or less: in the queue until it was "
        "sent to the provider, and drawing there."
    )
    if found.runs:
        st.markdown("**Runs**, forecast beside what came of it")
        st.dataframe(
            [_run(each) for each in found.runs],
            hide_index=True,
            key=f"experiments_runs_{number}",
            alt="Each run's forecast and what it took",
        )
    if len(found.people) > 1:
        st.markdown("**People**, by who had started it")
        st.dataframe(
            [_line("Started by", each) for each in found.people],
            hide_index=True,
            key=f"experiments_people_{number}",
            alt="What the images of each person's runs took",
        )
    _tags(number, found.tags)


def _ends(found: Figures) -> None:
    ends, total = found.total.ends, found.total
    numbers = {
        "Succeeded": f"{ends.succeeded:,}",
        "Refused": f"{ends.refused:,}",
        "Failed": f"{ends.failed:,}",
        "Canceled": f"{ends.canceled:,}",
        "Spent": plain(dollars(total.spent)),
        "An image": plain(dollars(total.per_image)),
    }
    for place, (label, value) in zip(st.columns(len(numbers)), numbers.items(), strict=True):
        place.metric(label, value)
    told = []
    if ends.open:
        told.append(f"{ends.open:,} under way for {dollars(total.in_flight)}")
    if found.shared:
        told.append(f"{count(found.shared, 'image')} taken from other experiments for nothing")
    if told:
        st.caption(plain("; ".join(told)))


def _line(title: str, each: Line) -> dict[str, Any]:
    return {
        title: each.name,
        "Asked": each.ends.asked,
        "Succeeded": each.ends.succeeded,
        "Refused": each.ends.refused,
        "Failed": each.ends.failed,
        "Canceled": each.ends.canceled,
        "Spent": dollars(each.spent),
        "An image": dollars(each.per_image),
        "Queue, p50 / p95": _times(each.queue),
        "Drawing, p50 / p95": _times(each.render),
    }


def _times(times: Times) -> str:
    return f"{duration(times.median)} / {duration(times.late)}" if times.count else UNKNOWN


def _run(each: Run) -> dict[str, Any]:
    line = each.line
    return {
        "Started": moment(each.started_at, zone()),
        "By": line.name,
        "Images, forecast": UNKNOWN if each.forecast_images is None else f"{each.forecast_images:,}",
        "bought": f"{line.ends.asked:,}",
        "Price, forecast": dollars(each.forecast_usd),
        "spent": dollars(line.spent),
        "Time, forecast": duration(each.forecast_time),
        "took": duration(each.took) if each.took is not None or not line.ends.open else "not over yet",
    }


def _tags(number: int, tags: Sequence[TagLine]) -> None:
    if not tags:
        st.caption("The selfies of this test set have no tags, so nothing can be split by them.")
        return
    st.markdown("**By selfie tag**, with intervals of 95 %")
    st.dataframe(
        [
            {
                "Selfies with": each.tag,
                "Images": each.refused.cases,
                "Refused": _rate(each, each.refused),
                "Failed": _rate(each, each.failed),
                "Cropped": _rate(each, each.cropped),
                "Would ship": _rate(each, each.would_ship),
            }
            for each in tags
        ],
        hide_index=True,
        key=f"experiments_tags_{number}",
        alt="Refusals, failures, crops and ratings by selfie tag",
    )
    st.caption(
        f"Below {FEWEST_OF_TAG} images of a tag nothing is told. A selfie with several tags counts in each. "
        "Cropped is told of the images whose framing could be judged."
    )


def _rate(line: TagLine, rate: Rate) -> str:
    if not rate.cases:
        return UNKNOWN
    return share(rate) if line.enough else "not enough"
