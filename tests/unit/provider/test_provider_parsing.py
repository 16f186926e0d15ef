import json
from datetime import UTC, datetime
from typing import Any

import pytest

from core.provider.parsing import Unreadable, decode_json, parse_report, parse_time
from core.provider.reports import RemoteStatus
from tests.support.servers.gateways import TOKEN, a_prediction


def test_a_whole_prediction_becomes_a_report() -> None:
    report = parse_report(
        a_prediction(
            status="succeeded",
            output=["https://replicate.delivery/a/out.png"],
            started_at="2026-11-22T10:00:01Z",
            completed_at="2026-11-22T10:00:46.99397566Z",
            metrics={"predict_time": 45.87, "total_time": 45.89},
        )
    )

    assert report.remote_id == "p1"
    assert report.status is RemoteStatus.SUCCEEDED
    assert report.model == "openai/gpt-image-1"
    assert report.client_ref == "ref-of-p1"
    assert report.created_at == datetime(2026, 11, 22, 10, 0, 0, 394251, tzinfo=UTC)
    assert report.completed_at == datetime(2026, 11, 22, 10, 0, 46, 993975, tzinfo=UTC)
    assert report.predict_seconds == 45.87
    assert report.output == ("https://replicate.delivery/a/out.png",)
    assert report.output_problem is None
    assert report.web_url == "https://replicate.com/p/p1"
    assert report.odd_status is None


@pytest.mark.parametrize("status", list(RemoteStatus))
def test_every_documented_status_is_read_as_itself(status: RemoteStatus) -> None:
    assert parse_report(a_prediction(status=status.value)).status is status


@pytest.mark.parametrize(
    ("payload", "status"),
    [
        ({"status": "queued"}, RemoteStatus.STARTING),
        ({"status": "cancelled"}, RemoteStatus.CANCELED),
        ({"status": "Succeeded"}, RemoteStatus.SUCCEEDED),
        ({"status": "hibernating"}, RemoteStatus.PROCESSING),
        ({"status": "expired", "completed_at": "2026-11-22T10:00:01Z"}, RemoteStatus.FAILED),
        ({"status": None}, RemoteStatus.PROCESSING),
        ({"status": 7}, RemoteStatus.PROCESSING),
    ],
)
def test_an_undocumented_status_is_interpreted_and_kept(
    payload: dict[str, Any], status: RemoteStatus
) -> None:
    report = parse_report(a_prediction(**payload))

    assert report.status is status
    assert report.odd_status == str(payload["status"])


def test_only_an_id_is_needed() -> None:
    report = parse_report({"id": "p1"})

    assert (report.model, report.client_ref, report.created_at, report.output) == (None, None, None, ())


@pytest.mark.parametrize(
    "payload", [None, [], "p1", {}, {"id": None}, {"id": ""}, {"id": "../account"}, {"id": 7}]
)
def test_what_has_no_usable_id_is_no_prediction(payload: object) -> None:
    with pytest.raises(Unreadable):
        parse_report(payload)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (None, None),
        ("", None),
        ("flagged (E005)", "flagged (E005)"),
        ({"detail": "no credit"}, "no credit"),
        ({"message": "bad image", "code": 1}, "bad image"),
        ({"other": [1]}, '{"other": [1]}'),
        (["a", "b"], '["a", "b"]'),
        (f"key {TOKEN} is wrong", "key [secret] is wrong"),
    ],
)
def test_an_error_of_any_shape_becomes_clean_text(error: object, text: str | None) -> None:
    assert parse_report(a_prediction(status="failed", error=error), [TOKEN]).error == text


@pytest.mark.parametrize(
    ("output", "read", "problem"),
    [
        (["https://h/a", "https://h/b"], ("https://h/a", "https://h/b"), None),
        ("https://h/a", ("https://h/a",), None),
        ("data:image/png;base64,AAAA", ("data:image/png;base64,AAAA",), None),
        (None, (), "succeeded without an output"),
        ([], (), "succeeded without an output"),
        ("nothing", (), "no address"),
        ([None], (), "no address"),
        (["https://h/a", {"url": "x"}], ("https://h/a",), "no address"),
        ({"url": "https://h/a"}, (), "no address"),
        (["file:///etc/passwd"], (), "no address"),
        (["https://[broken"], (), "no address"),
        (7, (), "no address"),
    ],
)
def test_an_output_of_any_shape_is_read_or_its_problem_told(
    output: object, read: tuple[str, ...], problem: str | None
) -> None:
    report = parse_report(a_prediction(status="succeeded", output=output))

    assert report.output == read
    assert (problem is None) == (report.output_problem is None)
    assert problem is None or problem in (report.output_problem or "")


def test_a_removed_output_is_told_apart_and_a_failure_needs_none() -> None:
    removed = parse_report(a_prediction(status="succeeded", output=None, data_removed=True))
    failed = parse_report(a_prediction(status="failed", output=None))

    assert removed.data_removed
    assert removed.output_problem == "the provider removed the output"
    assert failed.output_problem is None


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2024-08-22T12:26:51.079Z", datetime(2024, 8, 22, 12, 26, 51, 79000, tzinfo=UTC)),
        ("2024-08-22T12:26:51.558752983Z", datetime(2024, 8, 22, 12, 26, 51, 558752, tzinfo=UTC)),
        ("2024-08-22T14:26:51+02:00", datetime(2024, 8, 22, 12, 26, 51, tzinfo=UTC)),
        ("2024-08-22T12:26:51", datetime(2024, 8, 22, 12, 26, 51, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", None),
        ("yesterday", None),
        (1732269600, None),
        (None, None),
    ],
)
def test_times_are_read_with_any_number_of_digits(text: object, read: datetime | None) -> None:
    assert parse_time(text) == read


@pytest.mark.parametrize(
    "metrics", [None, [], {}, {"predict_time": None}, {"predict_time": True}, {"predict_time": -1}, "1"]
)
def test_missing_or_odd_metrics_are_no_seconds(metrics: object) -> None:
    assert parse_report(a_prediction(metrics=metrics)).predict_seconds is None


@pytest.mark.parametrize("number", ["1e999", "NaN", "1" + "0" * 400])
def test_numbers_beyond_all_measure_are_no_seconds(number: str) -> None:
    payload = decode_json(f'{{"id": "p1", "metrics": {{"predict_time": {number}}}}}'.encode())

    assert parse_report(payload).predict_seconds is None


@pytest.mark.parametrize(
    "given", [None, "text", [], {}, {"user_id": None}, {"user_id": "a\x00b"}, {"user_id": "x" * 999}]
)
def test_an_input_without_a_usable_reference_has_none(given: object) -> None:
    assert parse_report(a_prediction(input=given)).client_ref is None


@pytest.mark.parametrize("web", [None, 7, "javascript:alert(1)", "http://h/"])
def test_only_an_https_address_becomes_a_link(web: object) -> None:
    assert parse_report(a_prediction(urls={"web": web})).web_url is None


def test_pictures_and_secrets_are_not_shown_by_a_report() -> None:
    report = parse_report(a_prediction(status="succeeded", output=["data:image/png;base64,FACE"]), [TOKEN])

    assert "FACE" not in repr(report)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[" * 100_000, b"\xff\xfe\x00", b'{"a":' + b"1" * 5000 + b"}"]
)
def test_what_is_no_json_is_one_kind_of_error(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        decode_json(body)


def test_a_prediction_survives_the_way_through_json() -> None:
    assert parse_report(decode_json(json.dumps(a_prediction()).encode())).remote_id == "p1"
