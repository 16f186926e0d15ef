"""The API host: Replicate's endpoints that a caller of image models needs, and the sandbox's own controls."""

import contextlib
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from core.sandbox import control, uploads
from core.sandbox.answers import JSON
from core.sandbox.creation import create_for_model, create_for_version
from core.sandbox.faults import Stage
from core.sandbox.gate import Gate
from core.sandbox.lifecycle import Lifecycle
from core.sandbox.listing import list_predictions
from core.sandbox.models import INPUT_SCHEMAS, model_document
from core.sandbox.predictions import Prediction
from core.sandbox.problems import Problem, not_found, server_error
from core.sandbox.state import SandboxState
from core.sandbox.webhooks import Webhooks

ACCOUNT = {
    "type": "organization",
    "username": "sandbox",
    "name": "Provider sandbox",
    "github_url": "https://github.com/replicate",
}


def api_app(state: SandboxState) -> Starlette:
    """The ASGI application of the API host."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        webhooks = app.state.webhooks = Webhooks(state)
        app.state.lifecycle = Lifecycle(state, webhooks)
        yield
        await app.state.lifecycle.close()
        await webhooks.close()

    app = Starlette(
        routes=ROUTES,
        lifespan=lifespan,
        middleware=[Middleware(Gate, state=state)],
        exception_handlers={Problem: _problem, 404: _not_found},
    )
    app.state.sandbox = state
    return app


async def forget(app: Starlette) -> None:
    """Begin anew: nothing is drawn, delivered or remembered any more."""
    await app.state.lifecycle.stop_all()
    await app.state.webhooks.stop_all()
    app.state.sandbox.forget()


async def _account(request: Request) -> Response:  # noqa: ARG001
    return JSON(ACCOUNT)


async def _model(request: Request) -> Response:
    state: SandboxState = request.app.state.sandbox
    slug = f"{request.path_params['owner']}/{request.path_params['name']}"
    if slug not in INPUT_SCHEMAS:
        return not_found()
    return JSON(model_document(slug, run_count=sum(prediction.model == slug for prediction in state.order)))


async def _secret(request: Request) -> Response:
    return JSON({"key": request.app.state.sandbox.signing_key})


async def _get(request: Request) -> Response:
    state: SandboxState = request.app.state.sandbox
    fault = state.faults.at(Stage.GET)
    if fault == "get_500":
        return server_error()
    if fault == "get_404":
        return not_found()
    return _shown(state, _find(request))


async def _cancel(request: Request) -> Response:
    state: SandboxState = request.app.state.sandbox
    if state.faults.at(Stage.CANCEL):
        return server_error()
    prediction = _find(request)
    request.app.state.lifecycle.cancel(prediction)
    return _shown(state, prediction)


async def _page(request: Request) -> Response:
    """What `urls.web` leads to."""
    prediction = _find(request)
    return HTMLResponse(
        f"<!DOCTYPE html><title>Sandbox prediction</title><h1>SANDBOX</h1><p>Prediction {prediction.id} of "
        f"{prediction.model}: <b>{prediction.status}</b>. No model was called and nothing was paid.</p>"
    )


def _find(request: Request) -> Prediction:
    prediction: Prediction | None = request.app.state.sandbox.predictions.get(request.path_params["id"])
    if prediction is None:
        raise Problem(not_found())
    return prediction


def _shown(state: SandboxState, prediction: Prediction) -> Response:
    return JSON(prediction.document(state.url, echo_data_uris=state.options.echo_data_uris))


async def _problem(request: Request, exc: Exception) -> Response:  # noqa: ARG001
    assert isinstance(exc, Problem)  # noqa: S101
    return exc.response


async def _not_found(request: Request, exc: Exception) -> Response:  # noqa: ARG001
    return not_found()


ROUTES = [
    Route("/v1/account", _account, methods=["GET"]),
    Route("/v1/models/{owner}/{name}", _model, methods=["GET"]),
    Route("/v1/models/{owner}/{name}/predictions", create_for_model, methods=["POST"]),
    Route("/v1/predictions", create_for_version, methods=["POST"]),
    Route("/v1/predictions", list_predictions, methods=["GET"]),
    Route("/v1/predictions/{id}", _get, methods=["GET"]),
    Route("/v1/predictions/{id}/cancel", _cancel, methods=["POST"]),
    Route("/v1/files", uploads.upload, methods=["POST"]),
    Route("/v1/files", uploads.list_files, methods=["GET"]),
    Route("/v1/files/{id}", uploads.one_file, methods=["GET", "DELETE"]),
    Route("/v1/webhooks/default/secret", _secret, methods=["GET"]),
    Route("/p/{id}", _page, methods=["GET"]),
    *control.ROUTES,
]
