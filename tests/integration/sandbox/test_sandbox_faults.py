"""Every fault of the sandbox's table does what its sentence says."""

import io
import json
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from core.sandbox.faults import FAULTS, Stage
from core.sandbox.server import RunningSandbox
from tests.support.servers.sandboxes import CREATE, MODEL, QUICK, api_of, create, ended, inputs, until

pytestmark = pytest.mark.slow

FAILING = [fault.name for fault in FAULTS.values() if fault.error]
CUTS = (httpx.RemoteProtocolError, httpx.ReadError)


def attempt(api: httpx.Client, fault: str, *, timeout: float = 10) -> httpx.Response:
    return api.post(CREATE, json={"input": inputs(f"[sandbox:{fault}]", user_id=fault)}, timeout=timeout)


def output_of(api: httpx.Client, fault: str) -> str:
    """The address of an output with this fault."""
    done = ended(api, create(api, f"[sandbox:{fault}]", output_format="png")["id"])
    assert done["status"] == "succeeded"
    return str(done["output"][0])


def fetch(address: str) -> httpx.Response:
    return httpx.get(address, trust_env=False, timeout=5)


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        ("invalid_input", 422, "prompt is required"),
        ("rate_limited", 429, '"retry_after":1'),
        ("rate_limited_huge", 429, '"retry_after":86400'),
        ("auth", 401, "valid authentication token"),
        ("billing", 402, "Insufficient credit"),
        ("http_500", 500, "Internal server error"),
        ("http_502", 502, "<!DOCTYPE html>"),
        ("http_503", 503, "<!DOCTYPE html>"),
        ("model_gone", 404, "could not be found"),
    ],
)
def test_a_refusal_creates_nothing(
    quick_sandbox: RunningSandbox, api: httpx.Client, fault: str, status: int, words: str
) -> None:
    answer = attempt(api, fault)
    assert answer.status_code == status
    assert words in answer.text
    assert quick_sandbox.state.created_by_user_id[fault] == 0


def test_a_cut_before_handling_creates_nothing(quick_sandbox: RunningSandbox, api: httpx.Client) -> None:
    with pytest.raises(CUTS):
        attempt(api, "cut_before")
    assert quick_sandbox.state.created_by_user_id["cut_before"] == 0


def test_a_hanging_creation_creates_nothing(quick_sandbox: RunningSandbox, api: httpx.Client) -> None:
    with pytest.raises(httpx.ReadTimeout):
        attempt(api, "create_hangs", timeout=0.1)
    assert quick_sandbox.state.created_by_user_id["create_hangs"] == 0


@pytest.mark.parametrize("fault", ["create_slow", "answer_slow"])
def test_a_slow_creation_works_in_the_end(fault: str) -> None:
    with RunningSandbox() as own, api_of(own) as api, ThreadPoolExecutor() as pool:
        waiting = pool.submit(attempt, api, fault)
        until(lambda: own.state.requests)
        if fault == "answer_slow":
            until(lambda: own.state.order)
        assert not waiting.done()
        while not waiting.done():
            own.clock.advance(5)
            wait([waiting], timeout=0.02)
        assert waiting.result().status_code == 201
        # Created after the wait, or before it.
        waited = own.state.order[0].created - own.state.requests[0].moment
        assert (waited >= 20) == (fault == "create_slow")
        assert own.clock.now() - own.state.requests[0].moment >= 20


@pytest.mark.parametrize(("fault", "error"), [("answer_lost", CUTS), ("answer_hangs", httpx.ReadTimeout)])
def test_a_lost_answer_leaves_a_prediction_that_can_be_found(
    quick_sandbox: RunningSandbox, api: httpx.Client, fault: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        attempt(api, fault, timeout=0.3 if fault == "answer_hangs" else 10)
    until(lambda: quick_sandbox.state.created_by_user_id[fault] == 1)
    found = [
        item for item in api.get("/v1/predictions").json()["results"] if item["input"]["user_id"] == fault
    ]
    assert len(found) == 1


@pytest.mark.parametrize(("fault", "status"), [("answer_500", 500), ("answer_garbled", 201)])
def test_a_wrong_answer_leaves_a_prediction(
    quick_sandbox: RunningSandbox, api: httpx.Client, fault: str, status: int
) -> None:
    answer = attempt(api, fault)
    assert answer.status_code == status
    assert quick_sandbox.state.created_by_user_id[fault] == 1
    if fault == "answer_garbled":
        with pytest.raises(json.JSONDecodeError):
            answer.json()


@pytest.mark.parametrize("fault", FAILING)
def test_a_failing_prediction_ends_with_the_faults_text(
    quick_sandbox: RunningSandbox, api: httpx.Client, fault: str
) -> None:
    done = ended(api, create(api, f"[sandbox:{fault}]")["id"])
    text = FAULTS[fault].error.replace("{key}", "sk-test-key").replace("{token}", quick_sandbox.token)
    assert (done["status"], done["output"]) == ("failed", None)
    assert done["error"].startswith(text)


@pytest.mark.parametrize("fault", ["canceled", "aborted"])
def test_the_provider_may_end_a_prediction_by_itself(api: httpx.Client, fault: str) -> None:
    done = ended(api, create(api, f"[sandbox:{fault}]")["id"])
    assert (done["status"], done["output"], done["error"]) == (fault, None, None)
    assert (done["started_at"] is None) == (fault == "aborted")


@pytest.mark.parametrize(("fault", "status"), [("never_starts", "starting"), ("never_ends", "processing")])
def test_a_hanging_prediction_hangs_for_half_an_hour(fault: str, status: str) -> None:
    with RunningSandbox() as own, api_of(own) as api:
        created = create(api, f"[sandbox:{fault}]")
        own.clock.advance(10)
        until(lambda: own.state.order[0].status == status)
        own.clock.advance(1700)
        assert api.get(f"/v1/predictions/{created['id']}").json()["status"] == status
        own.clock.advance(120)
        done = ended(api, created["id"])
        assert done["status"] == {"never_starts": "aborted", "never_ends": "failed"}[fault]


@pytest.mark.parametrize(
    ("fault", "status", "kind"),
    [
        ("output_404", 404, "text/plain; charset=utf-8"),
        ("output_403", 403, "text/plain; charset=utf-8"),
        ("output_html", 200, "text/html; charset=utf-8"),
        ("output_redirect", 302, None),
    ],
)
def test_an_output_that_is_no_picture(
    quick_sandbox: RunningSandbox, api: httpx.Client, fault: str, status: int, kind: str | None
) -> None:
    answer = fetch(output_of(api, fault))
    assert (answer.status_code, answer.headers.get("content-type")) == (status, kind)
    if fault == "output_redirect":
        assert quick_sandbox.state.trapped == []
        httpx.get(answer.headers["location"], trust_env=False)
        assert quick_sandbox.state.trapped == ["GET"]


def test_a_flaky_output_works_the_second_time(api: httpx.Client) -> None:
    address = output_of(api, "output_flaky")
    assert [fetch(address).status_code for _ in range(3)] == [503, 200, 200]


def test_a_truncated_output_promises_more_than_comes(api: httpx.Client) -> None:
    with pytest.raises(CUTS):
        fetch(output_of(api, "output_truncated"))


def test_an_oversized_output_has_30_megabytes(api: httpx.Client) -> None:
    answer = fetch(output_of(api, "output_oversized"))
    assert len(answer.content) == int(answer.headers["content-length"]) == 30 * 1024 * 1024


def test_an_endless_output_goes_on_until_the_reader_gives_up(api: httpx.Client) -> None:
    address, pieces = output_of(api, "output_endless"), 0
    with httpx.stream("GET", address, trust_env=False) as answer:
        for _ in answer.iter_raw():
            pieces += 1
            if pieces == 20:
                break
    assert pieces == 20


@pytest.mark.parametrize(
    ("fault", "size", "kind"),
    [
        ("output_tiny", (2, 2), "PNG"),
        ("output_wrong_size", (640, 480), "PNG"),
        ("output_wrong_format", (1024, 1024), "JPEG"),
        ("output_blank", (1024, 1024), "PNG"),
    ],
)
def test_an_output_that_is_the_wrong_picture(
    api: httpx.Client, fault: str, size: tuple[int, int], kind: str
) -> None:
    picture = Image.open(io.BytesIO(fetch(output_of(api, fault)).content))
    assert (picture.size, picture.format) == (size, kind)
    extrema = picture.convert("L").getextrema()
    assert (extrema == (255, 255)) == (fault == "output_blank")


def test_outputs_of_the_wrong_shape(api: httpx.Client) -> None:
    names = ("output_null", "output_empty", "output_string", "output_data_uri")
    done = {name: ended(api, create(api, f"[sandbox:{name}]")["id"]) for name in names}
    assert {document["status"] for document in done.values()} == {"succeeded"}
    assert done["output_null"]["output"] is None
    assert done["output_empty"]["output"] == []
    assert done["output_string"]["output"].startswith("http://127.0.0.1:")
    assert done["output_data_uri"]["output"][0].startswith("data:image/webp;base64,")


def test_bad_items_of_a_list_stand_beside_good_ones(api: httpx.Client) -> None:
    ids = [create(api, f"[sandbox:e004] [sandbox:{name}]")["id"] for name in ("item_null", "item_malformed")]
    assert ended(api, ids[0])["model"] == MODEL
    good = create(api, "[sandbox:e004]")["id"]
    first, second, third = api.get("/v1/predictions").json()["results"][:3]
    assert (first["id"], third) == (good, None)
    assert (second["id"], "model" in second) == (ids[1], False)


def test_reads_cancels_and_uploads_fail_once(quick_sandbox: RunningSandbox, api: httpx.Client) -> None:
    created = create(api, "[sandbox:never_ends]")
    one, cancel = f"/v1/predictions/{created['id']}", f"/v1/predictions/{created['id']}/cancel"
    for name in ("list_500", "get_500", "cancel_500", "upload_500"):
        quick_sandbox.faults.add(name)
    assert [api.get("/v1/predictions").status_code for _ in range(2)] == [500, 200]
    assert [api.get(one).status_code for _ in range(2)] == [500, 200]
    assert api.post(cancel).status_code == 500
    assert api.get(one).json()["status"] != "canceled"
    assert api.post(cancel).json()["status"] == "canceled"
    uploads = [api.post("/v1/files", files={"content": b"x"}).status_code for _ in range(2)]
    assert uploads == [500, 201]
    quick_sandbox.faults.add("get_404")
    assert [api.get(one).status_code for _ in range(2)] == [404, 200]
    quick_sandbox.faults.add("list_hangs")
    with pytest.raises(httpx.ReadTimeout):
        api.get("/v1/predictions", timeout=0.1)


def test_every_fault_of_the_table_is_tried_somewhere() -> None:
    folder = Path(__file__).parent
    text = "".join(path.read_text() for path in folder.glob("test_sandbox_*.py"))
    assert [name for name in FAULTS if name not in FAILING and name not in text] == []
    assert {fault.stage for fault in FAULTS.values()} == set(Stage)


def test_a_count_in_the_prompt_ends_the_fault(api: httpx.Client) -> None:
    answers = [attempt(api, "http_500 x2").status_code for _ in range(3)]
    assert answers == [500, 500, 201]


def test_two_faults_of_one_creation_both_strike(quick_sandbox: RunningSandbox, api: httpx.Client) -> None:
    with pytest.raises(CUTS):
        create(api, "[sandbox:answer_lost] [sandbox:moderation]", user_id="both")
    last = quick_sandbox.state.order[-1]
    until(lambda: last.terminal)
    assert last.error is not None
    assert "(E005)" in last.error


def test_another_process_can_want_faults(quick_sandbox: RunningSandbox, api: httpx.Client) -> None:
    wanted = {"name": "rate_limited", "times": 1, "prompt_contains": "from afar", "retry_after": 33}
    assert api.post("/sandbox/faults", json=wanted).json()["waiting"][-1]["name"] == "rate_limited"
    assert api.post(CREATE, json={"input": inputs("[sandbox:e004] other")}).status_code == 201
    refused = api.post(CREATE, json={"input": inputs("[sandbox:e004] from afar")})
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "33")
    assert api.post(CREATE, json={"input": inputs("[sandbox:e004] from afar")}).status_code == 201
    table = api.get("/sandbox/faults").json()["faults"]
    assert [row["name"] for row in table] == list(FAULTS)
    assert all(row["description"].endswith(".") for row in table)
    wrongs: tuple[Any, ...] = (
        {"name": "nonsense"},
        {"name": "e003", "colour": 1},
        {"mix": {"nonsense": 1}},
        [],
    )
    for wrong in wrongs:
        assert api.post("/sandbox/faults", json=wrong).status_code == 422
    assert api.delete("/sandbox/faults").json()["waiting"] == []


def test_all_tokens_can_be_refused_for_a_while(api: httpx.Client) -> None:
    api.post("/sandbox/faults", json={"refuse_tokens": True})
    assert api.get("/v1/account").status_code == 401
    api.delete("/sandbox/faults")
    assert api.get("/v1/account").status_code == 200


def test_chance_strikes_the_same_creations_for_the_same_seed() -> None:
    struck = []
    for _ in range(2):
        with (
            RunningSandbox(mix={"http_500": 0.3, "billing": 0.2}, seed=5, **QUICK) as own,
            api_of(own) as api,
        ):
            prompts = [f"[sandbox:e004] {number}" for number in range(30)]
            struck.append([api.post(CREATE, json={"input": inputs(p)}).status_code for p in prompts])
    assert struck[0] == struck[1]
    assert set(struck[0]) == {201, 402, 500}


def test_a_clock_that_is_off_shows_in_answers_headers_and_lists_alike() -> None:
    with RunningSandbox(**QUICK) as own, api_of(own) as api:
        api.post("/sandbox/clock", json={"skew": -3600})
        document = create(api)
        off = datetime.now(UTC) - timedelta(hours=1)
        answer = api.get(
            "/v1/predictions", params={"created_after": (off - timedelta(minutes=1)).isoformat()}
        )
        assert abs(datetime.fromisoformat(document["created_at"]) - off) < timedelta(minutes=1)
        assert abs(parsedate_to_datetime(answer.headers["date"]) - off) < timedelta(minutes=1)
        assert [each["id"] for each in answer.json()["results"]] == [document["id"]]
        recent = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
        assert api.get("/v1/predictions", params={"created_after": recent}).json()["results"] == []
        api.post("/sandbox/clock", json={"date_skew": 3600})
        date = parsedate_to_datetime(api.get("/v1/account").headers["date"])
        assert abs(date - datetime.now(UTC)) < timedelta(minutes=1)
        api.post("/sandbox/clock", json={"date_skew": None})
        assert "date" not in api.get("/v1/account").headers


def test_the_clock_can_be_set_from_another_process(quick_sandbox: RunningSandbox, api: httpx.Client) -> None:
    before = quick_sandbox.clock.now()
    api.post("/sandbox/clock", json={"advance": 1000})
    assert quick_sandbox.clock.now() - before >= 1.0
    assert api.post("/sandbox/clock", json={"scale": 0.001}).json()["scale"] == 0.001
