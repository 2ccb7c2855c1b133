"""Engine states in memory: loaded on demand, one writer each, dropped when idle, so that quiet users cost nothing.

Where several processes write, one of them at a time has the turn of a collection, and a state is a cache: whoever finds
that it is not up to date any more renews it before using it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from categoriser.catalog.sharing import Turn
from categoriser.errors import ConfigurationError, NotFoundError, RejectedError
from categoriser.state.engine_state import EngineState
from categoriser.state.turns import Turns

_log = logging.getLogger(__name__)
_REFUSALS = (ConfigurationError, NotFoundError, RejectedError)  # of what was asked; no other error tells what it left
Loader = Callable[[int], EngineState]  # collection id
Renewal = Callable[[EngineState], EngineState]  # the same one or another, up to date


@dataclass(slots=True)
class _Slot:
    writing: threading.RLock = field(default_factory=threading.RLock)
    renewing: threading.RLock = field(default_factory=threading.RLock)  # held while a state is brought up to date
    writers: int = 0  # of one thread, which has the turn: nobody else may renew the state
    state: EngineState | None = None
    users: int = 0
    last_used: float = 0.0


class States:
    """At most ``limit`` states stay in memory, and none longer than ``idle_seconds`` without use."""

    def __init__(self, load: Loader, renew: Renewal, turns: Turns, *, limit: int, idle_seconds: float) -> None:
        self._load = load
        self._renew = renew
        self._turns = turns
        self._limit = limit
        self._idle_seconds = idle_seconds
        self._slots: OrderedDict[int, _Slot] = OrderedDict()
        self._guard = threading.Lock()

    @contextmanager
    def writing(self, collection_id: int) -> Iterator[EngineState]:
        """The state, up to date, with nobody else writing it. After an error it is dropped: SQL knows what is true.

        Only a refusal that came before anything was changed leaves it as it is; loading it anew takes seconds.

        Raises:
            NotFoundError: the collection was deleted.
        """
        slot = self._enter(collection_id)
        try:
            with slot.writing, self._turns.taken(collection_id) as turn:
                state, mark = None, None
                try:
                    with self._written(slot):
                        state = self._current(slot, collection_id, None if turn is None else turn.revision)
                        mark = state.mark()
                        try:
                            yield state
                        finally:
                            _note(state, turn)
                        self._close_up(slot, collection_id)
                except _REFUSALS:
                    if state is None or slot.state is not state or state.mark() != mark:
                        slot.state = None
                    raise
                except BaseException:
                    slot.state = None
                    raise
        finally:
            self._leave(slot)

    @contextmanager
    def reading(self, collection_id: int) -> Iterator[EngineState]:
        """The state, possibly while it is being written: for looking up near micro-clusters, which tolerates that."""
        slot = self._enter(collection_id)
        try:
            wanted = self._turns.revision(collection_id)
            state = slot.state
            if state is None or (wanted is not None and wanted != state.revision):
                with slot.renewing:
                    state = slot.state
                    if state is None or not slot.writers:  # that of a writer is as new as can be
                        state = self._current(slot, collection_id, wanted)
            yield state
        finally:
            self._leave(slot)

    @contextmanager
    def excluding(self, collection_id: int) -> Iterator[None]:
        """Nobody writes the collection meanwhile, and its state is gone afterwards; it need not be loadable."""
        slot = self._enter(collection_id)
        try:
            with slot.writing, self._turns.taken(collection_id), self._written(slot):
                try:
                    yield
                finally:
                    slot.state = None
        finally:
            self._leave(slot)

    def may_hold(self, collection_id: int, image_id: str) -> bool:
        """Whether an image of the collection may have this id; where several processes file, one may always have."""
        if self._turns.shared:
            return True
        slot = self._slots.get(collection_id)
        state = None if slot is None else slot.state
        return state is None or state.ids.may_hold(image_id)

    def in_memory(self) -> tuple[int, int]:
        """How many states are in memory, and their bytes there (mapped vectors included)."""
        with self._guard:
            states = [slot.state for slot in self._slots.values()]
        loaded = [state for state in states if state is not None]
        return len(loaded), sum(state.size for state in loaded)

    def close(self) -> None:
        """Save and drop all states."""
        with self._guard:
            slots = list(self._slots.values())
            self._slots.clear()
        for slot in slots:
            with slot.writing, slot.renewing:
                if slot.state is not None:
                    slot.state.save_if_possible()

    def _enter(self, collection_id: int) -> _Slot:
        with self._guard:
            slot = self._slots.setdefault(collection_id, _Slot())
            self._slots.move_to_end(collection_id)
            slot.users += 1
            slot.last_used = time.monotonic()
        return slot

    def _leave(self, slot: _Slot) -> None:
        with self._guard:
            slot.users -= 1
            slot.last_used = time.monotonic()
            leaving = self._idle()
        for collection_id, idle in leaving:
            self._put_away(collection_id, idle)

    def _idle(self) -> list[tuple[int, _Slot]]:
        """Slots to empty, entered so that none of them is taken away twice."""
        now = time.monotonic()
        surplus = len(self._slots) - self._limit
        leaving = []
        for collection_id, slot in self._slots.items():
            if slot.users == 0 and (surplus > 0 or now - slot.last_used > self._idle_seconds):
                surplus -= 1
                slot.users += 1
                leaving.append((collection_id, slot))
        return leaving

    def _put_away(self, collection_id: int, slot: _Slot) -> None:
        # without waiting: whoever holds it uses it, and we may hold another one ourselves
        if slot.writing.acquire(blocking=False):
            try:
                with slot.renewing:  # of several processes a reader may be at it
                    if slot.state is not None:
                        slot.state.save_if_possible()
                        slot.state = None
            finally:
                slot.writing.release()
        with self._guard:
            slot.users -= 1
            if slot.users == 0 and slot.state is None and self._slots.get(collection_id) is slot:
                del self._slots[collection_id]

    def _close_up(self, slot: _Slot, collection_id: int) -> None:
        """Load a state anew that has much of what was deleted; readers go on with the one there is meanwhile."""
        state = slot.state
        if state is None or slot.writers > 1 or not state.is_worth_reloading:
            return
        with slot.renewing:
            state.save_if_possible()
        try:
            slot.state = self._load(collection_id)
        except Exception:  # what was done is done, and whoever comes next loads it or is told why not
            _log.exception("collection %d could not be loaded without what was deleted", collection_id)
            slot.state = None

    @contextmanager
    def _written(self, slot: _Slot) -> Iterator[None]:
        """Keep readers from renewing a state that is being written; they may use it."""
        with slot.renewing:
            slot.writers += 1
        try:
            yield
        finally:
            slot.writers -= 1

    def _current(self, slot: _Slot, collection_id: int, revision: int | None) -> EngineState:
        """The state at a revision, or at a later one that was written meanwhile."""
        with slot.renewing:
            state = slot.state
            if state is None:
                slot.state = state = self._load(collection_id)
            elif revision is not None and revision != state.revision:
                slot.state = None  # should the renewal fail half-way
                slot.state = state = self._renew(state)
            return state


def _note(state: EngineState, turn: Turn | None) -> None:
    if turn is not None and turn.revision is not None:
        state.revision = turn.revision
