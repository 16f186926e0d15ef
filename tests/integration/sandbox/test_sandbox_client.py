"""The official `replicate` client, unchanged, works against the provider sandbox over real sockets."""

import io
from collections.abc import Iterator

import httpx
import pytest
import replicate
from PIL import Image
from pydantic.v1 import ValidationError
from replicate.client import Client
from replicate.exceptions import ReplicateError
from replicate.prediction import Prediction
from replicate.webhook import InvalidSignatureError, Webhooks

from core.sandbox.server import RunningSandbox
from tests.support.servers.sandboxes import MODEL, QUICK, Receiver, inputs, selfie_uri, until


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with RunningSandbox(**QUICK, page_size=10) as running:
        yield running


@pytest.fixture
def client(sandbox: RunningSandbox) -> Iterator[Client]:
    yield from _client(sandbox.token, sandbox.url)


def _client(token: str, url: str) -> Iterator[Client]:
    client = Client(api_token=token, base_url=url)
    client.poll_interval = 0.01
    yield client
    client._client.close()


def started(client: Client, prompt: str = "a comic hero", **more: object) -> Prediction:
    prediction: Prediction = client.models.predictions.create(MODEL, inputs(prompt, **more))
    return prediction


def test_create_and_wait_deliver_a_picture_without_sending_the_token(
    sandbox: RunningSandbox, client: Client
) -> None:
    prediction = started(client, input_images=[selfie_uri("JPEG")], output_format="jpeg")
    assert prediction.status == "starting"
    prediction.wait()
    assert (prediction.status, prediction.error) == ("succeeded", None)
    assert prediction.output is not None
    answer = httpx.get(prediction.output[0], trust_env=False)
    assert Image.open(io.BytesIO(answer.content)).format == "JPEG"
    fetches = [request for request in sandbox.state.requests if request.server == "files"]
    assert "authorization" not in fetches[-1].headers


def test_create_with_wait_sends_prefer_and_gets_data_uris() -> None:
    with RunningSandbox(time_scale=0.5, starting=(0, 0), processing=(0.1, 0.1)) as own:
        for client in _client(own.token, own.url):
            prediction = client.models.predictions.create(MODEL, inputs(), wait=True)
            assert prediction.status == "processing"
            assert prediction.output is not None
            assert prediction.output[0].startswith("data:image/webp;base64,")
            assert own.state.requests[0].headers["prefer"] == "wait"


def test_predictions_create_takes_the_official_model_as_version(client: Client) -> None:
    prediction = client.predictions.create(version="openai/gpt-image-1.5", input={"prompt": "[sandbox:e003]"})
    prediction.wait()
    assert prediction.model == "openai/gpt-image-1.5"
    assert str(prediction.error).startswith("Service is currently unavailable due to high demand.")


def test_a_failed_prediction_has_its_error(client: Client) -> None:
    prediction = started(client, "[sandbox:moderation]")
    prediction.wait()
    assert prediction.status == "failed"
    assert "(E005)" in str(prediction.error)


def test_get_reload_and_cancel(client: Client) -> None:
    prediction = started(client, "[sandbox:never_ends]")
    assert client.predictions.get(prediction.id).id == prediction.id
    prediction.cancel()
    prediction.reload()
    assert prediction.status == "canceled"


def test_pages_follow_the_cursor_to_the_end(sandbox: RunningSandbox, client: Client) -> None:
    for _ in range(12):
        started(client, "[sandbox:e1000]").wait()
    pages = list(replicate.paginate(client.predictions.list))
    seen = [prediction.id for page in pages for prediction in page]
    assert seen == [prediction.id for prediction in reversed(sandbox.state.order)]
    assert len(pages) > 1
    last = sandbox.state.order[-1]
    assert last.input["prompt"] == "[sandbox:e1000]"


def test_an_aborted_item_breaks_the_page_for_this_client_as_it_does_upstream() -> None:
    with RunningSandbox(**QUICK) as own:
        for client in _client(own.token, own.url):
            prediction = started(client, "[sandbox:aborted]")
            until(lambda: own.state.order[0].status == "aborted")
            with pytest.raises(ValidationError):
                client.predictions.get(prediction.id)
            with pytest.raises(ValidationError):
                client.predictions.list()


def test_files_are_uploaded_listed_fetched_and_deleted(client: Client) -> None:
    content = io.BytesIO()
    Image.new("RGB", (8, 8)).save(content, "PNG")
    content.name = "selfie.png"
    content.seek(0)
    file = client.files.create(content, metadata={"customer": 7})
    assert (file.name, file.content_type, file.metadata) == ("selfie.png", "image/png", {"customer": 7})
    assert client.files.get(file.id).checksums == file.checksums
    assert file.id in [listed.id for listed in client.files.list()]
    prediction = started(client, "[sandbox:output_null]", input_images=[file.urls["get"]])
    prediction.wait()
    assert prediction.status == "succeeded"
    assert client.files.delete(file.id)
    with pytest.raises(ReplicateError) as missing:
        client.files.get(file.id)
    assert (missing.value.status, missing.value.detail) == (404, "File not found")


@pytest.mark.parametrize(
    ("fault", "status", "title"),
    [
        ("auth", 401, "Unauthenticated"),
        ("billing", 402, "Insufficient credit"),
        ("model_gone", 404, None),
        ("invalid_input", 422, "Input validation failed"),
        ("rate_limited", 429, None),
    ],
)
def test_refusals_arrive_as_replicate_errors(
    client: Client, fault: str, status: int, title: str | None
) -> None:
    with pytest.raises(ReplicateError) as refusal:
        started(client, f"[sandbox:{fault}]")
    assert (refusal.value.status, refusal.value.title) == (status, title)


def test_the_model_shows_its_input_schema(client: Client) -> None:
    version = client.models.get(MODEL).latest_version
    assert version is not None
    assert version.openapi_schema["components"]["schemas"]["Input"]["required"] == [
        "prompt",
        "openai_api_key",
    ]


def test_webhooks_pass_the_clients_own_validation(client: Client) -> None:
    with Receiver() as receiver:
        client.models.predictions.create(
            MODEL, inputs("[sandbox:e001]"), webhook=receiver.url, webhook_events_filter=["completed"]
        )
        headers, body = until(lambda: receiver.received)[0]
    secret = client.webhooks.default.secret()
    Webhooks.validate(headers=headers, body=body.decode(), secret=secret, tolerance=60)
    with pytest.raises(InvalidSignatureError):
        Webhooks.validate(headers=headers, body=body.decode() + " ", secret=secret)
