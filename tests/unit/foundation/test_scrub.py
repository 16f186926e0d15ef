import time

import pytest

from core.foundation.scrub import LIMIT, scrub


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Authorization: Bearer r8_abcDEF123456", "abcDEF"),
        ("headers={'Authorization': 'Token abc-def-ghi'}", "abc-def"),
        ("sent Bearer eyJhbGciOi.J9abc and failed", "eyJhbGci"),
        ("token r8_abcDEF123456 is invalid", "abcDEF"),
        ("masked r8_ab****************yz", "yz"),
        ("Incorrect API key provided: sk-proj-abcdefGHIJKL123.", "abcdef"),
        ("Incorrect API key provided: sk-abc***xyz. You can", "xyz"),
        ("Incorrect API key provided: sk-abc…xyz.", "xyz"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "MfKQ9"),
        ("GET https://h/f?expiry=1&signature=aGVsbG8&x=2", "aGVsbG8"),
        ("https://s3/x?X-Amz-Credential=AKIA1/2&X-Amz-Signature=beef01", "beef01"),
        ("https://s3/x?X-Amz-Credential=AKIA1/2&X-Amz-Signature=beef01", "AKIA1"),
        ("https://h/f?api_key=topsecret", "topsecret"),
        ('{"openai_api_key": "plainvalue", "a": 1}', "plainvalue"),
        ("{'openai_api_key': 'plainvalue'}", "plainvalue"),
        ("https://user:hunter2@host/path", "hunter2"),
        ("image data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAA is bad", "iVBORw0"),
        ("image " + "iVBORw0KGgo" * 40, "iVBORw0KGgoiVBORw0KGgo"),
    ],
)
def test_a_secret_or_picture_never_stays(text: str, secret: str) -> None:
    assert secret in text
    assert secret not in scrub(text)


@pytest.mark.parametrize(
    "text",
    [
        "You did not pass a valid authentication token",
        "Bearer authentication is required",
        "Input text token count: 711",
        "- input.openai_api_key: openai_api_key is required",
        "Rate limit reached in organization org-abc on input-images per min: Limit 5, Used 5, Requested 1.",
        "Please use the task-force and the risk-free desk at https://replicate.com/account/billing#billing",
        "safety_violations=[sexual]. (E005)\n\tsecond line é",
    ],
)
def test_ordinary_words_stay_as_they_are(text: str) -> None:
    assert scrub(text) == text


def test_what_stands_around_a_secret_stays_readable() -> None:
    assert scrub("Incorrect API key provided: sk-abc***xyz. You can find it") == (
        "Incorrect API key provided: [secret]. You can find it"
    )
    assert scrub("https://h/f?a=1&signature=abc&b=2") == "https://h/f?a=1&signature=[secret]&b=2"
    assert scrub("see data:image/png;base64,iVBORw0KGgoAAAAN now") == (
        "see data:image/png;base64,[16 characters] now"
    )


def test_given_secrets_go_wherever_they_stand_also_percent_encoded() -> None:
    told = scrub("a my/secret=x b my%2Fsecret%3Dx c", secrets=["my/secret=x", "", "abc"])

    assert told == "a [secret] b [secret] c"


def test_a_secret_inside_another_leaves_no_rest() -> None:
    assert scrub("abcdefgh", secrets=["abcd", "abcdefgh"]) == "[secret]"


def test_a_long_text_is_cut_after_its_secrets_are_gone() -> None:
    told = scrub("a " * (LIMIT // 2 - 3) + "sk-abcdefghijklmnop tail", secrets=[])

    assert len(told) <= LIMIT
    assert "sk-a" not in told
    assert told.endswith("…")


@pytest.mark.parametrize("unit", ["x", "x ", "://a:", "data:", "bearer ", "sk-", "'token'", "token="])
def test_a_hostile_text_of_megabytes_is_scrubbed_quickly(unit: str) -> None:
    text = unit * (3_000_000 // len(unit))
    started = time.process_time()

    told = scrub(text)

    assert len(told) <= LIMIT
    assert time.process_time() - started < 2


def test_what_postgresql_cannot_store_is_replaced() -> None:
    told = scrub("a\x00b\ud800c\x1b[31md\r\ne")

    assert told == "a\ufffdb\ufffdc\ufffd[31md\ne"
    told.encode()
