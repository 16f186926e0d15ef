"""Runs a sandbox on two real sockets of this machine."""

import asyncio
import contextlib
import socket
import threading
from types import TracebackType
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from core.sandbox.api import api_app, forget
from core.sandbox.clock import Clock
from core.sandbox.fault_book import FaultBook
from core.sandbox.gate import Recorder
from core.sandbox.options import Options
from core.sandbox.output_host import output_app
from core.sandbox.state import SandboxState

LOOPBACK = "127.0.0.1"
START_LIMIT = 20.0  # seconds


class RunningSandbox:
    """A sandbox in a thread of its own.

    `with RunningSandbox(time_scale=0.01) as sandbox:` gives `.url` and `.files_url` (without a path),
    `.token`, `.state`, `.faults` and `.clock`. Keywords are the fields of `Options`. Ports of 0 are chosen by
    the system. Raises OSError when a port is taken.
    """

    def __init__(self, *, port: int = 0, files_port: int = 0, **options: Any) -> None:
        self.state = SandboxState(Options(**options))
        self._ports = (port, files_port)
        self._servers: list[uvicorn.Server] = []
        self._api = api_app(self.state)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return self.state.url

    @property
    def files_url(self) -> str:
        return self.state.files_url

    @property
    def token(self) -> str:
        return self.state.options.token

    @property
    def faults(self) -> FaultBook:
        return self.state.faults

    @property
    def clock(self) -> Clock:
        return self.state.clock

    def __enter__(self) -> "RunningSandbox":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Listen on both ports; returns when requests are answered."""
        sockets: list[socket.socket] = []
        try:
            sockets.extend(_listen(port) for port in self._ports)
        except OSError:
            for listener in sockets:
                listener.close()
            raise
        self.state.url, self.state.files_url = (
            f"http://{LOOPBACK}:{listener.getsockname()[1]}" for listener in sockets
        )
        outputs = output_app(self.state)
        # Outermost, because it has to see the server's own end of the connection.
        self._servers = [
            _server(Recorder(self._api, self.state, "api")),
            _server(Recorder(outputs, self.state, "files")),
        ]
        ready = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(sockets, ready)), name="provider-sandbox", daemon=True
        )
        self._thread.start()
        if not ready.wait(START_LIMIT):
            raise TimeoutError("The provider sandbox did not start")

    def stop(self) -> None:
        """Cut all connections and stop; unfinished predictions are gone."""
        if self._thread is not None and self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop may have ended by itself
                self._loop.call_soon_threadsafe(self._shut)
            self._thread.join(timeout=10)
            self._thread = None

    def reset(self) -> None:
        """Cut all connections and forget everything, as a new start does; addresses and keys stay.

        One that was stopped is started again, at other addresses.
        """
        if self._thread is None or self._loop is None:
            self.state.forget()
            return self.start()
        return asyncio.run_coroutine_threadsafe(self._begin_anew(), self._loop).result(START_LIMIT)

    async def _begin_anew(self) -> None:
        self._cut()
        answering = {task for server in self._servers for task in server.server_state.tasks}
        if answering:
            # They notice that their caller is gone; none may write into what comes next.
            _, deaf = await asyncio.wait(answering, timeout=1)
            for task in deaf:
                task.cancel()
            await asyncio.gather(*deaf, return_exceptions=True)
        await forget(self._api)

    def _shut(self) -> None:
        for server in self._servers:
            server.should_exit = True
        self._cut()

    def _cut(self) -> None:
        for server in self._servers:
            for connection in list(server.server_state.connections):
                connection.transport.abort()

    async def _serve(self, sockets: list[socket.socket], ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        serving = [
            asyncio.create_task(server.serve(sockets=[listener]))
            for server, listener in zip(self._servers, sockets, strict=True)
        ]
        while not all(server.started for server in self._servers):
            await asyncio.sleep(0.005)
        ready.set()
        await asyncio.gather(*serving)


def _listen(port: int) -> socket.socket:
    # The protocol is named because asyncio switches Nagle's delay (40 ms an answer) off only where it is.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        # A restart on the same port must not wait for old connections to time out.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, port))
    except OSError:
        listener.close()
        raise
    return listener


def _server(app: ASGIApp) -> uvicorn.Server:
    config = uvicorn.Config(
        app,
        loop="asyncio",
        http="h11",
        ws="none",
        log_level="critical",
        access_log=False,
        # The provider's own time, not this machine's, is told by `Recorder`.
        date_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)
