"""The provider sandbox answers as Replicate's OpenAPI document and recorded answers say."""

import base64
import datetime as dt
import io
import json
import re
import time
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from PIL import Image

from core.sandbox.lifecycle import Lifecycle
from core.sandbox.server import RunningSandbox
from core.sandbox.webhooks import Webhooks
from tests.support.servers.sandboxes import CREATE, QUICK, api_of, create, ended, inputs, selfie_uri, until

pytestmark = pytest.mark.slow

SCHEMAS = json.loads((Path(__file__).parents[2] / "data" / "replicate_schemas.json").read_text())
# An ending that needs no drawing.
CHEAP = "[sandbox:e1000]"

NOT_ALLOWED = "Additional property {} is not allowed"
LIVING = ["openai/gpt-image-2", "openai/gpt-image-2.5-flare", "openai/gpt-image-2.5-sunburst"]
RATIOS = 'aspect_ratio must be one of the following: "1:1", "3:2", "2:3"'
TOO_MANY = "Must be less than or equal to 10"
NO_NUMBER = "Invalid type. Expected: integer, given: string"
NO_ADDRESS = "Does not match format 'uri'"
EVENTS = '0 must be one of the following: "start", "output", "logs", "completed"'
BAD_IMAGE = "Invalid image file or mode for image 1, please check your image file."
BAD_TYPE = (
    "Invalid file 'image': unsupported mimetype ('application/octet-stream'). "
    "Supported file formats are 'image/jpeg', 'image/png', and 'image/webp'."
)


def check(document: Any, name: str) -> None:
    """Fail unless the document fits this schema of Replicate's OpenAPI document."""
    jsonschema.validate(document, {**SCHEMAS, "$ref": f"#/$defs/{name}"})


def test_a_prediction_starts_runs_and_delivers_a_picture(
    quick_sandbox: RunningSandbox, api: httpx.Client
) -> None:
    created = create(api, input_images=[selfie_uri()], output_format="png", aspect_ratio="1:1")
    check(created, "prediction_response")
    assert (created["status"], created["version"], created["output"]) == ("starting", "hidden", None)
    assert re.fullmatch("[0-9a-z]{26}", created["id"])
    done = ended(api, created["id"])
    check(done, "prediction_response")
    assert done["status"] == "succeeded"
    assert done["metrics"]["predict_time"] <= done["metrics"]["total_time"]
    assert "Output token count: 4160" in done["logs"]
    [address] = done["output"]
    assert re.fullmatch(re.escape(quick_sandbox.files_url) + r"/xezq/[\w-]{40,}/out-0\.png", address)
    answer = httpx.get(address, trust_env=False)
    assert answer.headers["content-type"] == "image/png"
    picture = Image.open(io.BytesIO(answer.content))
    assert (picture.format, picture.size) == ("PNG", (1024, 1024))


def test_without_wishes_two_pictures_are_webp_and_differ(api: httpx.Client) -> None:
    done = ended(api, create(api, number_of_images=2, aspect_ratio="3:2")["id"])
    files = [httpx.get(address, trust_env=False).content for address in done["output"]]
    pictures = [Image.open(io.BytesIO(file)) for file in files]
    assert [(picture.format, picture.size) for picture in pictures] == [("WEBP", (1536, 1024))] * 2
    assert files[0] != files[1]


def test_the_openai_key_is_never_shown(quick_sandbox: RunningSandbox, api: httpx.Client) -> None:
    created = create(api, f"{CHEAP} secret")
    assert created["input"]["openai_api_key"] == "[REDACTED]"
    listed = api.get("/v1/predictions").text
    assert "sk-test-key" not in listed + json.dumps(ended(api, created["id"]))


def test_the_other_creation_endpoint_takes_the_model_as_version(api: httpx.Client) -> None:
    answer = api.post("/v1/predictions", json={"version": "openai/gpt-image-2", "input": {"prompt": CHEAP}})
    assert (answer.status_code, answer.json()["model"]) == (201, "openai/gpt-image-2")
    wrong = api.post("/v1/predictions", json={"version": "a" * 64, "input": {"prompt": CHEAP}})
    assert (wrong.status_code, wrong.json()["title"]) == (422, "Invalid version or not permitted")


@pytest.mark.parametrize(
    ("body", "field", "kind", "description"),
    [
        ({}, "", "required", "input is required"),
        ({"input": {"prompt": "x"}}, "input", "required", "openai_api_key is required"),
        (
            {"input": inputs(), "model": "m"},
            "",
            "additional_property_not_allowed",
            NOT_ALLOWED.format("model"),
        ),
        ({"input": inputs(seed=1)}, "input", "additional_property_not_allowed", NOT_ALLOWED.format("seed")),
        ({"input": inputs(aspect_ratio="16:9")}, "input.aspect_ratio", "enum", RATIOS),
        ({"input": inputs(number_of_images=11)}, "input.number_of_images", "number_lte", TOO_MANY),
        ({"input": inputs(number_of_images="2")}, "input.number_of_images", "invalid_type", NO_NUMBER),
        ({"input": inputs(input_images=["me.png"])}, "input.input_images.0", "format", NO_ADDRESS),
        ({"input": inputs(), "webhook_events_filter": ["failed"]}, "webhook_events_filter.0", "enum", EVENTS),
    ],
)
def test_a_wrong_body_is_refused_field_by_field(
    quick_sandbox: RunningSandbox,
    api: httpx.Client,
    body: dict[str, Any],
    field: str,
    kind: str,
    description: str,
) -> None:
    before = len(quick_sandbox.state.order)
    answer = api.post(CREATE, json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["invalid_fields"] == [{"type": kind, "field": field, "description": description}]
    assert description in answer.json()["detail"]
    assert len(quick_sandbox.state.order) == before


@pytest.mark.parametrize("slug", LIVING)
def test_the_living_models_take_the_inputs_of_their_schemas_and_no_other(
    api: httpx.Client, slug: str
) -> None:
    path = f"/v1/models/{slug}/predictions"
    fine = {"prompt": CHEAP, "background": "transparent", "number_of_images": 10, "user_id": "ref"}
    assert api.post(path, json={"input": fine}).status_code == 201
    to_max = slug != LIVING[0]
    for quality, status in {"xhigh": 201 if to_max else 422, "max": 201 if to_max else 422, "x": 422}.items():
        wanted = {"prompt": CHEAP, "quality": quality}
        assert api.post(path, json={"input": wanted}).status_code == status
    for unknown in (
        {"input_fidelity": "high"},
        {"mask": "x"},
        {"number_of_images": 11},
        {"aspect_ratio": "5:4"},
    ):
        answer = api.post(path, json={"input": {"prompt": CHEAP, **unknown}})
        assert answer.status_code == 422
        [name] = unknown
        assert name in answer.json()["detail"]
    model = api.get(f"/v1/models/{slug}").json()
    check(model, "model_response")
    schema = model["latest_version"]["openapi_schema"]["components"]["schemas"]["Input"]
    properties = schema["properties"]
    assert "input_fidelity" not in properties
    assert schema["required"] == ["prompt"]
    assert len(properties["aspect_ratio"]["enum"]) == 18
    assert [properties[name]["default"] for name in ("output_format", "quality", "aspect_ratio")] == [
        "webp",
        "auto",
        "1:1",
    ]


def test_a_retired_model_is_drawn_as_before(api: httpx.Client) -> None:
    done = ended(api, create(api, input_images=[selfie_uri()], input_fidelity="high")["id"])
    assert (done["model"], done["status"]) == ("openai/gpt-image-1", "succeeded")


@pytest.mark.parametrize("slug", LIVING)
def test_the_living_models_draw_without_a_key_in_the_wanted_size_and_format(
    api: httpx.Client, slug: str
) -> None:
    wanted = {"prompt": "a comic hero", "aspect_ratio": "3:4", "output_format": "png", "quality": "high"}
    made = api.post(f"/v1/models/{slug}/predictions", json={"input": wanted}).json()
    done = ended(api, made["id"])
    [address] = done["output"]
    picture = Image.open(io.BytesIO(httpx.get(address, trust_env=False).content))
    assert (done["model"], picture.format, picture.size) == (slug, "PNG", (1152, 1536))
    assert done["logs"].endswith("Output token count: 4160")


def test_what_does_not_exist_is_404(api: httpx.Client) -> None:
    wanted = [
        api.get("/v1/predictions/0000000000000000000000000a"),
        api.post("/v1/predictions/0000000000000000000000000a/cancel"),
        api.get("/v1/models/openai/dall-e-9"),
        api.post("/v1/models/openai/dall-e-9/predictions", json={"input": {"prompt": "x"}}),
        api.get("/v1/nowhere"),
        api.get("/v1/predictions?cursor=rubbish"),
    ]
    assert [answer.status_code for answer in wanted] == [404] * len(wanted)
    assert wanted[0].json() == {"detail": "The requested resource could not be found.", "status": 404}


@pytest.mark.parametrize("token", ["", "Bearer nonsense", "Basic r8_x"])
def test_without_a_valid_token_nothing_is_shown(quick_sandbox: RunningSandbox, token: str) -> None:
    for path in ("/v1/account", "/v1/predictions", "/sandbox/state"):
        answer = httpx.get(
            quick_sandbox.url + path, headers={"Authorization": token} if token else {}, trust_env=False
        )
        assert answer.status_code == 401
        assert answer.json() == {
            "title": "Unauthenticated",
            "detail": "You did not pass a valid authentication token",
            "status": 401,
        }


def test_account_and_webhook_secret_fit_their_schemas(api: httpx.Client) -> None:
    check(api.get("/v1/account").json(), "account_response")
    check(secret := api.get("/v1/webhooks/default/secret").json(), "webhook_secret_response")
    assert secret["key"].startswith("whsec_")


def test_the_list_is_newest_first_and_pages_by_absolute_addresses() -> None:
    with RunningSandbox(**QUICK) as own, api_of(own) as api:
        ids = [create(api, f"{CHEAP} {number}")["id"] for number in range(203)]
        pages = [api.get("/v1/predictions").json()]
        while address := pages[-1]["next"]:
            assert address.startswith(own.url + "/v1/predictions?cursor=")
            pages.append(api.get(address).json())
        check(pages[0], "paginated_prediction_response")
        assert [len(page["results"]) for page in pages] == [100, 100, 3]
        assert [item["id"] for page in pages for item in page["results"]] == ids[::-1]
        assert pages[0]["results"][0]["input"]["prompt"] == f"{CHEAP} 202"
        assert "logs" not in pages[0]["results"][0]
        back = api.get(pages[1]["previous"]).json()
        assert [item["id"] for item in back["results"]] == [item["id"] for item in pages[0]["results"]]


def test_the_list_can_be_narrowed_by_time_of_creation() -> None:
    with RunningSandbox(**QUICK, page_size=1) as own, api_of(own) as api:
        for number in range(4):
            create(api, f"{CHEAP} {number}")
            own.clock.advance(1e6)
        moments = [dt.datetime.fromtimestamp(p.created, dt.UTC) for p in own.state.order]
        limits = {"created_after": moments[1].isoformat(), "created_before": moments[3].isoformat()}
        first = api.get("/v1/predictions", params=limits).json()
        second = api.get(first["next"]).json()
        prompts = [item["input"]["prompt"] for page in (first, second) for item in page["results"]]
        assert prompts == [f"{CHEAP} 2", f"{CHEAP} 1"]
        assert second["next"] is None
        assert api.get("/v1/predictions", params={"source": "web"}).json()["results"] == []
        assert api.get("/v1/predictions", params={"created_after": "yesterday"}).status_code == 422


def test_timestamps_have_differing_digits_and_move_between_creation_and_later(api: httpx.Client) -> None:
    created = [create(api, f"{CHEAP} digits") for _ in range(40)]
    digits = {len(document["created_at"].partition(".")[2]) - 1 for document in created}
    assert digits == {3, 6, 8, 9}
    later = [api.get(f"/v1/predictions/{document['id']}").json() for document in created]
    assert all(a["created_at"] != b["created_at"] for a, b in zip(created, later, strict=True))


def test_a_canceled_prediction_stays_canceled(api: httpx.Client) -> None:
    created = create(api, "[sandbox:never_ends]")
    until(lambda: api.get(f"/v1/predictions/{created['id']}").json()["status"] == "processing")
    answer = api.post(f"/v1/predictions/{created['id']}/cancel")
    check(answer.json(), "prediction_response")
    assert (answer.status_code, answer.json()["status"], answer.json()["output"]) == (200, "canceled", None)
    assert answer.json()["completed_at"] is not None
    assert ended(api, created["id"])["status"] == "canceled"


def test_canceling_what_has_ended_changes_nothing(api: httpx.Client) -> None:
    done = ended(api, create(api, CHEAP)["id"])
    assert api.post(f"/v1/predictions/{done['id']}/cancel").json() == done


@pytest.mark.parametrize(
    ("prompt", "status"), [("[sandbox:never_starts]", "aborted"), ("[sandbox:never_ends]", "canceled")]
)
def test_cancel_after_ends_it_before_or_while_it_runs(api: httpx.Client, prompt: str, status: str) -> None:
    answer = api.post(CREATE, json={"input": inputs(prompt)}, headers={"Cancel-After": "1m30s"})
    assert answer.json()["deadline"] > answer.json()["created_at"]
    assert ended(api, answer.json()["id"])["status"] == status


@pytest.mark.parametrize(
    "headers", [{"Cancel-After": "4s"}, {"Cancel-After": "soon"}, {"Prefer": "wait=0"}, {"Prefer": "wait=61"}]
)
def test_headers_outside_the_document_are_refused(api: httpx.Client, headers: dict[str, str]) -> None:
    assert api.post(CREATE, json={"input": inputs()}, headers=headers).status_code == 422


def test_prefer_wait_answers_with_the_complete_output_though_still_processing() -> None:
    with RunningSandbox(time_scale=0.5, starting=(0, 0), processing=(0.1, 0.1)) as own, api_of(own) as api:
        answer = api.post(CREATE, json={"input": inputs(output_format="png")}, headers={"Prefer": "wait=60"})
        check(answer.json(), "prediction_response")
        assert (answer.status_code, answer.headers["preference-applied"]) == (201, "wait=60")
        assert answer.json()["status"] == "processing"
        assert "completed_at" not in answer.json()
        head, _, data = answer.json()["output"][0].partition(",")
        assert head == "data:image/png;base64"
        assert Image.open(io.BytesIO(base64.b64decode(data))).size == (1024, 1024)
        assert ended(api, answer.json()["id"])["output"][0].startswith(own.files_url)


def test_prefer_wait_gives_up_with_202_when_time_is_over(api: httpx.Client) -> None:
    answer = api.post(CREATE, json={"input": inputs("[sandbox:never_starts]")}, headers={"Prefer": "wait=1"})
    assert (answer.status_code, answer.json()["status"]) == (202, "starting")
    assert answer.headers["preference-applied"] == "wait=1"


def test_data_and_files_are_gone_an_hour_after_the_end() -> None:
    with RunningSandbox(time_scale=0.01) as own, api_of(own) as api:
        done = ended(api, create(api)["id"])
        assert httpx.get(done["output"][0], trust_env=False).status_code == 200
        own.clock.advance(3600)
        assert httpx.get(done["output"][0], trust_env=False).status_code == 404
        gone = api.get(f"/v1/predictions/{done['id']}").json()
        check(gone, "prediction_response")
        assert (gone["status"], gone["data_removed"], gone["output"], gone["input"]) == (
            "succeeded",
            True,
            None,
            {},
        )


def test_files_live_for_a_day_and_feed_predictions() -> None:
    content = base64.b64decode(selfie_uri("JPEG").partition(",")[2])
    with RunningSandbox(time_scale=0.001, retention=1e7) as own, api_of(own) as api:
        sent = api.post(
            "/v1/files", files={"content": ("me.jpg", content, "image/jpeg")}, data={"metadata": '{"a": 1}'}
        )
        check(file := sent.json(), "file_response")
        assert (sent.status_code, file["name"], file["size"], file["metadata"]) == (
            201,
            "me.jpg",
            len(content),
            {"a": 1},
        )
        assert api.get(file["urls"]["get"]).json() == file
        check(listed := api.get("/v1/files").json(), "paginated_file_response")
        assert listed["results"] == [file]
        done = ended(api, create(api, input_images=[file["urls"]["get"]])["id"])
        assert (done["status"], "Input image token count: 323" in done["logs"]) == ("succeeded", True)
        own.clock.advance(86400)
        missing = api.get(file["urls"]["get"])
        assert (missing.status_code, missing.json()) == (404, {"detail": "File not found"})


def test_a_deleted_file_is_gone_and_a_file_too_large_is_refused() -> None:
    with RunningSandbox(**QUICK, file_limit=1000) as own, api_of(own) as api:
        file = api.post("/v1/files", files={"content": ("a.bin", b"x" * 1000)}).json()
        assert api.delete(file["urls"]["get"]).status_code == 204
        assert api.delete(file["urls"]["get"]).status_code == 404
        for size in (1001, 3_000_000):
            refused = api.post("/v1/files", files={"content": ("a.bin", b"x" * size)})
            assert refused.status_code == 413
            assert refused.json() == {"detail": "Files must be less than 100MB in size"}
        assert api.post("/v1/files", data={"filename": "a"}, files={"other": b"x"}).status_code == 422


@pytest.mark.parametrize(
    ("image", "error"),
    [
        ("data:image/png;base64,aGVsbG8=", BAD_IMAGE),
        ("data:image/png;base64,!!!", BAD_IMAGE),
        (selfie_uri(media_type="application/octet-stream"), BAD_TYPE),
        ("http://169.254.169.254/latest", "Could not download input_images[0]: 404 Not Found"),
    ],
)
def test_a_selfie_that_cannot_be_read_fails_the_prediction(api: httpx.Client, image: str, error: str) -> None:
    done = ended(api, create(api, input_images=[image])["id"])
    assert (done["status"], done["error"], done["output"]) == ("failed", error, None)


def test_a_key_that_openai_would_refuse_fails_the_prediction(api: httpx.Client) -> None:
    done = ended(api, create(api, openai_api_key="wrong-key-indeed")["id"])
    assert done["status"] == "failed"
    assert done["error"].startswith("Incorrect API key provided: wro***")
    assert "wrong-key-indeed" not in done["error"]


def test_answers_tell_what_is_left_of_the_rate_limit(api: httpx.Client) -> None:
    created = api.post(CREATE, json={"input": inputs(CHEAP)})
    assert (created.headers["ratelimit-remaining"], created.headers["ratelimit-reset"]) == ("599", "1")
    assert api.get("/v1/account").headers["ratelimit-remaining"] == "2999"


def test_limits_can_be_enforced_and_refill() -> None:
    options = {"enforce_limits": True, "creates_per_minute": 3, "others_per_minute": 6000}
    with RunningSandbox(**options) as own, api_of(own) as api:
        answers = [api.post(CREATE, json={"input": inputs("[sandbox:never_starts]")}) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [201, 201, 201, 429]
        assert answers[3].json()["retry_after"] == int(answers[3].headers["retry-after"]) > 1
        assert re.search(r"resets in ~\d+s\.$", answers[3].json()["detail"])
        own.clock.advance(21)
        assert api.post(CREATE, json={"input": inputs("[sandbox:never_starts]")}).status_code == 201


def test_latencies_scale_and_are_the_same_for_the_same_prompt_and_repeat() -> None:
    durations = []
    for _ in range(2):
        with RunningSandbox(**QUICK) as own, api_of(own) as api:
            for _ in range(2):
                create(api, f"{CHEAP} same")
            lifecycle = Lifecycle(own.state, Webhooks(own.state))
            spans = [(p.created, lifecycle.schedule(p)) for p in own.state.order]
            durations.append([(round(s - c, 5), round(e - s, 5)) for c, (s, e) in spans])
    assert durations[0] == durations[1]
    assert durations[0][0] != durations[0][1]
    assert all(0.002 <= start <= 0.004 and 0.008 <= run <= 0.015 for start, run in durations[0])


def test_the_state_counts_creations_by_user_id(quick_sandbox: RunningSandbox, api: httpx.Client) -> None:
    ids = [create(api, CHEAP, user_id="ref-7")["id"] for _ in range(2)]
    state = api.get("/sandbox/state").json()
    assert state["created_by_user_id"]["ref-7"] == 2
    assert [item["user_id"] for item in state["predictions"] if item["id"] in ids] == ["ref-7"] * 2
    assert state["requests"][f"POST {CREATE}"] >= 2
    assert quick_sandbox.state.requests[-1].headers["authorization"] == f"Bearer {quick_sandbox.token}"
    assert quick_sandbox.token not in json.dumps(state)


def test_shown_inputs_may_leave_out_the_pictures() -> None:
    with RunningSandbox(**QUICK, echo_data_uris=False) as own, api_of(own) as api:
        created = create(api, CHEAP, input_images=[selfie_uri()])
        assert len(created["input"]["input_images"][0]) == 64
        done = ended(api, create(api, input_images=[selfie_uri()])["id"])
        assert done["status"] == "succeeded"


def test_stopping_is_quick_with_requests_under_way() -> None:
    with RunningSandbox(time_scale=1) as own, api_of(own) as api:
        create(api, "[sandbox:never_ends]")
        started = time.monotonic()
    assert time.monotonic() - started < 30
