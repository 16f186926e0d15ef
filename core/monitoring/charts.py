"""Figures of failures: plain values in, a Plotly figure out."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core.classification.taxonomy import TAXONOMY, FailureClass
from core.monitoring.rollups import BinCounts
from core.rollups.bins import Grain

HEIGHT = 340
MOST_CLASSES = 8
OTHER = "other"
OTHER_COLOUR = "#8B90A0"
SUCCESS_COLOUR = "#009E73"
MOST_TICKS = 10
# After Okabe and Ito (jfly.uni-koeln.de/color), without their yellow and black, which one of the two themes
# swallows, and without their green, which is success; purple and brown are of the same lightness as the rest.
COLOURS = (
    "#D55E00",
    "#0072B2",
    "#E69F00",
    "#56B4E9",
    "#CC79A7",
    "#8A63D2",
    "#A6761D",
    "#B3C430",
)
# Each class keeps its colour from day to day, as far as the colours reach; the usual ones have the first.
PREFERRED = {
    FailureClass.PROVIDER_OUTAGE: 0,
    FailureClass.CONTENT_POLICY: 1,
    FailureClass.RATE_LIMITED: 2,
    FailureClass.TIMEOUT: 3,
    FailureClass.INVALID_IMAGE: 4,
    FailureClass.NETWORK: 5,
    FailureClass.STORAGE: 6,
    FailureClass.UNKNOWN: 7,
    FailureClass.AUTH: 6,
    FailureClass.BILLING: 5,
    FailureClass.ASSET_UNAVAILABLE: 7,
    FailureClass.ASSET_INVALID: 4,
    FailureClass.INVALID_INPUT: 7,
    FailureClass.MODEL_UNAVAILABLE: 2,
    FailureClass.SUBMISSION_UNCONFIRMED: 3,
    FailureClass.DATABASE: 6,
    FailureClass.CANCELED: 4,
}


@dataclasses.dataclass(frozen=True)
class Stack:
    """One colour of the bars: the classes that it stands for, most frequent stacks first."""

    name: str
    title: str
    classes: tuple[str, ...]
    colour: str
    counts: Sequence[int]


def stacks(counts: Sequence[BinCounts], classes: Sequence[str] = ()) -> list[Stack]:
    """The eight commonest classes, and one stack of all the others; with `classes` those alone."""
    totals: dict[str, int] = {}
    for each in counts:
        for name, n in each.classes.items():
            if not classes or name in classes:
                totals[name] = totals.get(name, 0) + n
    ranked = sorted(totals, key=lambda name: (-totals[name], name))
    # One class more needs no stack of its own for the rest.
    cut = len(ranked) if len(ranked) <= MOST_CLASSES else MOST_CLASSES - 1
    colours = _colours(ranked[:cut])
    found = [
        Stack(name, title_of(name), (name,), colours[name], _of(counts, (name,))) for name in ranked[:cut]
    ]
    if rest := tuple(ranked[cut:]):
        found.append(Stack(OTHER, f"{len(rest)} others", rest, OTHER_COLOUR, _of(counts, rest)))
    return found


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


def title_of(name: str) -> str:
    """What a class is called; a name of another version stands for itself."""
    return TAXONOMY[FailureClass(name)].title if name in set(FailureClass) else name


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


def _of(counts: Sequence[BinCounts], classes: Sequence[str]) -> list[int]:
    return [sum(each.classes.get(name, 0) for name in classes) for each in counts]


def _colours(names: Sequence[str]) -> dict[str, str]:
    """Its own colour for each class, another free one where two would share it."""
    chosen: dict[str, str] = {}
    late = []
    for name in names:
        place = PREFERRED.get(FailureClass(name)) if name in set(FailureClass) else None
        if place is None or COLOURS[place] in chosen.values():
            late.append(name)
        else:
            chosen[name] = COLOURS[place]
    free = [colour for colour in COLOURS if colour not in chosen.values()]
    return chosen | dict(zip(late, free, strict=False))
