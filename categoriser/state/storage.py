"""A library's folder: one owner process, database, vector stores, files and engine states."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from filelock import FileLock, Timeout

from categoriser.catalog import Database, collections, images, sqlite_url
from categoriser.catalog.collections import CollectionRow
from categoriser.catalog.ownership import own, share
from categoriser.catalog.sharing import Locks
from categoriser.errors import ConfigurationError, LibraryInUseError, MissingVectorsError, NotFoundError
from categoriser.observer import SILENT, Observer
from categoriser.settings import Settings
from categoriser.state.blas import one_thread
from categoriser.state.cache_folder import open_cache
from categoriser.state.delivery import Delivery
from categoriser.state.engine_state import EngineState, drop_state
from categoriser.state.media import Media
from categoriser.state.presence import Presence
from categoriser.state.shared_delivery import SharedDelivery
from categoriser.state.states import States
from categoriser.state.turns import Alone, Among, Turns
from categoriser.store import VectorStore
from categoriser.store.opening import open_store

_ATTEMPTS = 3  # at loading a state that others change meanwhile


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
        # asked when images made a run due: whether somebody else sees to it; must not raise
        self.run_elsewhere: Callable[[int], bool] = lambda _: False
        self._settings = settings.store
        self.presence: Presence | None = None  # where other processes may have the library open too
        self.has_workers = settings.is_shared and settings.shared.queue  # who file what nobody waits for
        with ExitStack() as opening:
            if not settings.is_shared:
                opening.callback(owned_library(folder).release)
            self.database = Database(
                settings.database or sqlite_url(folder / "catalog.sqlite"),
                connections=settings.shared.connections if settings.is_shared else None,
            )
            opening.callback(self.database.close)
            turns = self._open_shared(settings, opening) if settings.is_shared else self._open_alone(settings, opening)
            one_thread.enter()
            opening.callback(one_thread.leave)
            self.states = States(
                self._load_state,
                self._renewed_state,
                turns,
                limit=settings.open_collections,
                idle_seconds=60 * settings.idle_minutes,
            )
            opening.callback(self.delivery.close)
            opening.callback(self.states.close)
            self._closing = opening.pop_all()

    def _open_alone(self, settings: Settings, opening: ExitStack) -> Turns:
        if settings.database:
            opening.callback(own(self.database.engine))
        self.media = Media(self.folder)
        self._cache = self.folder / "state"
        self.delivery: Delivery | SharedDelivery = Delivery(self.database, self._open_store, self)
        return Alone()

    def _open_shared(self, settings: Settings, opening: ExitStack) -> Turns:
        _made(self.folder)
        opening.callback(share(self.database.engine))
        self._cache, let_go = open_cache(settings.shared.cache, self.database.engine.url)
        opening.callback(let_go)
        locks = Locks(self.database.engine)
        opening.callback(locks.close)
        self.presence = Presence(self.database, settings.shared.lease_seconds)
        opening.callback(self.presence.close)
        self.media = Media(self.folder, process=self.presence.name)
        self.delivery = SharedDelivery(self.database, locks, self._open_store, self)
        return Among(self.database, locks, self.delivery.settle)

    def store(self, collection: CollectionRow) -> VectorStore:
        """The vector store that holds a collection's vectors."""
        return self.delivery.store(collection.encoder_id, collection.dimension)

    def forget_files(self, key: str, digests: Sequence[str]) -> None:
        """Delete originals and thumbnails by content, unless the collection needs them again; all, if it is gone."""
        with self.media.settling:
            unused = self._unused(key, digests)
            if unused is None:
                self.media.drop(key)
                return
            if self.presence is not None:
                for sha256 in unused:
                    self.media.set_aside(key, sha256)
                still = set(self._unused(key, digests) or ())  # another process may have accepted the same bytes
                for sha256 in set(digests) - still:
                    self.media.put_back(key, sha256)
                unused = sorted(still)
            for sha256 in unused:
                self.media.forget(key, sha256)

    def _unused(self, key: str, digests: Sequence[str]) -> Sequence[str] | None:
        """Those that nothing needs; None: there is no such collection."""
        with self.database.read() as connection:
            collection = collections.by_key(connection, key)
            return None if collection is None else images.unused_files(connection, collection.id, digests)

    def drop_files(self, key: str) -> None:
        """Delete originals, thumbnails and derived state of a collection that no longer exists."""
        with self.media.settling:
            self.media.drop(key)
        self.drop_state(key)

    def drop_state(self, key: str) -> None:
        """Delete what is derived of a collection, so that it is made anew at the next load."""
        drop_state(self._cache / key)

    def close(self) -> None:
        """Save, flush, close, and let the next owner in."""
        self._closing.close()

    def _open_store(self, encoder_id: str, dimension: int) -> VectorStore:
        return open_store(self._settings, self.folder / "vectors", encoder_id, dimension)

    def _load_state(self, collection_id: int) -> EngineState:
        self.delivery.ready()  # the store may still lack what the catalog knows
        for attempt in range(_ATTEMPTS):
            with self.database.read() as connection:
                collection = collections.get(connection, collection_id)
            if collection is None:
                raise NotFoundError("The collection was deleted meanwhile.")
            try:
                return EngineState(collection, self._cache / collection.key, self.database, self.store(collection))
            except MissingVectorsError:  # another process may have deleted the images since we read that they exist
                if self.presence is None or attempt + 1 == _ATTEMPTS:
                    raise
        raise AssertionError

    def _renewed_state(self, state: EngineState) -> EngineState:
        try:
            if state.catch_up(self.database):
                return state
        except MissingVectorsError:
            pass
        state.save_if_possible()  # vectors and neighbours are not looked for again
        return self._load_state(state.collection.id)


def owned_library(folder: Path) -> FileLock:
    """Become the only process that has a folder open; release what is returned to let go of it.

    Raises:
        LibraryInUseError: another process has it.
        ConfigurationError: it cannot be made or written.
    """
    _made(folder)
    try:
        # thread_local=False: the thread that closes the library need not be the one that opened it
        lock = FileLock(folder / "lock", thread_local=False)
        lock.acquire(timeout=0)
    except Timeout:
        raise LibraryInUseError(
            f"The library {folder} is open in another process or a second time in this one. Stop the other, talk to it "
            "over HTTP, or use another folder."
        ) from None
    except OSError as error:
        raise _unusable(folder, error) from None
    return lock


def _made(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(folder, error) from None


def _unusable(folder: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(f"{folder} cannot be a library: {error.strerror}. Choose another folder.")
