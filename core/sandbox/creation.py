"""Creating predictions: `POST /v1/models/{owner}/{name}/predictions` and `POST /v1/predictions`."""

import asyncio
import json
import re
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from core.sandbox.answers import JSON, Cut
from core.sandbox.fault_book import Struck
from core.sandbox.faults import Stage
from core.sandbox.identifiers import new_id, parse_duration
from core.sandbox.lifecycle import Lifecycle
from core.sandbox.models import INPUT_SCHEMAS
from core.sandbox.predictions import Prediction, redacted
from core.sandbox.problems import (
    Problem,
    cloudflare,
    invalid_input,
    invalid_request,
    invalid_version,
    no_credit,
    not_found,
    problem,
    server_error,
    throttled,
    unauthenticated,
)
from core.sandbox.silence import hang
from core.sandbox.state import SandboxState
from core.sandbox.validation import EVENTS, MODEL_BODY, VERSION_BODY, complaints
from core.sandbox.webhooks import acceptable

# The pattern of Replicate's OpenAPI document for `Prefer`, and its default and greatest wait in seconds.
PREFER = re.compile(r"wait(?:=([1-9]|[1-5][0-9]|60))?")
LONGEST_WAIT = 60.0
SHORTEST_LIFE = 5.0  # of `Cancel-After`, seconds
SLOW = 20.0
A_DAY = 86400


async def create_for_model(request: Request) -> Response:
    model = f"{request.path_params['owner']}/{request.path_params['name']}"
    body = await _body(request)
    return await _create(request, body, model, missing_model=not_found(), schema=MODEL_BODY)


async def create_for_version(request: Request) -> Response:
    """`version` names an official model; of versions with a hash the sandbox has none."""
    body = await _body(request)
    model = str(body.get("version", "")) if isinstance(body, dict) else ""
    return await _create(request, body, model, missing_model=invalid_version(), schema=VERSION_BODY)


async def _create(
    request: Request, body: Any, model: str, *, missing_model: Response, schema: dict[str, Any]
) -> Response:
    state: SandboxState = request.app.state.sandbox
    values = body.get("input") if isinstance(body, dict) else None
    values = values if isinstance(values, dict) else {}
    struck = state.faults.at_creation(str(values.get("prompt", "")), str(values.get("user_id", "")), model)
    if refusal := await _refusal(request, state, struck):
        return refusal
    wait, life = _wait(request), _life(request)
    if found := complaints(body, schema):
        raise Problem(invalid_input(found))
    if model not in INPUT_SCHEMAS:
        return missing_model
    if found := complaints(values, INPUT_SCHEMAS[model], "input"):
        raise Problem(invalid_input(found))
    if body.get("webhook") is not None and not acceptable(body["webhook"]):
        raise Problem(invalid_request("webhook must be an HTTPS URL"))
    prediction = _new(state, model, body, struck, life)
    lifecycle: Lifecycle = request.app.state.lifecycle
    lifecycle.start(prediction)
    return await _answer(request, state, prediction, wait)


def _new(
    state: SandboxState, model: str, body: dict[str, Any], struck: Struck, life: float | None
) -> Prediction:
    now = state.clock.now()
    prediction = Prediction(
        id=new_id(),
        position=len(state.order),
        model=model,
        input=redacted(body["input"]),
        key=body["input"].get("openai_api_key", ""),
        created=now + state.clock.skew,
        began=now,
        repeat=state.next_repeat(body["input"]["prompt"]),
        struck=struck,
        deadline=None if life is None else now + state.clock.span(life),
        webhook=body.get("webhook"),
        events=tuple(body.get("webhook_events_filter") or EVENTS),
    )
    state.add(prediction)
    return prediction


async def _answer(
    request: Request, state: SandboxState, prediction: Prediction, wait: float | None
) -> Response:
    fault = prediction.struck.name(Stage.ANSWER)
    if fault == "answer_lost":
        return Cut()
    if fault == "answer_hangs":
        return await hang(request)
    if fault == "answer_500":
        return server_error()
    if fault == "answer_slow":
        await state.clock.sleep(SLOW)
    if wait is not None:
        await _until_finished(state, prediction, wait)
    echo = state.options.echo_data_uris
    if wait is None:
        document, status, headers = prediction.created_document(state.url, echo_data_uris=echo), 201, {}
    else:
        document = prediction.waited_document(state.url, echo_data_uris=echo)
        status, headers = (
            201 if prediction.terminal else 202,
            {"preference-applied": request.headers["prefer"]},
        )
    answer = JSON(document, status, headers=headers)
    if fault == "answer_garbled":
        return Response(answer.body[: len(answer.body) // 2], 201, media_type="application/json")
    return answer


async def _until_finished(state: SandboxState, prediction: Prediction, seconds: float) -> None:
    waiting = {
        asyncio.create_task(prediction.finished.wait()),
        asyncio.create_task(state.clock.sleep(seconds)),
    }
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()


async def _refusal(request: Request, state: SandboxState, struck: Struck) -> Response | None:
    """The answer of a fault that strikes instead of creating."""
    fault = struck.name(Stage.CREATE)
    if fault == "create_hangs":
        return await hang(request)
    if fault == "create_slow":
        await state.clock.sleep(SLOW)
        return None
    if fault == "rate_limited":
        seconds = max(1, round(state.clock.span(5.0))) if struck.retry_after is None else struck.retry_after
        return throttled(seconds, reduced=True)
    required = {"type": "required", "field": "input", "description": "prompt is required"}
    answers = {
        "cut_before": Cut(),
        "invalid_input": invalid_input([required]),
        "rate_limited_huge": throttled(A_DAY, reduced=True),
        "auth": unauthenticated(),
        "billing": no_credit(),
        "http_500": server_error(),
        "http_502": cloudflare(502, "Bad gateway"),
        "http_503": cloudflare(503, "Service Temporarily Unavailable"),
        "model_gone": not_found(),
    }
    return answers.get(fault)


async def _body(request: Request) -> Any:
    try:
        return json.loads(await request.body())
    except ValueError as exc:
        raise Problem(problem(400, title="Bad request", detail="The body is not JSON", status=400)) from exc


def _wait(request: Request) -> float | None:
    """Seconds to hold the answer, or None."""
    prefer = request.headers.get("prefer")
    if prefer is None:
        return None
    match = PREFER.fullmatch(prefer)
    if match is None:
        raise Problem(invalid_request("Prefer must be wait or wait=n with n from 1 to 60"))
    return float(match[1] or LONGEST_WAIT)


def _life(request: Request) -> float | None:
    """Seconds until the prediction is ended for it, or None."""
    text = request.headers.get("cancel-after")
    if text is None:
        return None
    try:
        seconds = parse_duration(text)
    except ValueError as exc:
        raise Problem(invalid_request("Cancel-After must be a duration such as 30s or 5m")) from exc
    if seconds < SHORTEST_LIFE:
        raise Problem(invalid_request("Cancel-After must be at least 5 seconds"))
    return seconds
