"""The door to PostgreSQL: engine, sessions, and its errors in the operator's words."""

import contextlib
import dataclasses
import select
from collections.abc import Iterator
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    CursorResult,
    DateTime,
    Engine,
    Identity,
    MetaData,
    Text,
    create_engine,
    event,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import (
    DBAPIError,
    InterfaceError,
    InternalError,
    InvalidatePoolError,
    OperationalError,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

from core.foundation.errors import ServiceUnavailable

# The largest number that a key can be: a search for a larger one would be an error.
LARGEST_ID = 2**63 - 1

# A process that hangs in the middle of a transaction must not hold up all others for as long as it hangs.
IDLE_IN_TRANSACTION_SECONDS = 10

NAMING = {
    "ix": "%(table_name)s_%(column_0_N_name)s",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ck": "%(table_name)s_%(constraint_name)s",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "pk": "%(table_name)s_pkey",
}


class Base(DeclarativeBase):
    """Base of every table; the files in core/schema hold the truth, the models mirror it."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar = {
        str: Text,
        int: BigInteger,
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
    }


class HasId:
    """A table with a number that the database hands out."""

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)


@dataclasses.dataclass(frozen=True)
class Database:
    """One PostgreSQL database and the sessions on it."""

    engine: Engine
    sessions: sessionmaker[Session]

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session that commits at the end. Raises ServiceUnavailable when PostgreSQL does not answer."""
        try:
            with self.sessions.begin() as session:
                yield session
        except (OperationalError, InterfaceError, InternalError) as exc:
            if not lost_connection(exc):
                raise
            raise ServiceUnavailable(
                "The database does not answer. Nothing was lost; try again in a moment."
            ) from exc

    @contextlib.contextmanager
    def snapshot(self, *, read_only: bool = True) -> Iterator[Session]:
        """As `transaction`, but all its statements see one moment, whatever commits meanwhile.

        Not read-only is for temporary tables: what is written of others' rows may be refused at the commit.
        """
        mode = "REPEATABLE READ, READ ONLY" if read_only else "REPEATABLE READ"
        with self.transaction() as session:
            session.execute(text(f"SET TRANSACTION ISOLATION LEVEL {mode}"))
            yield session

    def dispose(self) -> None:
        self.engine.dispose()


def connect(url: str, *, pool_size: int = 10) -> Database:
    """Open a pool on a `postgresql://` address; connections are made at first use."""
    engine = create_engine(
        url.replace("postgresql://", "postgresql+psycopg://", 1),
        pool_size=pool_size,
        max_overflow=pool_size,
        connect_args={
            "connect_timeout": 5,
            "application_name": "inkdesk",
            "options": f"-c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_SECONDS}s",
        },
    )
    event.listen(engine, "checkout", _refuse_ended)
    return Database(engine, sessionmaker(engine, expire_on_commit=False))


def _refuse_ended(connection: Any, _record: object, _proxy: object) -> None:
    """Let the pool connect anew where the server has ended a resting connection.

    There is nothing to read from one that rests, until the server says goodbye or is gone. Unlike the pool's
    own ping, a look at the socket costs no round trip and no commit: half of all while nothing is to do.
    """
    if connection.closed:
        raise InvalidatePoolError
    socket = select.poll()
    socket.register(connection.fileno(), select.POLLIN)
    if socket.poll(0):
        raise InvalidatePoolError


def lost_connection(exc: DBAPIError) -> bool:
    """Whether the server went away or cut us off (SQLSTATE 08, 57P, 25P03, or no answer at all)."""
    state: str | None = getattr(exc.orig, "sqlstate", None)
    return state is None or state.startswith(("08", "57P", "25P03"))


def answers(database: Database) -> bool:
    """Whether the database answers at all."""
    try:
        with database.engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except DBAPIError:
        return False
    return True


def rows_of(result: object) -> int:
    """How many rows a statement has changed."""
    return result.rowcount if isinstance(result, CursorResult) else 0
