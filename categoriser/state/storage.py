"""A library's folder: one owner process, database, vector stores, files and engine states."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from categoriser.catalog import Database, collections, images, sqlite_url
from categoriser.catalog.collections import CollectionRow
from categoriser.catalog.ownership import own
from categoriser.errors import ConfigurationError, LibraryInUseError, NotFoundError
from categoriser.observer import SILENT, Observer
from categoriser.settings import Settings
from categoriser.state.blas import one_thread
from categoriser.state.delivery import Delivery
from categoriser.state.engine_state import EngineState, drop_state
from categoriser.state.media import Media
from categoriser.state.states import States
from categoriser.store import QdrantEdgeStore, VectorStore


class Storage:
    """Everything that lasts. Open it once per process and close it."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        """Open or make a library's folder, and finish what an earlier process decided and did not come to do.

        Raises:
            LibraryInUseError: another process owns the folder or the database, or this one has it open already.
            ConfigurationError: the folder cannot be made or written, or the database cannot be used.
        """
        self.folder = folder
        self.ran: Callable[[int], None] = lambda _: None  # told about runs that nobody asked for; must not raise
        self.observer: Observer = SILENT
        self._lock = owned_library(folder)
        try:
            self.database = Database(settings.database or sqlite_url(folder / "catalog.sqlite"))
            let_go = _nothing
            try:
                if settings.database:
                    let_go = own(self.database.engine)
                self.media = Media(folder)
                self.delivery = Delivery(self.database, self._open_store, self)
            except BaseException:
                let_go()
                self.database.close()
                raise
            self._let_go = let_go
        except BaseException:
            self._lock.release()
            raise
        one_thread.enter()
        self.states = States(self._load_state, limit=settings.open_collections, idle_seconds=60 * settings.idle_minutes)

    def store(self, collection: CollectionRow) -> VectorStore:
        """The vector store that holds a collection's vectors."""
        return self.delivery.store(collection.encoder_id, collection.dimension)

    def forget_files(self, key: str, digests: Sequence[str]) -> None:
        """Delete originals and thumbnails by content, unless the collection needs them again."""
        with self.media.settling:
            with self.database.read() as connection:
                collection = collections.by_key(connection, key)
                unused = digests if collection is None else images.unused_files(connection, collection.id, digests)
            for sha256 in unused:
                self.media.forget(key, sha256)

    def drop_files(self, key: str) -> None:
        """Delete originals, thumbnails and derived state of a collection that no longer exists."""
        with self.media.settling:
            self.media.drop(key)
        self.drop_state(key)

    def drop_state(self, key: str) -> None:
        """Delete what is derived of a collection, so that it is made anew at the next load."""
        drop_state(self.folder / "state" / key)

    def close(self) -> None:
        """Save, flush, close, and let the next owner in."""
        try:
            self.states.close()
        finally:
            try:
                self.delivery.close()
            finally:
                one_thread.leave()
                self._let_go()
                self.database.close()
                self._lock.release()

    def _open_store(self, encoder_id: str, dimension: int) -> VectorStore:
        readable = re.sub(r"[^A-Za-z0-9.-]+", "-", encoder_id)[:60]
        digest = hashlib.sha256(encoder_id.encode()).hexdigest()[:8]  # two encoders never share a folder
        return QdrantEdgeStore(self.folder / "vectors" / f"{readable}-{digest}", dimension)

    def _load_state(self, collection_id: int) -> EngineState:
        self.delivery.ready()  # the store may still lack what the catalog knows
        with self.database.read() as connection:
            collection = collections.get(connection, collection_id)
        if collection is None:
            raise NotFoundError("The collection was deleted meanwhile.")
        folder = self.folder / "state" / collection.key
        return EngineState(collection, folder, self.database, self.store(collection))


def _nothing() -> None:
    """A database in the folder needs no lock of its own."""


def owned_library(folder: Path) -> FileLock:
    """Own a library's folder, made if need be, until the lock is released.

    Raises:
        LibraryInUseError: another process owns it, or this one has it open already.
        ConfigurationError: it cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # thread_local=False: the thread that closes the library need not be the one that opened it
        lock = FileLock(folder / "lock", thread_local=False)
        lock.acquire(timeout=0)
    except Timeout:
        raise LibraryInUseError(
            f"The library {folder} is open in another process or a second time in this one. Stop the other, talk to it "
            "over HTTP, or use another folder."
        ) from None
    except OSError as error:
        raise ConfigurationError(f"{folder} cannot be a library: {error.strerror}. Choose another folder.") from None
    return lock
