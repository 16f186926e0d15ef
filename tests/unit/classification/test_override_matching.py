"""What an override rule matches, and how it decides before the built-in rules."""

import random
import re
import time

import pytest

from core.classification.classify import classify
from core.classification.fingerprint import normalise
from core.classification.overrides.matching import Conditions, Error, Override, contains, fold, parts_of
from core.classification.overrides.preview import loosely
from core.classification.overrides.records import suggested_pattern
from core.classification.taxonomy import FailureClass


def matches(pattern: str, text: str) -> bool:
    return Conditions(pattern).match(Error("prediction", text))


def override(number: int = 1, **changes: object) -> Override:
    given = {"pattern": "quota of the studio", **changes}
    failure_class = given.pop("failure_class", FailureClass.RATE_LIMITED)
    conditions = Conditions(**given)  # type: ignore[arg-type]
    return Override(number, 3, conditions, FailureClass(str(failure_class)), "Olga", "their word for it")


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("GPU pool", "no gpu POOL left"),
        ("pool * left", "The pool eu-7 has none left."),
        ("a  b", "a\n\tb"),
        ("*boom*", "boom"),
        ("Überlast", "ÜBERLAST am Rand"),
        ("abc", "\uff41\uff42\uff43"),
        ("left*left", "left and left"),
        ("(E999) [x.y]", "fails (e999) [X.Y]"),
        ("配额已用完", "请求失败 配额已用完"),
    ],
)
def test_patterns_are_words_in_any_case_with_stars_for_what_differs(pattern: str, text: str) -> None:
    assert matches(pattern, text)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [("pool left", "pool is left"), ("b*a", "a b"), ("left*left", "left"), ("a.c", "abc"), ("[ab]", "a")],
)
def test_nothing_in_a_pattern_but_the_star_has_a_meaning(pattern: str, text: str) -> None:
    assert not matches(pattern, text)


def test_stars_match_what_the_same_regular_expression_would() -> None:
    dice = random.Random(7)  # noqa: S311 - no secret
    for _ in range(3_000):
        text = "".join(dice.choices("ab c", k=dice.randint(0, 12)))
        pattern = "".join(dice.choices("ab*", k=dice.randint(1, 6)))
        expected = re.search(".*".join(re.escape(part) for part in parts_of(pattern)), fold(text)) is not None
        assert contains(fold(text), parts_of(pattern)) is expected, (pattern, text)


def test_what_matches_is_never_left_out_by_the_database() -> None:
    dice = random.Random(8)  # noqa: S311 - no secret
    for _ in range(2_000):
        text = "".join(dice.choices("aB 1%_\\*(", k=dice.randint(0, 14)))
        pattern = "".join(dice.choices("Ab 1%_\\*(", k=dice.randint(1, 6)))
        if matches(pattern, text):
            assert like(text.lower(), loosely(pattern)), (pattern, text)


def like(text: str, pattern: str) -> bool:
    """SQL's LIKE with percent signs only; the pattern holds no other character of a meaning."""
    assert not set(pattern) & {"_", "\\"}
    expression = ".*".join(re.escape(part) for part in pattern.split("%"))
    return re.fullmatch(expression, text, re.DOTALL) is not None


def test_no_pattern_hangs_the_worker() -> None:
    began = time.process_time()
    assert not matches("*".join(["aaaa"] * 100) + "*b", "a" * 20_000)
    assert not matches("ab" * 240 + "c", "ab" * 10_000)
    assert time.process_time() - began < 10


def test_every_condition_must_hold() -> None:
    error = Error("output_fetch", "no such key", http_status=404, code="NoSuchKey", model="m")
    every = {"pattern": "such", "place": "asset", "http_status": 404, "code": "nosuchkey", "model": "m"}
    assert Conditions(**every).match(error)  # type: ignore[arg-type]
    for name, other in (
        ("pattern", "else"),
        ("place", "network"),
        ("http_status", 500),
        ("code", "x"),
        ("model", "n"),
    ):
        assert not Conditions(**{**every, name: other}).match(error), name  # type: ignore[arg-type]


def test_a_status_or_code_that_only_the_text_names_counts_too() -> None:
    error = Error("prediction", '{"error": {"code": "studio_full", "status": 529}}')
    assert Conditions(http_status=529, code="STUDIO_FULL").match(error)


def test_an_override_decides_before_the_built_in_rules_and_brings_its_classs_policy() -> None:
    text = "Out of memory: quota of the studio, retry after 20 s"
    built_in = classify(where="prediction", text=text)
    verdict = classify(where="prediction", text=text, overrides=[override()])
    assert built_in.failure_class is FailureClass.PROVIDER_OUTAGE
    assert verdict.failure_class is FailureClass.RATE_LIMITED
    assert (verdict.retryable, verdict.rule_id, verdict.retry_after) == (True, "override:1.v3", 20.0)
    assert "Olga" in verdict.rule_description
    never = classify(where="prediction", text=text, overrides=[override(failure_class="billing")])
    assert (never.retryable, never.retry_after) == (False, None)
    refused = override(failure_class="content_policy", pattern="nudity")
    assert classify(where="prediction", text="nudity", overrides=[refused]).category == "sexual"


def test_the_first_override_that_matches_wins_and_one_that_does_not_match_changes_nothing() -> None:
    text = "quota of the studio"
    rules = [override(1, pattern="nothing"), override(2, failure_class="auth"), override(3)]
    assert classify(where="prediction", text=text, overrides=rules).rule_id == "override:2.v3"
    untouched = classify(where="prediction", text="boom", overrides=rules)
    assert untouched == classify(where="prediction", text="boom")


def test_a_groups_message_makes_a_pattern_that_matches_its_errors() -> None:
    text = "Worker gpu-77f3a9c01 gave up after 12.5 seconds, see https://x.test/9 (status 503)"
    pattern = suggested_pattern(normalise(text))
    assert "<" not in pattern
    assert matches(pattern, text)
    assert matches(pattern, text.replace("12.5", "99").replace("503", "500"))
    assert not matches(pattern, "Worker gave up")
