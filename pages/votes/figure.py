"""Figures of the verdict: plain values in, a Plotly figure out."""

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from core.foundation.statistics.bradley_terry import Strength

# Each is told apart from bars and ground in both themes.
COLOUR, OTHER, WHISKER = "#0072B2", "#8B90A0", "#E69F00"
ROW_PIXELS, REST_PIXELS = 46, 70


def strength_bars(names: Sequence[str], strengths: Sequence[Strength], leader: int | None) -> go.Figure:
    """The share of votes that each version would win against an average one, best on top, with interval."""
    order = sorted(strengths, key=lambda each: each.value)
    labels = [f"{each.rank}. {names[each.place]}" for each in order]
    shares = [100 * each.expected_share for each in order]
    lows = [100 * _share(each.interval.low) for each in order]
    highs = [100 * _share(each.interval.high) for each in order]
    figure = go.Figure(
        go.Bar(
            x=shares,
            y=labels,
            orientation="h",
            marker_color=[COLOUR if each.place == leader else OTHER for each in order],
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [high - share for high, share in zip(highs, shares, strict=True)],
                "arrayminus": [share - low for share, low in zip(shares, lows, strict=True)],
                "color": WHISKER,
                "thickness": 2,
                "width": 6,
            },
            customdata=[[low, high, each.votes] for low, high, each in zip(lows, highs, order, strict=True)],
            hovertemplate="%{y}: %{x:.0f} % (%{customdata[0]:.0f} to %{customdata[1]:.0f} %), "
            "%{customdata[2]} votes<extra></extra>",
        )
    )
    figure.add_vline(x=50, line_width=1, line_dash="dot", line_color=OTHER)
    figure.update_layout(
        height=ROW_PIXELS * max(2, len(order)) + REST_PIXELS,
        margin={"l": 8, "r": 16, "t": 8, "b": 8},
        bargap=0.45,
        xaxis={
            "range": [0, 100],
            "ticksuffix": " %",
            "dtick": 25,
            "title": "Votes won against an average version",
        },
        yaxis={"automargin": True, "type": "category"},
        showlegend=False,
    )
    return figure


def _share(logit: float) -> float:
    if math.isinf(logit):
        return 1.0 if logit > 0 else 0.0
    return 1 / (1 + math.exp(-logit))
