"""What the rest of the house may ask of a vector store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from categoriser.domain import FloatVector, Hit, Points, Where

EVERYTHING = Where()


def matches_nothing(where: Where) -> bool:
    """Whether ``where`` allows no micro-cluster at all, which some engines would take for all of them."""
    return where.micro_ids is not None and len(where.micro_ids) == 0


class VectorStore(Protocol):
    """The vectors of one encoder, of all collections. Calls are synchronous and may come from any thread.

    Every call that touches data names its ``collection``; the adapter builds the tenant filter itself and refuses to
    hand out a point of another one. An empty ``collection`` raises ConfigurationError.
    """

    @property
    def dimension(self) -> int:
        """Length of every vector."""
        ...

    def put(self, collection: str, points: Points, *, order: int = 0) -> None:
        """Add points, replacing those whose image id is there already; the last of two with one image id wins.

        ``order`` numbers what is written, growing within a collection; a store that several processes write leaves
        alone what a later order wrote. 0 writes in any case.

        Replaying a ``put`` is harmless. The batch is checked as a whole before anything is written.

        Raises:
            InvalidVectorError: a vector is not finite, not of unit length (off by more than 0.001) or of another
                dimension, or the parts of the batch differ in length; the message names the image.
        """
        ...

    def move(self, collection: str, image_ids: Sequence[str], micro_ids: Sequence[int], *, order: int = 0) -> None:
        """Set the micro-cluster of points, ``image_ids[i]`` to ``micro_ids[i]``; images without a point are ignored.

        ``order``: see ``put``.

        Raises:
            ConfigurationError: the two differ in length.
        """
        ...

    def search(
        self,
        collection: str,
        vector: FloatVector,
        limit: int,
        *,
        where: Where = EVERYTHING,
        offset: int = 0,
        min_score: float | None = None,
    ) -> list[Hit]:
        """Return hits ``offset`` to ``offset + limit`` of all points inside ``where``, nearest first; exact.

        Equal scores are ordered by image id, so that pages neither repeat nor skip. ``min_score`` is inclusive, a
        cosine in [-1, 1], compared in float32.

        Raises:
            InvalidVectorError: the query vector is not a finite unit vector of the store's dimension.
        """
        ...

    def fetch(self, collection: str, image_ids: Sequence[str]) -> Points:
        """Return the points of ``image_ids`` in the order asked; those that do not exist are left out."""
        ...

    def scroll(self, collection: str, *, after: str | None = None, limit: int = 1000) -> tuple[Points, str | None]:
        """Return up to ``limit`` points and the cursor to pass as ``after`` for the next page; None ends the walk.

        A walk visits every point that exists throughout it exactly once, in an order of the store's own.
        """
        ...

    def count(self, collection: str, where: Where = EVERYTHING) -> int:
        """Return how many points are inside ``where``; exact."""
        ...

    def delete(self, collection: str, image_ids: Sequence[str], *, order: int = 0) -> None:
        """Remove the points of ``image_ids``; those that do not exist are ignored. ``order``: see ``put``."""
        ...

    def drop(self, collection: str) -> None:
        """Remove all points of ``collection``."""
        ...

    def flush(self) -> None:
        """Return when all earlier writes are as safe from power loss as the store can make them."""
        ...

    def close(self) -> None:
        """Flush and let go of everything; calling it again does nothing."""
        ...
