"""Texts are read anew as their collection grows: which of its words are labels is only known once there are many.

Categories, micro-clusters and corrections stay; the vectors of all texts are written again, and the run that follows
puts right what they change.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from categoriser.catalog import collections, outbox, views
from categoriser.catalog.collections import CollectionRow
from categoriser.catalog.sharing import note_rewritten
from categoriser.domain import Points
from categoriser.encoders.texts import WORDS
from categoriser.encoders.words import Lexicon, learn
from categoriser.errors import NotFoundError
from categoriser.state import Storage, store_micro

_GROWTH = 1.2  # reading all texts at every fifth more of them costs six readings of each in the long run
_ORDER = 1024  # points


def renew_if_grown(storage: Storage, collection_id: int) -> bool:
    """Learn the words of a collection of texts anew when it grew since the last time; says whether it was done."""
    with storage.database.read() as connection:
        view = views.find(connection, collection_id)
        row = collections.get(connection, collection_id)
        size = 0 if view is None else collections.size(connection, collection_id)
    if view is None or row is None or "terms" in view.spec or size < _GROWTH * view.learned_from or not size:
        return False
    with storage.states.excluding(collection_id):
        _renew(storage, row, view.criterion)
    return True


def read_lexicon(storage: Storage, collection_id: int) -> Lexicon | None:
    """The lexicon of a collection of texts, or None before there is one."""
    with storage.database.read() as connection:
        stored = views.lexicon(connection, collection_id)
    return None if stored is None else Lexicon.from_dict(stored)


def _renew(storage: Storage, row: CollectionRow, criterion: str) -> None:
    with storage.database.read() as connection:
        found = list(views.texts(connection, row.id))
    lexicon = learn([text for *_, text in found], criterion, topics=row.wanted is not None)
    orders: list[outbox.Order] = []
    rewritten = row.encoder_spec == WORDS
    if rewritten:
        storage.drop_state(row.key)  # saved vectors and neighbours; before the commit, so that no crash leaves old ones
    with storage.database.write() as connection:
        if collections.get(connection, row.id) is None:
            raise NotFoundError("The collection was deleted meanwhile.")
        views.change(connection, row.id, lexicon=lexicon.as_dict(), learned_from=len(found))
        if rewritten:
            note_rewritten(connection, row.id)
            parts = (found[start : start + _ORDER] for start in range(0, len(found), _ORDER))
            orders = [outbox.put(connection, row, _points(row, lexicon, part)) for part in parts]
    storage.delivery.deliver(*orders)


def _points(row: CollectionRow, lexicon: Lexicon, part: Sequence[tuple[int, str, int, float, str]]) -> Points:
    return Points(
        image_ids=[image_id for _, image_id, *_ in part],
        vectors=lexicon.vectors([text for *_, text in part], [image_id for _, image_id, *_ in part]),
        micro_ids=np.array([store_micro(row.id, micro) for _, _, micro, *_ in part], np.int64),
        added_at=[added_at for *_, added_at, _ in part],
    )
