"""`GET /v1/predictions`: newest first, pages of 100, absolute cursor addresses on our own host."""

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from core.sandbox.answers import JSON
from core.sandbox.faults import Stage
from core.sandbox.identifiers import decode_cursor, encode_cursor, parse_moment
from core.sandbox.predictions import Prediction
from core.sandbox.problems import Problem, invalid_request, not_found, server_error
from core.sandbox.silence import hang
from core.sandbox.state import SandboxState

FILTERS = ("created_after", "created_before", "source")


async def list_predictions(request: Request) -> Response:
    state: SandboxState = request.app.state.sandbox
    fault = state.faults.at(Stage.LIST)
    if fault == "list_500":
        return server_error()
    if fault == "list_hangs":
        return await hang(request)
    matching = _matching(request, state.order)
    size = state.options.page_size
    if "cursor" not in request.query_params:
        page = matching[-size:]
    else:
        try:
            position, backwards = decode_cursor(request.query_params["cursor"])
        except ValueError:
            return not_found("Invalid cursor")
        if backwards:
            page = [prediction for prediction in matching if prediction.position > position][:size]
        else:
            page = [prediction for prediction in matching if prediction.position < position][-size:]
    echo = state.options.echo_data_uris
    results = [prediction.listed_document(state.url, echo_data_uris=echo) for prediction in reversed(page)]
    older = bool(page) and matching[0] is not page[0]
    newer = bool(page) and matching[-1] is not page[-1]
    return JSON(
        {
            "next": _address(request, state, page[0], backwards=False) if older else None,
            "previous": _address(request, state, page[-1], backwards=True) if newer else None,
            "results": results,
        }
    )


def _matching(request: Request, order: list[Prediction]) -> list[Prediction]:
    """The predictions of the asked time, oldest first."""
    source = request.query_params.get("source")
    if source is not None:
        if source != "web":
            raise Problem(invalid_request("source must be one of the following: web"))
        return []
    after, before = (_moment(request, name) for name in ("created_after", "created_before"))
    return [
        prediction
        for prediction in order
        if (after is None or prediction.created >= after) and (before is None or prediction.created < before)
    ]


def _moment(request: Request, name: str) -> float | None:
    text = request.query_params.get(name)
    try:
        return None if text is None else parse_moment(text)
    except ValueError as exc:
        raise Problem(invalid_request(f"{name} must be an ISO 8601 date-time")) from exc


def _address(request: Request, state: SandboxState, at: Prediction, *, backwards: bool) -> str:
    kept = {name: request.query_params[name] for name in FILTERS if name in request.query_params}
    cursor = encode_cursor(at.position, backwards=backwards)
    return f"{state.url}/v1/predictions?{urlencode({**kept, 'cursor': cursor})}"
