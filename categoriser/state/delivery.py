"""Carries the catalog's decisions to the vector stores: at once for readers, on their disk a little later.

An order is written to the outbox in the transaction that decides it, applied right after, and deleted once the store
was flushed. After a crash the orders that are left are applied again, in order; every one may be repeated.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from categoriser.catalog import Database, outbox
from categoriser.catalog.outbox import Order
from categoriser.store import VectorStore

StoreOpener = Callable[[str, int], VectorStore]  # encoder id, dimension

_FLUSH_SECONDS = 10.0  # a store that syncs may hold everybody up meanwhile; what is not synced lies in the outbox
_FLUSH_ORDERS = 256
_log = logging.getLogger(__name__)


class Files(Protocol):
    """What deletes the files of images and collections that are gone."""

    def forget_files(self, key: str, digests: Sequence[str]) -> None:
        """Delete files by content unless an image of the collection with that key has them again."""
        ...

    def drop_files(self, key: str) -> None:
        """Delete all files of a collection by its key."""
        ...


class Delivery:
    """All vector stores of a library, one per encoder, opened when first needed."""

    def __init__(self, database: Database, open_store: StoreOpener, files: Files) -> None:
        self._database = database
        self._files = files
        self._stores = Stores(open_store)
        self._applied: list[int] = []
        self._noting = threading.Lock()  # of what was applied: an order noted during a flush waits for the next one
        self._flushing = threading.Lock()
        self._repeating = threading.Lock()
        self._wake = threading.Event()
        self._closed = threading.Event()
        self._stalled = False  # an order failed: all that are left have to be repeated, in order
        try:
            repeated = self._repeat_unfinished()
        except BaseException:
            self._stores.close()
            raise
        if repeated:
            _log.info("repeated %d orders to the vector store that an earlier stop left open", repeated)
        self._flusher = threading.Thread(target=self._flush_regularly, name="vector-flush", daemon=True)
        self._flusher.start()

    @property
    def store(self) -> StoreOpener:
        """The store of an encoder's vectors."""
        return self._stores.store

    @property
    def stores(self) -> list[VectorStore]:
        """Those that are open."""
        return self._stores.opened

    def ready(self) -> None:
        """Come up to date after a failure; ask before deciding anything new, so that a broken store stops the inflow.

        Raises:
            CategoriserError: the store still fails.
        """
        if self._stalled:
            self.repeat()

    def deliver(self, *orders: Order) -> None:
        """Apply orders whose transaction is committed; on return readers see them.

        An order that fails stays in the outbox and is repeated soon: what is committed has happened, and the caller is
        told so.
        """
        if self._stalled:  # in order: not before those that are left
            return
        try:
            for order in orders:
                self._apply(order)
                self._note(order)
        except Exception:
            self._stalled = True
            _log.exception("the vector store could not be told what was decided; it is told again soon")
        except BaseException:
            self._stalled = True
            raise
        if len(self._applied) >= _FLUSH_ORDERS:
            self._wake.set()

    def flush(self) -> None:
        """Bring all applied orders to the stores' disks and delete them."""
        with self._flushing:
            with self._noting:
                done, self._applied = self._applied, []
            if not done:
                return
            try:
                self._stores.flush()
                with self._database.write() as connection:
                    outbox.finish(connection, done)
            except BaseException:
                with self._noting:
                    self._applied = done + self._applied
                raise

    def repeat(self) -> None:
        """Apply everything in the outbox again, after a failure."""
        with self._repeating:
            if not self._stalled:
                return
            self._stalled = False  # first: an order that fails from here on has to be repeated once more
            try:
                self._repeat_unfinished()
            except BaseException:
                self._stalled = True
                raise

    def close(self) -> None:
        """Flush, stop and let go of the stores."""
        self._closed.set()
        self._wake.set()
        self._flusher.join()
        try:
            self._catch_up()
        finally:
            self._stores.close()

    def _apply(self, order: Order) -> None:
        apply(order, self._stores, self._files)

    def _note(self, order: Order) -> None:
        with self._noting:
            self._applied.append(order.id)

    def _repeat_unfinished(self) -> int:
        last = number = 0
        while True:
            with self._database.read() as connection:
                orders = outbox.unfinished(connection, after=last)
            if not orders:
                break
            for order in orders:
                self._apply(order)
                self._note(order)
                last, number = order.id, number + 1
        if number:
            self.flush()
        return number

    def _flush_regularly(self) -> None:
        while not self._closed.is_set():
            self._wake.wait(_FLUSH_SECONDS)
            self._wake.clear()
            self._catch_up()

    def _catch_up(self) -> None:
        try:
            self.ready()
            self.flush()
        except Exception:  # the orders stay in the outbox and are repeated, at the latest at the next start
            _log.exception("the vector store could not be brought up to date; trying again")


class Stores:
    """The vector stores of a library, one per encoder, opened when first needed."""

    def __init__(self, open_store: StoreOpener) -> None:
        self._open_store = open_store
        self._opened: dict[str, VectorStore] = {}
        self._opening = threading.Lock()

    def store(self, encoder_id: str, dimension: int) -> VectorStore:
        """The store of an encoder's vectors."""
        with self._opening:
            if encoder_id not in self._opened:
                self._opened[encoder_id] = self._open_store(encoder_id, dimension)
            return self._opened[encoder_id]

    @property
    def opened(self) -> list[VectorStore]:
        """Those that are open."""
        return list(self._opened.values())

    def flush(self) -> None:
        """Bring everything to the stores' disks."""
        for store in self.opened:
            store.flush()

    def close(self) -> None:
        """Let go of all of them."""
        for store in self.opened:
            try:
                store.close()
            except Exception:  # the others want to be closed too
                _log.exception("a vector store could not be closed properly")


def apply(order: Order, stores: Stores, files: Files) -> None:
    """Do what an order says; doing it again is harmless."""
    if order.operation == "forget":
        files.forget_files(order.collection_key, order.image_ids)
        return
    store = stores.store(order.encoder_id, order.dimension)
    if order.operation == "put" and order.points is not None:
        store.put(order.collection_key, order.points, order=order.id)
    elif order.operation == "move" and order.micro_ids is not None:
        store.move(order.collection_key, order.image_ids, order.micro_ids.tolist(), order=order.id)
    elif order.operation == "delete":
        store.delete(order.collection_key, order.image_ids, order=order.id)
    elif order.operation == "drop":
        store.drop(order.collection_key)
        files.drop_files(order.collection_key)
