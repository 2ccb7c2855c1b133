"""Carries the catalog's decisions to the vector stores: at once for readers, on their disk a little later.

An order is written to the outbox in the transaction that decides it, applied right after, and deleted once the store
was flushed. After a crash the orders that are left are applied again, in order; every one may be repeated.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from categoriser.catalog import Database, outbox
from categoriser.catalog.outbox import Order
from categoriser.store import VectorStore

StoreOpener = Callable[[str, int], VectorStore]  # encoder id, dimension

_FLUSH_SECONDS = 2.0
_FLUSH_ORDERS = 256
_log = logging.getLogger(__name__)


class Delivery:
    """All vector stores of a library, one per encoder, opened when first needed."""

    def __init__(self, database: Database, open_store: StoreOpener) -> None:
        self._database = database
        self._open_store = open_store
        self._stores: dict[str, VectorStore] = {}
        self._opening = threading.Lock()
        self._applied: list[int] = []
        self._flushing = threading.Lock()
        self._wake = threading.Event()
        self._closed = threading.Event()
        self._stalled = False  # an order failed: all that are left have to be repeated, in order
        self._repeat_unfinished()
        self._flusher = threading.Thread(target=self._flush_regularly, name="vector-flush", daemon=True)
        self._flusher.start()

    def store(self, encoder_id: str, dimension: int) -> VectorStore:
        """The store of an encoder's vectors."""
        with self._opening:
            if encoder_id not in self._stores:
                self._stores[encoder_id] = self._open_store(encoder_id, dimension)
            return self._stores[encoder_id]

    def deliver(self, order: Order) -> None:
        """Apply an order whose transaction is committed; on return readers see it.

        An order that fails stays in the outbox, and the next one starts with repeating what is left.
        """
        if self._stalled:
            self.repeat()
            return
        try:
            self._apply(order)
        except BaseException:
            self._stalled = True
            raise
        self._applied.append(order.id)
        if len(self._applied) >= _FLUSH_ORDERS:
            self._wake.set()

    def flush(self) -> None:
        """Bring all applied orders to the stores' disks and delete them."""
        with self._flushing:
            done, self._applied = self._applied, []
            if not done:
                return
            for store in list(self._stores.values()):
                store.flush()
            with self._database.write() as connection:
                outbox.finish(connection, done)

    def repeat(self) -> None:
        """Apply everything in the outbox again, after a failure."""
        self._repeat_unfinished()
        self._stalled = False

    def close(self) -> None:
        """Flush, stop and let go of the stores."""
        self._closed.set()
        self._wake.set()
        self._flusher.join()
        self.flush()
        for store in self._stores.values():
            store.close()

    def _apply(self, order: Order) -> None:
        store = self.store(order.encoder_id, order.dimension)
        if order.operation == "put" and order.points is not None:
            store.put(order.collection_key, order.points)
        elif order.operation == "move" and order.micro_ids is not None:
            store.move(order.collection_key, order.image_ids, order.micro_ids.tolist())
        elif order.operation == "delete":
            store.delete(order.collection_key, order.image_ids)
        elif order.operation == "drop":
            store.drop(order.collection_key)

    def _repeat_unfinished(self) -> None:
        last = 0
        while True:
            with self._database.read() as connection:
                orders = outbox.unfinished(connection, after=last)
            if not orders:
                break
            for order in orders:
                self._apply(order)
                self._applied.append(order.id)
                last = order.id
        if self._applied:
            _log.info("repeated %d orders to the vector store that an earlier stop left open", len(self._applied))
            self.flush()

    def _flush_regularly(self) -> None:
        while not self._closed.is_set():
            self._wake.wait(_FLUSH_SECONDS)
            self._wake.clear()
            try:
                self.flush()
            except Exception:  # the orders stay in the outbox and are repeated at the next start
                _log.exception("the vector store could not be flushed; trying again")
