"""Starts what is not configured from outside, in order, and stops it in the reverse order."""

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Any

from pydantic import SecretStr

from core.foundation.database import connect
from core.foundation.errors import SetupError
from core.schema.migrate import require_current, upgrade
from core.settings import Settings
from core.startup.home import Home
from core.startup.object_store import EmbeddedObjectStore
from core.startup.postgres import EmbeddedPostgres
from core.startup.sandbox import EmbeddedSandbox


@dataclasses.dataclass(frozen=True)
class Addresses:
    """What the embedded servers answer to, in the terms of the settings."""

    values: dict[str, Any] = dataclasses.field(repr=False)

    def apply(self, settings: Settings) -> Settings:
        """The settings with the embedded servers filled in."""
        secret = {"database_url", "s3_secret_key", "replicate_api_token", "openai_api_key"}
        update = {name: SecretStr(value) if name in secret else value for name, value in self.values.items()}
        if "output_hosts" in update:
            update["output_hosts"] = tuple(self.values["output_hosts"])
        return settings.model_copy(update=update)


@contextlib.contextmanager
def embedded(settings: Settings, *, url: str | None = None) -> Iterator[Settings]:
    """Enter the home, start the servers that are missing, and yield settings that name them all.

    Raises SetupError when the home is taken, a server does not start, or an external schema is outdated.
    """
    home = Home(settings.home)
    home.enter()
    with contextlib.ExitStack() as stack:
        stack.callback(home.leave)
        addresses = _start_missing(settings, home, stack)
        whole = addresses.apply(settings)
        _prepare_schema(settings, whole)
        home.leave_word({"url": url, "addresses": addresses.values})
        yield whole


@contextlib.contextmanager
def embedded_or_joined(settings: Settings) -> Iterator[Settings]:
    """As `embedded`, but where an Inkdesk lives in this home already, use its servers (a second worker)."""
    home = Home(settings.home)
    if not home.taken:
        with embedded(settings, url="a worker alone, without pages") as whole:
            yield whole
        return
    word = home.word()
    if word is None:
        raise SetupError("Inkdesk is just starting in this home; try again in a few seconds")
    yield Addresses(word["addresses"]).apply(settings)


def _start_missing(settings: Settings, home: Home, stack: contextlib.ExitStack) -> Addresses:
    values: dict[str, Any] = {}
    if settings.database_url is None:
        postgres = EmbeddedPostgres(home.folder / "postgres")
        stack.callback(postgres.stop)
        values["database_url"] = postgres.start()
    if settings.s3_endpoint is None:
        store = EmbeddedObjectStore(home.folder / "objects", home.run_folder)
        stack.callback(store.stop)
        at = store.start()
        values |= {"s3_endpoint": at.endpoint, "s3_access_key": at.access_key}
        values |= {"s3_secret_key": at.secret_key, "s3_secure": False}
    if settings.uses_sandbox:
        sandbox = EmbeddedSandbox(home.run_folder, time_scale=settings.sandbox_time_scale)
        stack.callback(sandbox.stop)
        there = sandbox.start()
        values |= {"replicate_base_url": there.api_url, "replicate_api_token": there.token}
        values |= {"openai_api_key": "sk-sandbox", "output_hosts": [*settings.output_hosts, there.files_host]}
        values |= {"sandboxed": True}
    return Addresses(values)


def _prepare_schema(asked: Settings, whole: Settings) -> None:
    if whole.database_url is None:
        raise SetupError("INKDESK_DATABASE_URL: no database was given and none was started")
    database = connect(whole.database_url.get_secret_value(), pool_size=1)
    try:
        if asked.database_url is None:
            upgrade(database)
        else:
            require_current(database)
    finally:
        database.dispose()
