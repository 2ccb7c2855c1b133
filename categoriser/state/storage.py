"""A library's folder: one owner process, database, vector stores, files and engine states."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from filelock import FileLock, Timeout

from categoriser.catalog import Database, collections, sqlite_url
from categoriser.catalog.collections import CollectionRow
from categoriser.errors import ConfigurationError, LibraryInUseError, NotFoundError
from categoriser.settings import Settings
from categoriser.state.delivery import Delivery
from categoriser.state.engine_state import EngineState, drop_state
from categoriser.state.media import Media
from categoriser.state.states import States
from categoriser.store import QdrantEdgeStore, VectorStore


class Storage:
    """Everything that lasts. Open it once per process and close it."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"{folder} cannot be a library: {error.strerror}. Choose another folder."
            ) from None
        self._lock = FileLock(folder / "lock")
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise LibraryInUseError(
                f"The library {folder} is in use by another process. Stop that one, or talk to it over HTTP."
            ) from None
        try:
            self.database = Database(settings.database or sqlite_url(folder / "catalog.sqlite"))
            self.media = Media(folder)
            self.delivery = Delivery(self.database, self._open_store)
        except BaseException:
            self._lock.release()
            raise
        self.states = States(self._load_state, limit=settings.open_collections, idle_seconds=60 * settings.idle_minutes)

    def store(self, collection: CollectionRow) -> VectorStore:
        """The vector store that holds a collection's vectors."""
        return self.delivery.store(collection.encoder_id, collection.dimension)

    def drop_files(self, collection: CollectionRow) -> None:
        """Delete originals, thumbnails and derived state of a collection that no longer exists."""
        self.states.forget(collection.id)
        self.media.drop(collection.key)
        drop_state(self._state_folder(collection))

    def close(self) -> None:
        """Save, flush, close, and let the next owner in."""
        try:
            self.states.close()
            self.delivery.close()
            self.database.close()
        finally:
            self._lock.release()

    def _open_store(self, encoder_id: str, dimension: int) -> VectorStore:
        readable = re.sub(r"[^A-Za-z0-9.-]+", "-", encoder_id)[:60]
        digest = hashlib.sha256(encoder_id.encode()).hexdigest()[:8]  # two encoders never share a folder
        return QdrantEdgeStore(self.folder / "vectors" / f"{readable}-{digest}", dimension)

    def _load_state(self, collection_id: int) -> EngineState:
        with self.database.read() as connection:
            collection = collections.get(connection, collection_id)
        if collection is None:
            raise NotFoundError("The collection was deleted meanwhile.")
        return EngineState(collection, self._state_folder(collection), self.database, self.store(collection))

    def _state_folder(self, collection: CollectionRow) -> Path:
        return self.folder / "state" / collection.key
