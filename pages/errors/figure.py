"""The chart of failures over time: plain values in, a Plotly figure out."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core.monitoring.rollups import BinCounts
from core.monitoring.stacks import Stack
from core.rollups.bins import Grain

HEIGHT = 340
SUCCESS_COLOUR = "#009E73"
MOST_TICKS = 10


def failures_over_time(counts: Sequence[BinCounts], shown: Sequence[Stack], grain: Grain) -> go.Figure:
    """Stacked bars of what failed, and above them the line of the share that succeeded.

    Trace 0 is the line, trace n the stack n - 1; point i of each is the bar i of `counts`.
    """
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.24, 0.76], vertical_spacing=0.06)
    places = list(range(len(counts)))
    times = [_time(each, grain) for each in counts]
    figure.add_scatter(
        x=places,
        y=[each.success for each in counts],
        customdata=[
            [time, f"{each.succeeded:,} of {each.tried:,}"] for time, each in zip(times, counts, strict=True)
        ],
        name="Success rate",
        mode="lines+markers",
        line={"color": SUCCESS_COLOUR, "width": 2},
        marker={"size": 6},
        connectgaps=False,
        hovertemplate="%{customdata[0]}<br>%{y:.1%} succeeded, %{customdata[1]}<extra></extra>",
        row=1,
        col=1,
    )
    for stack in shown:
        figure.add_bar(
            x=places,
            y=list(stack.counts),
            customdata=[[time, each.failed] for time, each in zip(times, counts, strict=True)],
            name=stack.title,
            marker={"color": stack.colour, "line": {"width": 0}},
            hovertemplate=f"%{{customdata[0]}}<br><b>%{{y:,}}</b> {stack.title}"
            "<br>%{customdata[1]:,} failed in all<extra></extra>",
            row=2,
            col=1,
        )
    _lay_out(figure, counts, grain, most=max((each.failed for each in counts), default=0))
    return figure


def _lay_out(figure: go.Figure, counts: Sequence[BinCounts], grain: Grain, *, most: int) -> None:
    ticks = list(range(0, len(counts), max(1, -(-len(counts) // MOST_TICKS))))
    figure.update_layout(
        barmode="stack",
        bargap=0.15 if len(counts) <= 200 else 0,
        height=HEIGHT,
        margin={"l": 0, "r": 0, "t": 8, "b": 0},
        legend={"orientation": "h", "x": 0, "y": -0.2, "yanchor": "top", "traceorder": "normal"},
        hovermode="closest",
        clickmode="event+select",
        # Zoom and selection stay while new figures come in.
        uirevision="errors",
        dragmode="zoom",
        selectdirection="h",
    )
    figure.update_xaxes(
        tickmode="array",
        tickvals=ticks,
        ticktext=[_tick(counts[place].bin.start, grain) for place in ticks],
        range=[-0.5, len(counts) - 0.5],
        showgrid=False,
    )
    figure.update_yaxes(
        range=[0, 1.06], tickformat=".0%", tickvals=[0, 0.5, 1], fixedrange=True, row=1, col=1
    )
    whole: dict[str, Any] = {"dtick": 1, "range": [0, 5]} if most < 5 else {}
    figure.update_yaxes(rangemode="tozero", fixedrange=True, tickformat=",d", row=2, col=1, **whole)


def _time(each: BinCounts, grain: Grain) -> str:
    start, end = each.bin.start, each.bin.end
    if grain is Grain.DAY:
        return f"{start:%a %-d %b %Y}"
    # The zone's name tells the two hours apart that are both two o'clock when the clock goes back.
    return f"{start:%a %-d %b %H:%M} to {end:%H:%M} ({start:%Z})"


def _tick(start: datetime, grain: Grain) -> str:
    return f"{start:%-d %b}" if grain is Grain.DAY else f"{start:%H:%M}<br>{start:%-d %b}"
