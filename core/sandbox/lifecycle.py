"""Drives every prediction from `starting` to its end."""

import asyncio
import math
import random
import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from core.sandbox.faults import Stage
from core.sandbox.identifiers import ALPHABET
from core.sandbox.predictions import Prediction
from core.sandbox.rendering import Rendering, render
from core.sandbox.state import Output, SandboxState
from core.sandbox.webhooks import Webhooks

WRONG_KEY = (
    "Incorrect API key provided: {masked}. You can find your API key at "
    "https://platform.openai.com/account/api-keys."
)
INTERRUPTED = "Prediction stopped in non-terminal state (E8367)"


class Lifecycle:
    """Starts, cancels and finishes predictions. Belongs to one event loop."""

    def __init__(self, state: SandboxState, webhooks: Webhooks) -> None:
        self._state = state
        self._webhooks = webhooks
        self._drawing = ThreadPoolExecutor(state.options.draw_workers, "sandbox-drawing")

    async def close(self) -> None:
        await self.stop_all()
        self._drawing.shutdown(wait=True, cancel_futures=True)

    async def stop_all(self) -> None:
        """Leave every prediction as it is."""
        tasks = [prediction.task for prediction in self._state.order if prediction.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def start(self, prediction: Prediction) -> None:
        prediction.task = asyncio.create_task(self._run(prediction))

    def cancel(self, prediction: Prediction) -> None:
        """Cancel it, unless it has ended already."""
        if not prediction.terminal:
            if prediction.task is not None:
                prediction.task.cancel()
            self._finish(prediction, "canceled")

    async def _run(self, prediction: Prediction) -> None:
        clock, fault = self._state.clock, prediction.struck.name(Stage.RUN)
        starts, ends = self.schedule(prediction)
        deadline = math.inf if prediction.deadline is None else prediction.deadline
        await clock.sleep_until(min(starts, deadline))
        if deadline <= starts or fault in ("aborted", "never_starts"):
            return self._finish(prediction, "aborted")
        prediction.status, prediction.started = "processing", clock.told()
        prediction.logs = "Generating image...\n"
        self._webhooks.notify(prediction, "start")
        rendering = None if prediction.struck.faults.get(Stage.RUN) else self._render(prediction)
        await clock.sleep_until(min(ends, deadline))
        if deadline <= ends or fault == "canceled":
            return self._finish(prediction, "canceled")
        if rendering is None:
            return self._finish(prediction, "failed", error=self._error(prediction))
        return self._deliver(prediction, await rendering)

    def schedule(self, prediction: Prediction) -> tuple[float, float]:
        """When it starts and ends; as long for the same prompt and repeat."""
        options, clock, fault = self._state.options, self._state.clock, prediction.struck.name(Stage.RUN)
        dice = random.Random(f"{options.seed}:{prediction.prompt}:{prediction.repeat}")
        starting, processing = dice.uniform(*options.starting), dice.uniform(*options.processing)
        starting = options.running_limit if fault == "never_starts" else starting
        processing = options.running_limit if fault == "never_ends" else processing
        starts = prediction.began + clock.span(starting)
        return starts, starts + clock.span(processing)

    def _render(self, prediction: Prediction) -> "asyncio.Future[Rendering] | None":
        """Begin to draw, or None for a key that OpenAI would refuse."""
        if prediction.key and not prediction.key.startswith("sk-"):
            return None
        fault = prediction.struck.name(Stage.OUTPUT)
        return asyncio.get_running_loop().run_in_executor(
            self._drawing, render, self._state, prediction.input, prediction.repeat, fault
        )

    def _error(self, prediction: Prediction) -> str:
        fault = prediction.struck.faults.get(Stage.RUN)
        if fault is None:
            return WRONG_KEY.format(masked=prediction.key[:3] + "*" * 20)
        if fault.name == "never_ends":
            return INTERRUPTED
        text = fault.error.replace("{key}", prediction.key).replace("{token}", self._state.options.token)
        # Seen in the wild: some of these codes are followed by an opaque reference.
        if fault.name in ("moderation", "e003") and prediction.position % 2:
            text += f" ({''.join(secrets.choice(ALPHABET) for _ in range(10))})"
        return text

    def _deliver(self, prediction: Prediction, rendering: Rendering) -> None:
        if rendering.error:
            return self._finish(prediction, "failed", error=rendering.error)
        fault = prediction.struck.name(Stage.OUTPUT)
        prediction.files, prediction.media_type = rendering.files, rendering.media_type
        prediction.paths = tuple(
            f"/xezq/{secrets.token_urlsafe(32)}/out-{index}.{rendering.extension}"
            for index in range(len(rendering.files))
        )
        for index, path in enumerate(prediction.paths):
            self._state.outputs[path] = Output(prediction, index, fault)
        prediction.output = _output(
            prediction, [self._state.files_url + path for path in prediction.paths], fault
        )
        prediction.logs = rendering.logs
        self._webhooks.notify(prediction, "logs")
        self._webhooks.notify(prediction, "output")
        return self._finish(prediction, "succeeded")

    def _finish(self, prediction: Prediction, status: str, *, error: str | None = None) -> None:
        prediction.status, prediction.error = status, error
        prediction.completed = self._state.clock.told()
        prediction.task = None
        self._state.ended(prediction)
        prediction.finished.set()
        self._webhooks.notify(prediction, "completed")


def _output(prediction: Prediction, addresses: list[str], fault: str) -> Any:
    """The output as the fault wants it: normally the list of addresses."""
    if fault == "output_data_uri":
        return prediction.data_uris()
    shapes: dict[str, Any] = {"output_null": None, "output_empty": [], "output_string": addresses[0]}
    return shapes.get(fault, addresses)
