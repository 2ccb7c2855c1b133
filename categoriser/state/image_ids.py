"""Which image ids a collection may hold: what is not here is new to it, and need not be looked up in the database."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

_RECENT = 512  # ids; more are put in order


class ImageIds:
    """Hashes of ids, 8 bytes each; those of deleted images stay. One thread adds, any may ask meanwhile."""

    def __init__(self, image_ids: Iterable[str]) -> None:
        self._ordered = np.unique(np.fromiter(map(hash, image_ids), np.int64))
        self._recent: set[int] = set()

    def add(self, image_ids: Iterable[str]) -> None:
        """Images with these ids come in."""
        self._recent.update(map(hash, image_ids))
        if len(self._recent) > max(_RECENT, len(self._ordered) // 16):
            recent = np.fromiter(self._recent, np.int64, len(self._recent))
            self._ordered = np.union1d(self._ordered, recent)  # first: who asks meanwhile finds them here or there
            self._recent = set()

    def may_hold(self, image_id: str) -> bool:
        """Whether there may be an image with this id; that there is one is for the database to say."""
        wanted = hash(image_id)
        if wanted in self._recent:
            return True
        ordered = self._ordered
        place = int(ordered.searchsorted(wanted))
        return place < len(ordered) and int(ordered[place]) == wanted

    @property
    def nbytes(self) -> int:
        """Bytes of the hashes, about."""
        return self._ordered.nbytes + 64 * len(self._recent)
