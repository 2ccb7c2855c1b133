"""Opens the database, brings its tables up to date, and hands out transactions."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from categoriser.catalog.feed import Feed, noted
from categoriser.catalog.revisions import begun, migrate
from categoriser.catalog.sharing import Turns
from categoriser.errors import CategoriserError, ConfigurationError, MissingExtraError

_FRESH_SECONDS = 1.0  # a connection that was used within is taken to be there
_LOCKED_SECONDS = 30  # how long to wait for a foreign program that holds the database


class Database:
    """One database for all collections. SQLite admits one writer at a time, so writers queue here, not in SQLite."""

    def __init__(self, url: str | sa.URL, revision: str | None = "head", *, connections: int | None = None) -> None:
        """Open the database and bring its tables to a revision, by default up to date; None leaves them as they are.

        Args:
            url: of the database.
            connections: at most; more threads wait for one. None: as many as there are threads.

        Raises:
            ConfigurationError: it cannot be reached or written, or a newer version made it.
        """
        self.engine = _engine(url, connections)  # of SQLite it begins nothing by itself
        self.feed = Feed()
        self.turns = Turns()  # what the present thread may write, where several processes take turns
        self._is_sqlite = self.engine.dialect.name == "sqlite"
        self._one_writer = threading.Lock() if self._is_sqlite else nullcontext()
        if self._is_sqlite:
            sa.event.listen(self.engine, "connect", _prepare_sqlite)
        else:
            _listen_for_gone(self.engine)
        try:
            if revision is not None:
                migrate(self.engine, revision)
        except sa.exc.DBAPIError as error:
            self.close()
            raise ConfigurationError(f"The database {self.engine.url!r} cannot be used: {error.orig}.") from error
        except BaseException:
            self.close()
            raise

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view."""
        with self.engine.connect() as connection:
            if self._is_sqlite:
                connection.exec_driver_sql("BEGIN")
            else:
                connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection

    @contextmanager
    def glance(self) -> Iterator[Connection]:
        """As ``read``, and quicker, without a transaction: each statement sees what is there at its time."""
        with self.engine.connect() as connection:
            if not self._is_sqlite:
                connection.execution_options(isolation_level="AUTOCOMMIT")
            yield connection

    @contextmanager
    def write(self, *, reshapes: bool = True) -> Iterator[Connection]:
        """A transaction: all of it is durable at the end, or none.

        Args:
            reshapes: whether it changes more of the collections that this thread has the turn of than that images come.

        Raises:
            OvertakenError: another process has changed one of these collections.
            CategoriserError: the disk is full, or a foreign program keeps the database locked.
        """
        with self._one_writer:
            try:
                with self.engine.connect() as connection:
                    noted(connection)  # of a transaction that was rolled back
                    with begun(connection):
                        turns = list(self.turns.held.values())
                        for turn in turns:
                            turn.advance(connection, reshapes=reshapes)
                        yield connection
                    for turn in turns:
                        turn.advanced()
                    appended = noted(connection)
            except sa.exc.OperationalError as error:
                raise CategoriserError(
                    f"The catalog could not be written ({error.orig}), and nothing was changed. Free disk space, or "
                    "end the program that locks the database, and try again."
                ) from error
        self.feed.tell(appended)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def sqlite_url(path: Path) -> sa.URL:
    """SQLAlchemy URL of an SQLite file."""
    return sa.URL.create("sqlite", database=str(path))


def _engine(url: str | sa.URL, connections: int | None) -> sa.Engine:
    try:
        return sa.create_engine(url, **_options(sa.make_url(url), connections))
    except sa.exc.ArgumentError:
        raise ConfigurationError(  # without the text: it may hold a password
            "The setting 'database' is no database URL; an example: postgresql+psycopg://user@host/name."
        ) from None
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"The driver {error.name} is not installed: pip install -e '.[server]', with a database URL that "
            "begins with postgresql+psycopg://."
        ) from None


def _options(url: sa.URL, connections: int | None) -> dict[str, Any]:
    options: dict[str, Any] = {"json_serializer": _as_json}
    options["hide_parameters"] = True  # errors are logged, and names and bytes of pictures are nothing for a log
    # connections are as many as threads that ask at the same time: a cap would only make them wait for each other
    options |= {"pool_size": 10, "max_overflow": 90}
    # the one used last is taken next: its pages and statements are at hand, while each of the others would have to read
    # anew what was written since it had its turn
    options["pool_use_lifo"] = True
    if url.get_backend_name() == "sqlite":
        return options | {"connect_args": {"check_same_thread": False, "timeout": _LOCKED_SECONDS}}
    if connections is not None:  # of a server that many processes use
        options |= {"pool_size": connections, "max_overflow": 0, "pool_timeout": _LOCKED_SECONDS}
    return options


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # we say BEGIN ourselves, so that reads are consistent too; an event that did would cost every statement a quarter
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")  # a commit survives power loss
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA cache_size=-2000")  # kB of each connection; the system caches the file as well
    cursor.close()


def _listen_for_gone(engine: sa.Engine) -> None:
    """Ask of a connection that nobody used for a while whether it is still there; every time costs a round trip."""

    def put_back(_connection: Any, record: Any) -> None:
        record.info["used"] = time.monotonic()

    def taken(connection: Any, record: Any, _proxy: Any) -> None:
        if time.monotonic() - record.info.get("used", time.monotonic()) <= _FRESH_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except Exception as error:
            raise sa.exc.DisconnectionError("the server has closed it") from error

    sa.event.listen(engine, "checkin", put_back)
    sa.event.listen(engine, "checkout", taken)


def _as_json(value: Any) -> str:
    """JSON of anything: tables bring dates, decimals, NaN and broken characters as metadata."""
    return json.dumps(_plain(value), allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {storable_text(str(name)): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(one) for one in value]
    if hasattr(value, "tolist"):  # numpy
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int) else storable_text(str(value))


def storable_text(text: str) -> str:
    """The text without what no database or file in UTF-8 takes: NUL and halves of surrogate pairs."""
    if text.isascii() and "\x00" not in text:
        return text
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
