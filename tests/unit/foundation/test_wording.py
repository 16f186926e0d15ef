"""Amounts, durations and moments read the same everywhere."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from core.foundation.wording import ago, count, dollars, duration, moment


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (None, "—"),
        (Decimal(0), "$0.00"),
        (Decimal("0.0840"), "$0.084"),
        (Decimal("0.04216"), "$0.0422"),
        (Decimal("1234.5"), "$1,234.50"),
    ],
)
def test_dollars_have_two_to_four_places(amount: Decimal | None, text: str) -> None:
    assert dollars(amount) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-0.2, "0 ms"),
        (0.0844, "84 ms"),
        (0.9999, "1.0 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (3599.6, "1 h 00 min"),
        (8_100, "2 h 15 min"),
        (273_600, "3 d 4 h"),
    ],
)
def test_durations_take_the_unit_that_fits(seconds: float, text: str) -> None:
    assert duration(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(-3, "just now"), (0.2, "just now"), (11.6, "12 s ago"), (245, "4 min 05 s ago")]
)
def test_what_is_past_is_told_in_whole_seconds(seconds: float, text: str) -> None:
    assert ago(timedelta(seconds=seconds)) == text


def test_what_is_not_known_is_a_dash() -> None:
    assert duration(None) == moment(None, UTC) == "—"


def test_a_moment_of_today_needs_no_date() -> None:
    at = datetime(2026, 11, 2, 14, 3, 7, tzinfo=UTC)
    assert moment(at, UTC, today=at) == "14:03:07"
    assert moment(at, UTC) == "2 Nov 14:03:07"


def test_counts_agree_with_their_noun() -> None:
    assert count(1, "credit") == "1 credit"
    assert count(1_204, "credit") == "1,204 credits"
    assert count(2, "copy", "copies") == "2 copies"
