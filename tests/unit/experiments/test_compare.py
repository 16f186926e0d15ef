"""Comparisons: how images are judged, what lies on top, and in which order rows and versions stand."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from core.experiments.compare import (
    Gate,
    Sample,
    column_orders,
    disagreement,
    judge,
    judged,
    row_orders,
    said_of,
    sums,
    worst_first,
)
from core.experiments.grids import CellView
from core.images.checks.verdicts import Check, Verdict
from core.votes.ratings import RatedImage

GOOD, BAD, DOUBT, LOST, COMING = "good", "bad", "doubt", "lost", "coming"


def checks(**changed: Verdict) -> dict[str, Any]:
    verdicts = {str(check): Verdict.PASSED for check in Check} | changed
    return {"verdicts": verdicts, "facts": {}}


def cell(variant: int = 1, selfie: int = 1, repeat: int = 1, **given: Any) -> CellView:
    values: dict[str, Any] = {
        "id": variant * 10_000 + selfie * 100 + repeat,
        "variant_id": variant,
        "selfie_id": selfie,
        "repeat": repeat,
        "state": "done",
        "stage": None,
        "generation_id": variant * 10_000 + selfie * 100 + repeat,
        "object_key": None,
        "thumbnail_key": None,
        "width": 1024,
        "height": 1024,
        "cost_usd": None,
        "seconds": None,
        "shared": False,
        "failure_class": None,
        "failure_title": None,
        "failure_sentence": None,
        "checks": checks(),
        "picture": None,
    }
    return CellView(**values | given)


def sample(gate: str, repeat: int = 1, *, ships: int = 0, raters: int = 0, **given: Any) -> Sample:
    return Sample(cell(repeat=repeat, **given), Gate(gate), ships=ships, raters=raters)


def samples(*gates: str) -> list[Sample]:
    return [sample(gate, repeat) for repeat, gate in enumerate(gates, start=1)]


def repeats(found: Sequence[Sample]) -> list[int]:
    return [each.cell.repeat for each in found]


@pytest.mark.parametrize(
    ("given", "gate", "failed"),
    [
        ({"checks": checks()}, Gate.GOOD, ()),
        ({"checks": checks(feet=Verdict.UNKNOWN)}, Gate.DOUBT, ()),
        ({"checks": checks(feet=Verdict.FAILED, sides=Verdict.UNKNOWN)}, Gate.BAD, (Check.FEET,)),
        ({"checks": None}, Gate.DOUBT, ()),
        # A row of a time when there was no such check says nothing about it.
        ({"checks": {"verdicts": {"size": "passed"}}}, Gate.DOUBT, ()),
        ({"state": "failed", "checks": None}, Gate.LOST, ()),
        ({"state": "running", "checks": None}, Gate.COMING, ()),
        ({"state": "missing", "checks": None}, Gate.COMING, ()),
    ],
)
def test_an_image_is_judged_by_its_worst_check(
    given: dict[str, Any], gate: Gate, failed: tuple[Check, ...]
) -> None:
    assert judge(cell(**given)) == (gate, failed)


def test_the_worst_lies_on_top_and_equal_ones_stay_as_they_were_bought() -> None:
    assert repeats(worst_first(samples(GOOD, DOUBT, COMING, BAD, LOST, GOOD, BAD))) == [5, 4, 7, 2, 1, 6, 3]
    assert repeats(worst_first(samples(GOOD, GOOD, GOOD))) == [1, 2, 3]


def test_ratings_decide_between_equal_checks_and_never_against_them() -> None:
    loved_but_cut = sample(BAD, 1, ships=3, raters=3)
    refused = sample(GOOD, 2, ships=0, raters=3)
    unrated = sample(GOOD, 3)
    loved = sample(GOOD, 4, ships=2, raters=2)
    assert repeats(worst_first([loved, unrated, refused, loved_but_cut])) == [1, 2, 3, 4]


def test_more_samples_remove_none_and_leave_the_order_of_the_others() -> None:
    before = samples(GOOD, BAD, DOUBT)
    after = [*before, *(sample(gate, number) for number, gate in ((4, GOOD), (5, BAD)))]
    assert {1, 2, 3} < set(repeats(worst_first(after)))
    assert [each for each in repeats(worst_first(after)) if each <= 3] == repeats(worst_first(before))


@pytest.mark.parametrize("order", [[1, 2], [2, 1]])
def test_one_bad_of_four_never_stands_above_an_equal_one_with_none(order: list[int]) -> None:
    cells = {
        (1, 1): samples(GOOD, GOOD, GOOD, BAD),
        (2, 1): samples(GOOD, GOOD, GOOD, GOOD),
        (1, 2): samples(GOOD, DOUBT),
        (2, 2): samples(GOOD, DOUBT),
    }
    assert column_orders(order, cells) == {"set": order, "gate": [2, 1]}


def test_of_equally_many_bad_ones_the_version_whose_worst_are_fewer_is_better() -> None:
    # Two bad ones each; of the second version they fall on one selfie.
    cells = {
        (1, 1): samples(BAD, GOOD),
        (1, 2): samples(BAD, GOOD),
        (2, 1): samples(BAD, BAD),
        (2, 2): samples(GOOD, GOOD),
    }
    assert column_orders([1, 2], cells)["gate"] == [2, 1]


def test_equal_versions_stay_as_chosen_and_what_has_no_image_comes_last() -> None:
    cells = {
        (1, 1): samples(COMING),
        (2, 1): samples(GOOD),
        (3, 1): samples(GOOD),
        (4, 1): samples(LOST),
    }
    assert column_orders([1, 2, 3, 4], cells)["gate"] == [2, 3, 4, 1]
    assert column_orders([3, 2, 1], cells)["gate"] == [3, 2, 1]


def test_rows_where_versions_differ_stand_first_and_equal_rows_stay() -> None:
    cells = {
        (1, 10): samples(GOOD),
        (2, 10): samples(GOOD),
        (1, 20): samples(GOOD),
        (2, 20): samples(DOUBT),
        (1, 30): samples(BAD),
        (2, 30): samples(BAD),
        (1, 40): samples(GOOD),
        (2, 40): samples(BAD),
        (1, 50): samples(GOOD),
        (2, 50): samples(COMING),
    }
    orders = row_orders([10, 20, 30, 40, 50], cells)
    assert orders["set"] == [10, 20, 30, 40, 50]
    assert orders["disagreement"] == [40, 20, 10, 30, 50]
    # Both bad is worse than one of two.
    assert orders["gate"] == [30, 40, 20, 10, 50]


def test_disagreement_counts_failures_checks_and_ratings_apart() -> None:
    lost_or_good = [samples(LOST), samples(GOOD)]
    bad_or_good = [samples(BAD), samples(GOOD)]
    loved_or_not = [[sample(GOOD, ships=2, raters=2)], [sample(GOOD, ships=1, raters=2)]]
    assert disagreement(lost_or_good) == disagreement(bad_or_good) == 1
    assert disagreement(loved_or_not) == 0.5
    assert disagreement([samples(LOST, GOOD), samples(BAD, GOOD)]) == 1.0
    assert (
        disagreement([samples(GOOD)])
        == disagreement([])
        == disagreement([samples(COMING), samples(BAD)])
        == 0
    )


def test_a_version_in_numbers() -> None:
    found = sums(
        [
            sample(GOOD, cost_usd=Decimal("0.05")),
            sample(BAD, cost_usd=Decimal("0.07")),
            sample(DOUBT, cost_usd=None),
            # What was paid for an image that never came is in no mean of images.
            sample(LOST, state="failed", failure_class="content_policy", cost_usd=Decimal(9)),
            sample(LOST, state="failed", failure_class="timeout"),
            sample(COMING, state="missing"),
        ]
    )
    assert (found.done, found.failed, found.refused, found.coming) == (3, 2, 1, 1)
    assert (found.bad, found.doubt, found.mean_cost) == (1, 1, Decimal("0.06"))
    assert sums([]).mean_cost is None


def test_ratings_go_to_their_own_images() -> None:
    cells = [cell(variant=1, repeat=2), cell(variant=1, repeat=1), cell(variant=2)]
    words = [
        RatedImage(10_102, 1, 1, 2, rater, (), shippable)
        for rater, shippable in (("Ada", True), ("Bob", False), ("Cy", True))
    ]
    found = judged(cells, said_of(cells, words))
    assert [(each.cell.repeat, each.ships, each.raters) for each in found[1, 1]] == [(1, 0, 0), (2, 2, 3)]
    assert [(each.ships, each.raters) for each in found[2, 1]] == [(0, 0)]
