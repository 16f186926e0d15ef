"""Figures about generations: plain values in, a Plotly figure out."""

from collections.abc import Sequence

import plotly.graph_objects as go

from core.desks.generations.overview import Hour
from core.tables.generation import State

# From Okabe and Ito's palette (jfly.uni-koeln.de/color), which people with any colour vision tell apart.
OUTCOME_COLOURS = {
    State.SUCCEEDED: "#009E73",
    State.FAILED: "#D55E00",
    State.CANCELED: "#999999",
}
HEIGHT = 260


def outcomes_per_hour(hours: Sequence[Hour]) -> go.Figure:
    """Stacked bars: how many generations succeeded, failed and were canceled in each hour."""
    labels = [f"{hour.start:%H}:00" for hour in hours]
    figure = go.Figure()
    for state, colour in OUTCOME_COLOURS.items():
        counts = [getattr(hour, state.value) for hour in hours]
        figure.add_bar(
            x=labels,
            y=counts,
            name=state.value.capitalize(),
            marker={"color": colour, "line": {"width": 0}},
            hovertemplate="%{y} " + state.value + "<extra></extra>",
        )
    figure.update_layout(
        barmode="stack",
        bargap=0.25,
        height=HEIGHT,
        margin={"l": 0, "r": 0, "t": 8, "b": 0},
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "traceorder": "normal"},
        hovermode="x unified",
        xaxis={"type": "category", "tickmode": "array", "tickvals": labels[::3], "fixedrange": True},
        yaxis={"rangemode": "tozero", "fixedrange": True, "tickformat": ",d", **_whole_numbers(hours)},
    )
    return figure


def _whole_numbers(hours: Sequence[Hour]) -> dict[str, object]:
    """An axis of few counts has no half generations on it."""
    most = max((hour.succeeded + hour.failed + hour.canceled for hour in hours), default=0)
    if most < 5:
        return {"dtick": 1, "range": [0, 5]}
    return {}
