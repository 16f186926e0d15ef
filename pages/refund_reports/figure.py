"""Figures of refunds: plain values in, a Plotly figure out."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

import plotly.graph_objects as go

from core.desks.refunds.reports import Day, Line

HEIGHT = 260
# After Okabe and Ito (jfly.uni-koeln.de/color): told apart by any eye, on light and dark ground.
COLOURS = {"automatic": "#56B4E9", "approved": "#009E73", "denied": "#D55E00"}
TITLES = {"automatic": "Paid automatically", "approved": "Approved", "denied": "Denied"}


def by_day(days: Sequence[Day], first: date, last: date) -> go.Figure:
    """Stacked bars of the cases that were closed on each day from `first` to `last`."""
    figure = go.Figure()
    for name, colour in COLOURS.items():
        figure.add_bar(
            x=[each.day for each in days],
            y=[getattr(each, name) for each in days],
            customdata=[each.credits for each in days],
            name=TITLES[name],
            marker={"color": colour, "line": {"width": 0}},
            hovertemplate=f"%{{x|%a %-d %b}}<br><b>%{{y:,}}</b> {TITLES[name].lower()}"
            "<br>%{customdata:,} credits came back that day<extra></extra>",
        )
    _lay_out(figure)
    half = timedelta(hours=12)
    start, end = (datetime.combine(day, time()) for day in (first, last))
    figure.update_xaxes(type="date", tickformat="%-d %b", showgrid=False, range=[start - half, end + half])
    figure.update_yaxes(rangemode="tozero", tickformat=",d")
    return figure


def by_line(lines: Sequence[Line]) -> go.Figure:
    """Lying bars, the most credits on top."""
    shown = list(reversed(lines))
    figure = go.Figure()
    for name, colour in COLOURS.items():
        figure.add_bar(
            y=[each.title for each in shown],
            x=[getattr(each, name) for each in shown],
            customdata=[each.credits for each in shown],
            name=TITLES[name],
            orientation="h",
            marker={"color": colour, "line": {"width": 0}},
            hovertemplate=f"%{{y}}<br><b>%{{x:,}}</b> {TITLES[name].lower()}"
            "<br>%{customdata:,} credits came back<extra></extra>",
        )
    _lay_out(figure, height=60 + 30 * max(2, len(shown)))
    figure.update_layout(showlegend=False)  # the colours are those of the days above
    figure.update_traces(width=0.6)
    figure.update_xaxes(rangemode="tozero", tickformat=",d")
    figure.update_yaxes(range=[len(shown) - max(2, len(shown)) - 0.5, len(shown) - 0.5])
    return figure


def _lay_out(figure: go.Figure, height: int = HEIGHT) -> None:
    figure.update_layout(
        barmode="stack",
        bargap=0.25,
        height=height,
        margin={"l": 0, "r": 0, "t": 8, "b": 0},
        legend={"orientation": "h", "x": 0, "y": -0.16, "yanchor": "top", "traceorder": "normal"},
        hovermode="closest",
    )
