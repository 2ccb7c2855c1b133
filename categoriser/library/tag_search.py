"""Search among images that bear certain tags."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from categoriser.catalog.collections import CollectionRow
from categoriser.domain import FloatVector, Hit, IntVector, Points, Where
from categoriser.library.tagging import CHUNK, Tags
from categoriser.state import Storage


def tagged_hits(
    storage: Storage,
    collection: CollectionRow,
    tags: Tags,
    words: tuple[str, ...],
    *,
    vector: FloatVector | None,
    where: Where,
    limit: int,
    offset: int,
    min_score: float | None,
) -> list[Hit]:
    """Hits ``offset`` to ``offset + limit`` of the images that have each word, or a kind of it, among their tags.

    Tags are not stored, so the whole collection is read, a chunk at a time, and the answer is exact.

    Args:
        storage: of the library.
        collection: the collection.
        tags: its words.
        words: that are asked for.
        vector: best first by the cosine with it; by the score of the tags for None.
        where: what else limits the search.
        limit: most hits.
        offset: hits to leave out.
        min_score: least cosine or score.
    """
    wanted, store = tags.wanted(words), storage.store(collection)
    micros = None if where.micro_ids is None else np.array(where.micro_ids, np.int64)
    best: list[Hit] = []
    cursor: str | None = None
    while True:
        points, cursor = store.scroll(collection.key, after=cursor, limit=CHUNK)
        inside = np.flatnonzero(_inside(points, where, micros))
        borne = tags.bearing(points.vectors[inside], wanted)
        scores = borne if vector is None else points.vectors[inside] @ vector
        keep = np.isfinite(borne) & (scores >= (-np.inf if min_score is None else np.float32(min_score)))
        best += [Hit(points.image_ids[inside[one]], float(scores[one])) for one in np.flatnonzero(keep).tolist()]
        best = sorted(best, key=lambda hit: (-hit.score, hit.image_id))[: offset + limit]
        if cursor is None:
            return best[offset:]


def _inside(points: Points, where: Where, micros: IntVector | None) -> npt.NDArray[np.bool_]:
    added = np.array(points.added_at, np.float64)
    inside = np.ones(len(points), bool) if micros is None else np.isin(points.micro_ids, micros)
    if where.added_from is not None:
        inside &= added >= where.added_from
    if where.added_before is not None:
        inside &= added < where.added_before
    if where.exclude_ids:
        inside &= ~np.isin(np.array(points.image_ids), list(where.exclude_ids))
    return inside
