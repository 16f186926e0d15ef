"""The chart of failures: its colours, its stacks, and its file."""

import csv
import io
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from core.classification.taxonomy import TAXONOMY, FailureClass
from core.monitoring.export import counts_csv
from core.monitoring.rollups import BinCounts, overall_rate
from core.monitoring.stacks import COLOURS, OTHER, stacks
from core.rollups.bins import Bin, Grain, bins
from pages.errors.figure import failures_over_time

START = datetime(2026, 3, 1, tzinfo=UTC)


def counted(*classes: dict[str, int], succeeded: int = 5) -> list[BinCounts]:
    hour = timedelta(hours=1)
    return [
        BinCounts(Bin(START + n * hour, START + (n + 1) * hour), each, succeeded, canceled=1)
        for n, each in enumerate(classes)
    ]


def test_bars_and_hovers_hold_the_exact_figures() -> None:
    counts = counted({"timeout": 3, "auth": 1}, {}, {"timeout": 2})
    figure = failures_over_time(counts, stacks(counts), Grain.HOUR)
    assert figure.layout.barmode == "stack"
    line, *bars = figure.data
    assert list(line.y) == [5 / 9, 1.0, 5 / 7]
    assert {bar.name: list(bar.y) for bar in bars} == {
        TAXONOMY[FailureClass.TIMEOUT].title: [3, 0, 2],
        TAXONOMY[FailureClass.AUTH].title: [1, 0, 0],
    }
    assert list(bars[0].customdata[0]) == ["Sun 1 Mar 00:00 to 01:00 (UTC)", 4]


def test_a_bar_without_any_end_leaves_a_gap_in_the_line() -> None:
    counts = [BinCounts(Bin(START, START), {}, 0, 0)]
    assert list(failures_over_time(counts, [], Grain.DAY).data[0].y) == [None]


def test_eight_colours_are_eight_classes_and_the_rest_is_one() -> None:
    every = {name.value: 100 - n for n, name in enumerate(FailureClass)}
    shown = stacks(counted(every))
    assert len(shown) == 8
    assert len({stack.colour for stack in shown}) == 8
    assert shown[-1].name == OTHER
    assert sum(stack.counts[0] for stack in shown) == sum(every.values())
    assert {name for stack in shown for name in stack.classes} == set(every)
    eight = stacks(counted(dict(list(every.items())[:8])))
    assert [stack.colour for stack in eight if stack.colour not in COLOURS] == []
    assert OTHER not in {stack.name for stack in eight}


def test_a_usual_class_keeps_its_colour_whatever_else_fails() -> None:
    alone = stacks(counted({"content_policy": 1}))[0].colour
    among = stacks(counted({"timeout": 9, "billing": 8, "content_policy": 1, "network": 2}))
    assert next(stack.colour for stack in among if stack.name == "content_policy") == alone


def test_chosen_classes_alone_are_shown_and_counted_as_failures() -> None:
    counts = counted({"timeout": 3, "auth": 1})
    assert [stack.name for stack in stacks(counts, ("auth",))] == ["auth"]
    assert (overall_rate(counts, ("auth",)).hits, overall_rate(counts, ("auth",)).cases) == (1, 9)
    assert overall_rate(counts).hits == 4


def test_the_two_hours_that_are_both_two_o_clock_are_told_apart() -> None:
    zone = ZoneInfo("Europe/Berlin")
    night = datetime(2026, 10, 25, tzinfo=UTC)
    counts = [BinCounts(each, {}, 1, 0) for each in bins(night, night + timedelta(hours=2), Grain.HOUR, zone)]
    first, second = (row[0] for row in failures_over_time(counts, [], Grain.HOUR).data[0].customdata)
    assert "02:00 to 02:00 (CEST)" in first
    assert "02:00 to 03:00 (CET)" in second


def test_the_file_holds_every_bar_and_class() -> None:
    rows = list(csv.DictReader(io.StringIO(counts_csv(counted({"timeout": 3}, {"auth": 2})))))
    assert [(row["timeout"], row["auth"], row["failed"]) for row in rows] == [
        ("3", "0", "3"),
        ("0", "2", "2"),
    ]
    assert datetime.fromisoformat(rows[1]["from"]) == START + timedelta(hours=1)
