"""The table of failure classes: complete, kind to the customer, useful to the operator."""

import dataclasses
import re

import pytest

from core.classification.taxonomy import (
    TAXONOMY,
    ClassFacts,
    FailureClass,
    Fault,
    RefundRule,
    RetryPolicy,
    facts,
)

JARGON = re.compile(
    r"\b(?:error|exception|API|HTTP|status|timeout|database|S3|bucket|provider|token|credentials|\d{3})\b",
    re.IGNORECASE,
)
BLAME = re.compile(r"\b(?:your fault|you failed|our fault|we failed|our mistake|violat\w+)\b", re.IGNORECASE)


def test_the_table_has_exactly_one_row_for_every_class() -> None:
    assert set(TAXONOMY) == set(FailureClass)
    assert [facts(failure_class) for failure_class in FailureClass] == [TAXONOMY[c] for c in FailureClass]


def test_titles_tell_the_classes_apart() -> None:
    titles = [row.title for row in TAXONOMY.values()]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("failure_class", FailureClass)
def test_customers_read_whole_sentences_without_jargon_or_blame(failure_class: FailureClass) -> None:
    message = facts(failure_class).customer_message
    assert message.endswith(".")
    assert len(message) <= 140
    assert not JARGON.search(message)
    assert not BLAME.search(message)


@pytest.mark.parametrize("failure_class", FailureClass)
def test_operators_are_told_what_to_do_next(failure_class: FailureClass) -> None:
    hint = facts(failure_class).operator_hint
    assert hint.endswith(".")
    assert len(hint.split()) >= 8


@pytest.mark.parametrize("failure_class", FailureClass)
def test_the_fault_decides_the_refund_except_for_what_is_unknown_or_canceled(
    failure_class: FailureClass,
) -> None:
    row = facts(failure_class)
    if failure_class is FailureClass.UNKNOWN:
        assert row.refund is RefundRule.REVIEW
    elif failure_class is FailureClass.CANCELED:
        assert row.refund is RefundRule.AUTO
    else:
        assert row.refund is (RefundRule.REVIEW if row.fault is Fault.CUSTOMER else RefundRule.AUTO)


@pytest.mark.parametrize("failure_class", FailureClass)
def test_whatever_is_tried_again_waits_first(failure_class: FailureClass) -> None:
    policy = facts(failure_class).retry
    assert policy.delay(1) > 0 if policy.retry else policy.delay(1) == 0


def test_only_what_concerns_every_customer_pauses_the_whole_queue() -> None:
    pausing = {failure_class for failure_class, row in TAXONOMY.items() if row.retry.cool_down > 0}
    assert pausing == {FailureClass.RATE_LIMITED, FailureClass.AUTH, FailureClass.BILLING}


def test_an_unconfirmed_submission_is_never_sent_again() -> None:
    assert facts(FailureClass.SUBMISSION_UNCONFIRMED).retry.retry is False


def test_delays_grow_by_the_multiplier_up_to_the_longest() -> None:
    policy = RetryPolicy(retry=True, backoff=10.0, multiplier=3.0, longest=200.0)
    assert [policy.delay(attempt) for attempt in (0, 1, 2, 3, 4, 100_000)] == [
        10.0,
        10.0,
        30.0,
        90.0,
        200.0,
        200.0,
    ]


def test_rows_cannot_be_changed() -> None:
    row: ClassFacts = facts(FailureClass.TIMEOUT)
    with pytest.raises(dataclasses.FrozenInstanceError):
        row.title = "x"  # type: ignore[misc]
