"""Carries the catalog's decisions to a vector store that several processes share.

An order is delivered by the process that wrote it, while it has the turn of the collection, and deleted then: a server
acknowledges what it has logged. Orders that are left over, because their process died or the store failed, are
delivered first by whoever has the next turn, and every process looks for them now and then.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

from categoriser.catalog import Database, outbox
from categoriser.catalog.outbox import Order
from categoriser.catalog.sharing import Locks
from categoriser.state.delivery import Files, StoreOpener, Stores, apply
from categoriser.store import VectorStore

_LOOK_SECONDS = 5.0
_log = logging.getLogger(__name__)


class SharedDelivery:
    """See `Delivery`; here the order in which orders are delivered is that of each collection."""

    def __init__(self, database: Database, locks: Locks, open_store: StoreOpener, files: Files) -> None:
        self._database = database
        self._locks = locks
        self._stores = Stores(open_store)
        self._files = files
        self._guard = threading.Lock()
        self._late: set[str] = set()  # collections with an order that failed here: no later one may overtake it
        self._closed = threading.Event()
        self._looking = threading.Thread(target=self._look_regularly, name="left-over", daemon=True)
        self._looking.start()

    @property
    def store(self) -> StoreOpener:
        """The store of an encoder's vectors."""
        return self._stores.store

    @property
    def stores(self) -> list[VectorStore]:
        """Those that are open."""
        return self._stores.opened

    def ready(self) -> None:
        """Whoever takes the turn of a collection finds it up to date, or is told why it cannot be."""

    def deliver(self, *orders: Order) -> None:
        """Apply orders whose transaction is committed; on return readers see them.

        An order that fails stays in the outbox and is delivered soon: what is committed has happened.
        """
        done: list[Order] = []
        key = ""
        try:
            for order in orders:
                key = order.collection_key
                with self._guard:
                    late = key in self._late
                if not late:
                    apply(order, self._stores, self._files)
                    done.append(order)
        except Exception:
            _log.exception("the vector store could not be told what was decided; it is told again soon")
            with self._guard:
                self._late.add(key)
        finally:
            self._finish(done)

    def settle(self, collection_key: str) -> None:
        """Deliver what is left over of a collection, in order; the caller has its turn.

        Raises:
            CategoriserError: the store fails.
        """
        number = last = 0
        while True:
            with self._database.read() as connection:
                orders = outbox.of_collection(connection, collection_key, after=last)
            if not orders:
                break
            for order in orders:
                apply(order, self._stores, self._files)
            self._finish(orders)
            number, last = number + len(orders), orders[-1].id
        with self._guard:
            self._late.discard(collection_key)
        if number:
            _log.info("delivered %d orders to the vector store that were left over", number)

    def settle_all(self) -> None:
        """Deliver what is left over of collections that nobody writes at the moment."""
        after = ""
        while True:
            with self._database.read() as connection:
                keys = outbox.waiting_collections(connection, after=after)
            if not keys:
                return
            for key in keys:
                with self._locks.at_once(key) as free:
                    if free:
                        self.settle(key)
            after = keys[-1]

    def flush(self) -> None:
        """Everything is where it belongs already."""

    def close(self) -> None:
        """Stop and let go of the stores."""
        self._closed.set()
        self._looking.join()
        self._stores.close()

    def _finish(self, orders: Sequence[Order]) -> None:
        if not orders:
            return
        try:
            # in a transaction that advances nobody's revision: it decides nothing
            with self._database.engine.begin() as connection:
                outbox.finish(connection, [order.id for order in orders])
        except Exception:  # they are delivered once more
            _log.exception("orders to the vector store could not be noted as done")

    def _look_regularly(self) -> None:
        while not self._closed.wait(_LOOK_SECONDS):
            try:
                self.settle_all()
            except Exception:
                _log.exception("what is left over for the vector store could not be delivered; trying again")
