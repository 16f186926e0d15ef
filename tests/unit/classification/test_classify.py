# ruff: noqa: RUF001
"""The classifier on labelled real errors, on other providers' phrasings, and rule by rule."""

import dataclasses
import json
import pathlib
import time
from typing import Any

import pytest

from core.classification.classify import NO_RULE, Verdict, classify
from core.classification.rules import RULES, Rule
from core.classification.taxonomy import FailureClass

DATA = pathlib.Path(__file__).parents[2] / "data"


def entries(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]


def verdict_on(entry: dict[str, Any]) -> Verdict:
    return classify(
        where=entry["where"],
        exception=entry.get("exception"),
        http_status=entry.get("http_status"),
        code=entry.get("code"),
        text=entry["message"],
    )


def accepted(entry: dict[str, Any]) -> set[str]:
    return {*entry.get("accept", []), *([entry["label"]] if "label" in entry else [])}


REAL = entries("provider_errors.jsonl")
PHRASINGS = entries("provider_phrasings.jsonl")


def test_at_least_97_percent_of_real_errors_get_their_label() -> None:
    wrong = [entry["id"] for entry in REAL if verdict_on(entry).failure_class not in accepted(entry)]
    assert len(REAL) >= 150
    assert len(wrong) <= 0.03 * len(REAL), wrong


def test_at_least_97_percent_of_real_errors_are_rightly_called_retryable() -> None:
    wrong = [entry["id"] for entry in REAL if verdict_on(entry).retryable is not entry["retryable"]]
    assert len(wrong) <= 0.03 * len(REAL), wrong


@pytest.mark.parametrize("entry", PHRASINGS, ids=lambda entry: f"{entry['where']}: {entry['message'][:50]}")
def test_other_providers_libraries_and_languages_are_understood(entry: dict[str, Any]) -> None:
    verdict = verdict_on(entry)
    assert verdict.failure_class in accepted(entry)
    assert verdict.retryable is entry.get("retryable", verdict.retryable)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_rule_is_the_first_to_match_its_own_example(rule: Rule) -> None:
    verdict = classify(**dataclasses.asdict(rule.example))
    assert verdict.rule_id == rule.id
    assert (verdict.failure_class, verdict.retryable) == (rule.failure_class, rule.retryable)
    assert verdict.rule_description == rule.description


def test_rules_have_names_of_their_own_and_cover_every_class() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    assert {rule.failure_class for rule in RULES} == set(FailureClass)


@pytest.mark.parametrize(
    "text", ["", "Prediction failed", "qwertz", "图片生成失败", "Se produjo un error", "{}", "\x00\ud83d"]
)
def test_a_text_that_says_nothing_stays_unknown(text: str) -> None:
    verdict = classify(where="prediction", text=text)
    assert (verdict.failure_class, verdict.retryable, verdict.rule_id) == (
        FailureClass.UNKNOWN,
        False,
        NO_RULE,
    )


def test_a_refusal_is_found_however_often_its_json_was_escaped() -> None:
    text = '{"error": {"message": "no", "code": "moderation_blocked"}}'
    for _ in range(6):
        verdict = classify(where="replicate_http", http_status=502, text=text)
        assert verdict.failure_class is FailureClass.CONTENT_POLICY
        text = json.dumps({"error": {"message": text, "type": "upstream_error"}})


def test_words_of_the_customers_prompt_do_not_count() -> None:
    text = '{"error": "Internal error", "input": {"prompt": "nude, flagged by the safety system (E005)"}}'
    assert classify(where="prediction", text=text).failure_class is FailureClass.PROVIDER_OUTAGE


def test_words_in_addresses_and_stack_frames_do_not_count() -> None:
    text = 'File "/srv/nsfw/safety.py", line 3, in f\nhttps://x.example/rate-limit/ Prediction failed'
    assert classify(where="prediction", text=text).failure_class is FailureClass.UNKNOWN


def test_the_gateways_finer_names_of_places_are_understood() -> None:
    assert classify(where="output_fetch", http_status=404).failure_class is FailureClass.ASSET_UNAVAILABLE
    assert classify(where="object_store", text="boom").failure_class is FailureClass.STORAGE


def test_types_are_recognised_with_and_without_their_module() -> None:
    bare = classify(where="network", exception="ReadTimeout")
    assert bare == classify(where="network", exception="httpx.ReadTimeout")
    assert bare.failure_class is FailureClass.TIMEOUT


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("Your request was rejected by the safety system. safety_violations=[sexual].", "sexual"),
        ('{"code": "moderation_blocked", "moderation_details": {"categories": ["violence"]}}', "violence"),
        ("Content flagged for: sexual", "sexual"),
        ("The prompt may violate our guardrails around nudity, sexuality, or erotic content.", "sexual"),
        (
            "This content may violate our guardrails concerning similarity to third-party content.",
            "copyright",
        ),
        ("safety_violations=[self-harm]", "self_harm"),
        ('{"code": "content_policy_violation", "categories": ["political_figures"]}', "political_figures"),
        ("您的请求包含色情内容，违规", "sexual"),
        ("Your request was rejected as a result of our safety system.", None),
    ],
)
def test_the_refused_category_is_told_where_the_provider_tells_it(text: str, category: str | None) -> None:
    verdict = classify(where="prediction", text=text)
    assert verdict.failure_class is FailureClass.CONTENT_POLICY
    assert verdict.category == category


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Request was throttled. Your rate limit resets in ~30s.", 30.0),
        ('{"detail": "Request was throttled.", "status": 429, "retry_after": 5}', 5.0),
        ("Rate limit reached. Please try again in 12s.", 12.0),
        ("Rate limit reached. Please try again in 350ms.", 0.35),
        ("Rate limit reached, retry after 2 minutes", 120.0),
        ('RESOURCE_EXHAUSTED {"retryDelay": "3.299s"}', 3.299),
        ("Request was throttled. Expected available in 7 seconds.", 7.0),
        ("请求过于频繁，请 30 秒后重试", 30.0),
        ("Too many requests", None),
    ],
)
def test_the_wait_that_a_throttle_asks_for_is_read_in_seconds(text: str, seconds: float | None) -> None:
    verdict = classify(where="replicate_http", http_status=429, text=text)
    assert verdict.failure_class is FailureClass.RATE_LIMITED
    assert verdict.retry_after == seconds


def test_a_refusal_names_no_wait_even_if_its_text_invites_to_try_again() -> None:
    verdict = classify(where="prediction", text="Flagged by the safety system. Try again in 5 seconds.")
    assert (verdict.retryable, verdict.retry_after) == (False, None)


def test_what_a_long_trace_says_last_is_read() -> None:
    text = "Traceback (most recent call last):\n" + "  x = 1\n" * 9_000 + "ModelError: Request timed out."
    assert classify(where="prediction", text=text).failure_class is FailureClass.TIMEOUT


@pytest.mark.parametrize(
    "text",
    [
        "a" * 200_000,
        "(" * 50_000,
        "image " * 40_000,
        '\\"' * 60_000,
        "<" * 50_000,
        "图" * 50_000,
        "a.b-" * 50_000,
    ],
)
def test_huge_texts_are_judged_quickly(text: str) -> None:
    started = time.process_time()
    classify(where="prediction", text=text)
    assert time.process_time() - started < 2.0
