"""The vector store against the catalog: points that nobody owns, that are missing, or that are in the wrong list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import numpy as np

from categoriser.catalog import images
from categoriser.catalog.collections import CollectionRow
from categoriser.catalog.tables import Record
from categoriser.domain import FloatMatrix, FloatVector, Points
from categoriser.encoders import takes_ready_vectors, takes_texts
from categoriser.intake import Limits, decode, sha256
from categoriser.library.library import Library
from categoriser.library.repair.findings import Finding, examples_of
from categoriser.state import store_micro
from categoriser.state.saved import SavedVectors, saved_vectors

_PAGE: Final = 1000
_SAME: Final = 0.99  # cosine of a vector with its own copy, rounded or not
_UNIT: Final = 1e-2


@dataclass(slots=True)
class _Compared:
    """What a walk through a collection's points found."""

    orphaned: list[str] = field(default_factory=list)
    misplaced: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    outdated: int = 0  # saved vectors that are not those of the store


def look_at_points(library: Library, row: CollectionRow) -> Iterator[Finding]:
    """Compare every point with its image, and the saved engine state with both."""
    storage = library.storage
    with storage.database.read() as connection:
        places = {image_id: (at, micro) for at, image_id, micro, _, _ in images.engine_rows(connection, row.id)}
    problem, saved = saved_vectors(storage.folder / "state" / row.key, row.dimension)
    found = _compare(library, row, places, saved)
    if problem is not None or found.outdated:
        why = problem or f"{found.outdated} of its vectors are not those of the vector store"
        yield Finding(
            "state",
            row.name,
            1,
            f"The saved engine state of collection {row.name!r} is of no use ({why}); it is dropped and made anew at "
            "the next use.",
            mend=lambda: _drop_state(library, row),
        )
    if found.orphaned:
        yield Finding(
            "orphaned-points",
            row.name,
            len(found.orphaned),
            f"The vector store has {len(found.orphaned)} vectors of collection {row.name!r} that no image belongs to; "
            "they are deleted.",
            examples_of(found.orphaned),
            lambda: _delete(library, row, found.orphaned),
        )
    if found.misplaced:
        yield Finding(
            "misplaced-points",
            row.name,
            len(found.misplaced),
            f"{len(found.misplaced)} vectors of collection {row.name!r} are in the list of another micro-cluster than "
            "the catalog says, so that searches may miss them; they are moved.",
            examples_of(found.misplaced),
            lambda: _move(library, row, found.misplaced),
        )
    if found.missing:
        usable = saved if problem is None and not found.outdated else None
        yield from _missing(library, row, found.missing, places, usable)


def _compare(
    library: Library, row: CollectionRow, places: dict[str, tuple[int, int]], saved: SavedVectors | None
) -> _Compared:
    store, cursor, left = library.storage.store(row), None, set(places)
    found = _Compared()
    while True:
        points, cursor = store.scroll(row.key, after=cursor, limit=_PAGE)
        for place, image_id in enumerate(points.image_ids):
            if image_id not in places:
                found.orphaned.append(image_id)
                continue
            left.discard(image_id)
            at, micro = places[image_id]
            if int(points.micro_ids[place]) != store_micro(row.id, micro):
                found.misplaced.append(image_id)
            vector = None if saved is None else saved.find(at)
            if vector is not None:
                with np.errstate(all="ignore"):  # anything may stand there
                    found.outdated += not float(vector @ points.vectors[place]) > _SAME
        if cursor is None:
            break
    found.missing = sorted(left)
    return found


def _missing(
    library: Library,
    row: CollectionRow,
    missing: Sequence[str],
    places: dict[str, tuple[int, int]],
    saved: SavedVectors | None,
) -> Iterator[Finding]:
    kept: dict[str, FloatVector] = {}
    for image_id in missing:
        vector = None if saved is None else saved.find(places[image_id][0])
        if vector is not None and abs(float(vector @ vector) - 1) < _UNIT:
            kept[image_id] = np.array(vector)
    if kept:
        yield Finding(
            "missing-points",
            row.name,
            len(kept),
            f"The vector store lacks {len(kept)} vectors of collection {row.name!r}; they are taken from its saved "
            "engine state.",
            examples_of(kept),
            lambda: _put(library, row, list(kept), np.stack(list(kept.values()))),
        )
    encodable: list[str] = []
    lost: list[str] = []
    for image_id in missing:
        if image_id not in kept:
            (encodable if _has_original(library, row, image_id) else lost).append(image_id)
    if encodable:
        yield Finding(
            "missing-points",
            row.name,
            len(encodable),
            f"The vector store lacks {len(encodable)} vectors of collection {row.name!r}; their pictures are encoded "
            "again.",
            examples_of(encodable),
            partial(_encode_again, library, row, encodable),
        )
    if lost:
        yield Finding(
            "lost-vectors",
            row.name,
            len(lost),
            f"{len(lost)} images of collection {row.name!r} have neither a vector nor a picture any more; restore a "
            "backup, or delete them and add them again.",
            examples_of(lost),
        )


def _has_original(library: Library, row: CollectionRow, image_id: str) -> bool:
    if takes_ready_vectors(row.encoder_id) or takes_texts(row.encoder_id):
        return False
    image = _described(library, row, [image_id]).get(image_id)
    path = None if image is None else library.storage.media.locate(row.files_key, image)
    return path is not None and path.is_file()


def _encode_again(library: Library, row: CollectionRow, image_ids: Sequence[str]) -> int:
    encoder, settings, media = library.encoder_of(row), library.settings, library.storage.media
    limits = Limits(max_bytes=settings.max_bytes, max_pixels=settings.max_pixels)
    done = 0
    for start in range(0, len(image_ids), settings.batch_size):
        ids, prepared = [], []
        for image_id, image in _described(library, row, image_ids[start : start + settings.batch_size]).items():
            path = media.locate(row.files_key, image)
            data = b"" if path is None else path.read_bytes()
            if sha256(data) == image["sha256"]:  # else somebody put another picture in its place
                ids.append(image_id)
                prepared.append(encoder.prepare(decode(data, side=encoder.image_side, limits=limits).image))
        if ids:
            done += _put(library, row, ids, encoder.encode_prepared(np.stack(prepared)))
    return done


def _put(library: Library, row: CollectionRow, image_ids: Sequence[str], vectors: FloatMatrix) -> int:
    store = library.storage.store(row)
    with library.storage.states.excluding(row.id):
        described = _described(library, row, image_ids)
        present = [place for place, image_id in enumerate(image_ids) if image_id in described]
        found = [described[image_ids[place]] for place in present]
        lengths = np.linalg.norm(vectors[present], axis=1, keepdims=True)
        store.put(
            row.key,
            Points(
                image_ids=[one["image_id"] for one in found],
                vectors=np.ascontiguousarray(vectors[present] / lengths, np.float32),
                micro_ids=np.array([store_micro(row.id, one["micro"]) for one in found], np.int64),
                added_at=[one["added_at"] for one in found],
            ),
        )
        store.flush()
    return len(found)


def _delete(library: Library, row: CollectionRow, image_ids: Sequence[str]) -> int:
    store = library.storage.store(row)
    with library.storage.states.excluding(row.id):
        known = _described(library, row, image_ids)  # one of them may have come back
        gone = [image_id for image_id in image_ids if image_id not in known]
        store.delete(row.key, gone)
        store.flush()
    return len(gone)


def _move(library: Library, row: CollectionRow, image_ids: Sequence[str]) -> int:
    store = library.storage.store(row)
    with library.storage.states.excluding(row.id):
        found = list(_described(library, row, image_ids).values())
        store.move(row.key, [one["image_id"] for one in found], [store_micro(row.id, one["micro"]) for one in found])
        store.flush()
    return len(found)


def _drop_state(library: Library, row: CollectionRow) -> int:
    with library.storage.states.excluding(row.id):
        library.storage.drop_state(row.key)
    return 1


def _described(library: Library, row: CollectionRow, image_ids: Sequence[str]) -> dict[str, Record]:
    with library.storage.database.read() as connection:
        return images.describe(connection, row.id, image_ids)
