"""What a running process holds: settings, database, object store and the provider's gateway."""

import dataclasses

from core.foundation.database import Database, connect
from core.foundation.errors import SetupError
from core.provider.gateway import Gateway
from core.settings import Settings
from core.storage.objects import ObjectStore


@dataclasses.dataclass(frozen=True)
class Services:
    """One process's doors to everything outside it."""

    settings: Settings
    database: Database
    objects: ObjectStore
    gateway: Gateway

    def close(self) -> None:
        """Give every connection back."""
        self.gateway.close()
        self.objects.close()
        self.database.dispose()


_current: Services | None = None


def open_services(settings: Settings) -> Services:
    """Open every door; `settings` name all of them (see `core.startup.embedded`)."""
    if settings.database_url is None:
        raise SetupError("INKDESK_DATABASE_URL: no database was given and none was started")
    pool = settings.worker_threads + 8
    return Services(
        settings=settings,
        database=connect(settings.database_url.get_secret_value(), pool_size=pool),
        objects=ObjectStore.from_settings(settings),
        gateway=Gateway.from_settings(settings),
    )


def install(services: Services | None) -> None:
    """Make these the services of this process, or take them away."""
    global _current  # noqa: PLW0603 - one process, one set of doors
    _current = services


def current() -> Services:
    """The services of this process. Raises SetupError before start-up has finished."""
    if _current is None:
        raise SetupError("Inkdesk is still starting. This page appears by itself in a few seconds.")
    return _current
