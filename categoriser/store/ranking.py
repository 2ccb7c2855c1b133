"""Pages of search results that neither repeat nor skip, over an engine that orders equal scores at random."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from categoriser.domain import Hit


def page_of(ask: Callable[[int], list[Hit]], limit: int, offset: int) -> list[Hit]:
    """Return hits ``offset`` to ``offset + limit`` by falling score, equal scores by image id.

    Args:
        ask: returns the n nearest hits, nearest first; which of several equal ones come last is its own affair.
        limit: hits on the page.
        offset: hits on the pages before.
    """
    end = offset + limit
    if not limit:
        return []
    wanted = end + 1  # one more tells whether the page ends within a group of equal scores
    hits = ask(wanted)
    while len(hits) == wanted and hits[-1].score == hits[end - 1].score:
        wanted *= 2
        hits = ask(wanted)
    return sorted(hits, key=lambda hit: (-hit.score, hit.image_id))[offset:end]


def threshold(min_score: float | None) -> float | None:
    """Return the bound to hand to Qdrant, which excludes the bound itself: the next float32 below."""
    if min_score is None:
        return None
    return float(np.nextafter(np.float32(min_score), np.float32(-np.inf)))


def at_least(min_score: float | None, hits: Iterable[Hit]) -> list[Hit]:
    """Return the hits that reach ``min_score``, whichever way a client rounds its bound."""
    if min_score is None:
        return list(hits)
    bound = float(np.float32(min_score))
    return [hit for hit in hits if hit.score >= bound]
