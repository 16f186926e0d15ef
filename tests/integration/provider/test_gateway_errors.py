"""Refusals: what an error says, how long it asks to wait, and that nothing sleeps or retries meanwhile."""

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from core.provider.errors import Outcome, ProviderError
from tests.support.servers.gateways import a_request, gateway_to
from tests.support.servers.wire import Received, WireServer, reply


def error_of(answer: bytes, **options: Any) -> ProviderError:
    with gateway_to(lambda _: answer, **options) as (gateway, _), pytest.raises(ProviderError) as caught:
        gateway.create(a_request())
    return caught.value


@pytest.mark.parametrize(
    ("status", "body", "code", "says"),
    [
        (
            401,
            {
                "title": "Unauthenticated",
                "detail": "You did not pass a valid authentication token",
                "status": 401,
            },
            None,
            "Unauthenticated: You did not pass a valid authentication token",
        ),
        (
            402,
            {"title": "Insufficient credit", "detail": "You have insufficient credit to run this model."},
            None,
            "Insufficient credit: You have insufficient credit",
        ),
        (
            404,
            {"detail": "The requested resource could not be found.", "status": 404},
            None,
            "could not be found",
        ),
        (
            422,
            {
                "title": "Input validation failed",
                "detail": "- input: prompt is required\n",
                "invalid_fields": [
                    {"type": "required", "field": "input", "description": "prompt is required"}
                ],
            },
            "required",
            "Input validation failed: - input: prompt is required",
        ),
        (
            400,
            {"error": {"message": "Too bad", "code": "moderation_blocked"}},
            "moderation_blocked",
            "Too bad",
        ),
        (403, "<html><head><title>Attention Required!</title></head></html>", None, "Attention Required!"),
        (400, "plain words", None, "plain words"),
        (422, [{"msg": "odd"}], None, '[{"msg": "odd"}]'),
        (422, None, None, "422"),
        (418, "", None, "418"),
    ],
)
def test_a_refusal_is_told_with_status_code_and_words(
    status: int, body: Any, code: str | None, says: str
) -> None:
    error = error_of(reply(status, body))

    assert (error.outcome, error.where, error.status) == (Outcome.REFUSED, "replicate_http", status)
    assert error.code == code
    assert says in error.text


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_refused_and_not_followed(status: int) -> None:
    with WireServer(lambda _: reply(201, {"id": "stolen"})) as elsewhere:
        error = error_of(reply(status, "", {"Location": f"{elsewhere.url}/v1/x"}))

        assert elsewhere.connections == 0
    assert (error.outcome, error.status) == (Outcome.REFUSED, status)
    assert "redirects are not followed" in error.text


def test_see_other_may_mean_that_it_was_done() -> None:
    assert error_of(reply(303, "", {"Location": "/elsewhere"})).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("body", "headers", "seconds"),
    [
        ({"detail": "Request was throttled. Your rate limit resets in ~5s.", "retry_after": 7}, {}, 7),
        ({"detail": "Request was throttled. Your rate limit resets in ~30s."}, {}, 30),
        ({"detail": "throttled"}, {"Retry-After": "12"}, 12),
        ({"detail": "throttled"}, {"Retry-After": "2.5"}, 2.5),
        ({"detail": "throttled", "retry_after": 86400}, {}, 300),
        ({"detail": "throttled"}, {"Retry-After": "999999999"}, 300),
        ({"detail": "throttled", "retry_after": "soon"}, {"Retry-After": "later"}, None),
        ({"detail": "throttled", "retry_after": -5}, {"Retry-After": "nan"}, None),
        ({"detail": ["~9s"]}, {}, None),
        ("<html>", {"Retry-After": "3"}, 3),
        ("<html>", {"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0),
    ],
)
def test_the_wait_that_a_429_asks_for_is_read_and_capped(
    body: Any, headers: dict[str, str], seconds: float | None
) -> None:
    error = error_of(reply(429, body, headers))

    assert error.outcome is Outcome.REFUSED
    assert error.retry_after == seconds


def test_a_date_to_retry_at_is_turned_into_seconds() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)

    retry_after = error_of(reply(429, {"detail": "throttled"}, {"Retry-After": date})).retry_after

    assert retry_after is not None
    assert 40 < retry_after <= 60


def test_a_date_to_retry_at_is_counted_from_the_date_of_the_same_answer() -> None:
    headers = {"Retry-After": "Sun, 22 Nov 2026 10:00:37 GMT", "Date": "Sun, 22 Nov 2026 10:00:07 GMT"}
    assert error_of(reply(429, {"detail": "throttled"}, headers)).retry_after == 30


@pytest.mark.parametrize("status", [429, 503, 504])
def test_a_read_that_is_refused_is_neither_slept_on_nor_repeated(status: int) -> None:
    started = time.monotonic()

    answer = reply(status, {"detail": "no"}, {"Retry-After": "3600"})
    with gateway_to(lambda _: answer) as (gateway, server), pytest.raises(ProviderError) as caught:
        gateway.get("p1")

    assert time.monotonic() - started < 30
    assert len(server.requests) == 1
    assert caught.value.retry_after == 300


def test_every_429_is_told_to_the_budget_by_kind_and_nothing_else_is() -> None:
    told: list[tuple[str, float | None]] = []

    def answer(request: Received) -> bytes:
        if request.path == "/v1/account":
            return reply(500, "broken")
        return reply(429, {"detail": "throttled", "retry_after": 9 if request.method == "POST" else 2})

    with gateway_to(answer, on_limits=lambda kind, seconds: told.append((kind, seconds))) as (gateway, _):
        for call in (lambda: gateway.create(a_request()), lambda: gateway.get("p1"), gateway.check_account):
            with pytest.raises(ProviderError):
                call()
        with pytest.raises(ProviderError):
            gateway.cancel("p1")

    assert told == [("create", 9), ("read", 2), ("read", 9)]


def test_an_answer_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.provider.api.MAX_ANSWER_BYTES", 1000)

    error = error_of(reply(201, "x" * 2000))

    assert error.outcome is Outcome.UNKNOWN
    assert "larger than" in error.text
