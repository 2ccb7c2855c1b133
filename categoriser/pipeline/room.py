"""How many accepted pictures may wait where several processes share the inbox: the bound holds over all of them.

Counting for every request would cost more than accepting, so each process counts now and then, and takes an equal share
of the room that is left; it accepts no more than its share until it counts again. What all take together is never more
than there is, and near the bound a few places may stay empty for a moment.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from categoriser.catalog import inbox
from categoriser.state import Storage

_MOMENT: Final = 0.25  # seconds that a share is good for, at least
_COST: Final = 50  # and this many times what counting took: a hundredth of a second for 10,000 pictures
_REMEMBERED: Final = 10_000  # collections


@dataclass(slots=True)
class _Share:
    """What this process may still accept. ``pending``: accepted, and not on disk yet."""

    left: int = 0
    until: float = 0.0
    pending: int = 0


class SharedRoom:
    """Places in an inbox that several processes fill; thread-safe."""

    def __init__(self, storage: Storage, most: int, most_of_one: int) -> None:
        self._storage = storage
        self._most = most
        self._most_of_one = most_of_one
        self._all = _Share()
        self._shares: OrderedDict[int, _Share] = OrderedDict()
        self._guard = threading.Lock()
        self._counting = threading.Lock()

    def take(self, collection_id: int, pictures: int) -> tuple[bool, bool]:
        """Whether there is room in all, and for the collection; if both, these pictures have taken it. 0 only asks."""
        wanted = max(1, pictures)
        share = self._share(collection_id)
        self._count_if_due(self._all, None, self._most)
        self._count_if_due(share, collection_id, self._most_of_one)
        with self._guard:
            room, own = self._all.left >= wanted, share.left >= wanted
            if room and own:
                for one in (self._all, share):
                    one.left -= pictures
                    one.pending += pictures
        return room, own

    def settled(self, collection_id: int, pictures: int) -> None:
        """Pictures that took room are on disk, where everybody counts them, or were given up."""
        with self._guard:
            for one in (self._all, self._shares.get(collection_id)):
                if one is not None:
                    one.pending = max(0, one.pending - pictures)

    def _share(self, collection_id: int) -> _Share:
        with self._guard:
            share = self._shares.setdefault(collection_id, _Share())
            self._shares.move_to_end(collection_id)
            while len(self._shares) > _REMEMBERED:
                number, oldest = next(iter(self._shares.items()))
                if oldest.pending:
                    break
                del self._shares[number]
            return share

    def _count_if_due(self, share: _Share, collection_id: int | None, most: int) -> None:
        if time.monotonic() < share.until:
            return
        with self._counting:  # one at a time; whoever came second finds it done
            begun = time.monotonic()
            if begun < share.until:
                return
            with self._storage.database.glance() as connection:
                waiting, living = inbox.crowd(connection, collection_id, most=most)
            ended = time.monotonic()
            with self._guard:
                share.left = max(0, max(0, most - waiting) // max(1, living) - share.pending)
                share.until = ended + max(_MOMENT, _COST * (ended - begun))
