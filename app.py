"""Inkdesk on one port: embedded servers, worker, pages and plain HTTP. Run with `streamlit run app.py`."""

import contextlib
import gc
import os
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any, NoReturn

import streamlit as st
from starlette.middleware import Middleware

from core.foundation.errors import OperatorError
from core.foundation.logs import set_up_logging
from core.services import install, open_services
from core.settings import Settings, load_or_exit
from core.startup.embedded import embedded
from core.startup.prepare import prepare
from core.web.routes import routes
from jobs.schedule import ticks
from jobs.ticker import Worker
from pages.experiments.compare_grid.files import file_route
from pages.shared.clicks import ClicksOnce
from pages.shared.signin import sign_in_settings


def give_up(reason: OperatorError) -> NoReturn:
    """Say in one line why Inkdesk cannot start; the server would print its own traceback over it."""
    sys.stderr.write(f"Inkdesk cannot start. {reason}\n")
    sys.stderr.flush()
    os._exit(2)


@contextlib.contextmanager
def desk(settings: Settings, url: str, *, local: bool) -> Iterator[None]:
    """Everything behind the pages, started in order and stopped in reverse."""
    with embedded(settings, url=url) as whole, contextlib.ExitStack() as stack:
        # Links in notifications lead here, unless staff are told to come another way.
        own = whole.desk_url or whole.public_url or url
        services = open_services(whole.model_copy(update={"desk_url": own}))
        stack.callback(services.close)
        prepare(services, local=local)
        if whole.worker == "inprocess":
            worker = Worker(services, ticks(whole))
            worker.start()
            stack.callback(worker.stop)
        install(services)
        stack.callback(install, None)
        yield


@contextlib.asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[dict[str, Any]]:
    """Start with the server and stop with it. What cannot start is told in one line, exit code 2."""
    set_up_logging()
    url = f"http://{st.get_option('server.address') or '127.0.0.1'}:{st.get_option('server.port')}"
    with contextlib.ExitStack() as stack:
        try:
            local = sign_in_settings() is None
            stack.enter_context(desk(load_or_exit(), url, local=local))
        except OperatorError as exc:
            stack.close()
            give_up(exc)
        # What start-up made stays to the end: no collection of garbage needs to look through it again.
        gc.collect()
        gc.freeze()
        yield {}


load_or_exit()
try:
    sign_in_settings()
except OperatorError as exc:
    give_up(exc)
app = st.App(
    "pages/shell.py",
    lifespan=lifespan,
    routes=[*routes(), file_route()],
    middleware=[Middleware(ClicksOnce)],
)
