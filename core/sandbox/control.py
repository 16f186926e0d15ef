"""The sandbox's own endpoints, for tests in other processes: faults, state and clock."""

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from core.sandbox.answers import JSON
from core.sandbox.faults import FAULTS
from core.sandbox.problems import problem
from core.sandbox.state import SandboxState


async def _faults(request: Request) -> Response:
    """`GET`: the table and what is waiting. `DELETE`: forget all. `POST`: want a fault, or set the mix.

    POST bodies: `{"name": "e003", "times": 2, "prompt_contains": "x"}` (and `user_id`, `model`,
    `retry_after`; `times` null means for ever), `{"mix": {"e003": 0.1}, "seed": 7}`,
    `{"refuse_tokens": true}`.
    """
    state: SandboxState = request.app.state.sandbox
    if request.method == "DELETE":
        state.faults.clear()
        state.refuse_tokens = False
    elif request.method == "POST":
        try:
            _want(state, json.loads(await request.body()))
        except (KeyError, TypeError, ValueError, AttributeError) as exc:
            return problem(422, title="No such fault or condition", detail=str(exc), status=422)
    table = [{"name": f.name, "stage": f.stage.value, "description": f.description} for f in FAULTS.values()]
    return JSON({"faults": table, "waiting": state.faults.waiting(), "refuse_tokens": state.refuse_tokens})


def _want(state: SandboxState, wanted: Any) -> None:
    if not isinstance(wanted, dict):
        raise TypeError("a JSON object is wanted")
    if "mix" in wanted:
        state.faults.set_mix(wanted["mix"], wanted.get("seed", 0))
    if "refuse_tokens" in wanted:
        state.refuse_tokens = bool(wanted["refuse_tokens"])
    if "name" in wanted:
        state.faults.add(**wanted)


async def _state(request: Request) -> Response:
    state: SandboxState = request.app.state.sandbox
    return JSON(state.summary())


async def _clock(request: Request) -> Response:
    """`POST {"advance": 3600}` jumps ahead by the provider's seconds, `{"scale": 0.01}` sets the scale.

    `{"skew": 100}` sets the provider's clock 100 s ahead, `{"date_skew": 50}` its Date another 50 s; a
    `date_skew` of null leaves the Date away.
    """
    state: SandboxState = request.app.state.sandbox
    wanted = json.loads(await request.body())
    state.clock.scale = float(wanted.get("scale", state.clock.scale))
    state.clock.advance(float(wanted.get("advance", 0)))
    state.clock.skew = float(wanted.get("skew", state.clock.skew))
    state.options.date_skew = wanted.get("date_skew", state.options.date_skew)
    return JSON({"now": state.clock.told(), "scale": state.clock.scale, "skew": state.clock.skew})


async def _trap(request: Request) -> Response:
    """Where the private redirect leads: nobody should ever come here."""
    state: SandboxState = request.app.state.sandbox
    state.trapped.append(request.method)
    return PlainTextResponse("This address is private.")


ROUTES = [
    Route("/sandbox/faults", _faults, methods=["GET", "POST", "DELETE"]),
    Route("/sandbox/state", _state, methods=["GET"]),
    Route("/sandbox/clock", _clock, methods=["POST"]),
    Route("/sandbox/trap", _trap, methods=["GET"]),
]
