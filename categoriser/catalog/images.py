"""Images of a collection."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from categoriser.catalog.in_lists import Among, padded, parts
from categoriser.catalog.tables import Record, categories, images, inbox, micros


def insert(connection: Connection, collection_id: int, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add images; each mapping holds the columns of ``images`` but the collection."""
    if rows:
        connection.execute(_INSERT, [{**row, "collection_id": collection_id} for row in rows])


def exists(connection: Connection, collection_id: int, image_id: str) -> bool:
    """Whether there is an image with this id."""
    return connection.execute(_EXISTS, {"of": collection_id, "which": image_id}).first() is not None


def known(connection: Connection, collection_id: int, image_ids: Sequence[str]) -> dict[str, Record]:
    """Those of the ids that exist: id → row, micro, category, tentative, sha256, head_row."""
    found: dict[str, Record] = {}
    for chunk in parts(list(dict.fromkeys(image_ids))):
        rows = connection.execute(_KNOWN, {"of": collection_id, "which": chunk})
        found.update((row.image_id, dict(row._mapping)) for row in rows)
    return found


def named(connection: Connection, collection_id: int, image_ids: Sequence[str]) -> dict[str, Record]:
    """What a search result shows of those of the ids that exist: category, label, name, source."""
    found: dict[str, Record] = {}
    for chunk in parts(list(image_ids)):
        rows = connection.execute(_NAMED, {"of": collection_id, "which": chunk})
        found.update((row.image_id, dict(row._mapping)) for row in rows)
    return found


def describe(connection: Connection, collection_id: int, image_ids: Sequence[str]) -> dict[str, Record]:
    """All columns plus ``category``, ``label`` and ``head_id`` of those of the ids that exist."""
    found: dict[str, Record] = {}
    for chunk in parts(list(image_ids)):
        rows = connection.execute(_DESCRIBED_BY_ID, {"of": collection_id, "which": chunk})
        found.update((row.image_id, dict(row._mapping)) for row in rows)
    return found


def digests(connection: Connection, collection_id: int, image_ids: Sequence[str]) -> list[str]:
    """Content hashes of those of a few images that exist and came with content, in the order of the ids."""
    rows = connection.execute(_DIGESTS, {"of": collection_id, "which": padded(image_ids)})
    found = {row.image_id: row.sha256 for row in rows}
    return [found[one] for one in image_ids if found.get(one)]


def page(
    connection: Connection,
    collection_id: int,
    *,
    after: int = -1,
    limit: int = 100,
    category: int | None = None,
    unsorted: bool = False,
) -> list[Record]:
    """Images in order of arrival, those after a row; of one category or of Unsorted only."""
    query = _DESCRIBED.where(images.c.collection_id == collection_id, images.c.row > after)
    if unsorted:
        query = query.where(micros.c.category.is_(None))
    elif category is not None:
        query = query.where(micros.c.category == category)
    return [dict(row._mapping) for row in connection.execute(query.order_by(images.c.row).limit(limit))]


def everything(connection: Connection, collection_id: int, *, size: int = 5000) -> Iterator[Record]:
    """All images in order of arrival, read page by page."""
    after = -1
    while rows := page(connection, collection_id, after=after, limit=size):
        yield from rows
        after = rows[-1]["row"]


def assignments(connection: Connection, collection_id: int) -> list[tuple[str, int | None]]:
    """Image id and category number of every image, in order of arrival."""
    query = (
        sa.select(images.c.image_id, micros.c.category)
        .join_from(images, micros, _same_micro())
        .where(images.c.collection_id == collection_id)
        .order_by(images.c.row)
    )
    return [(row.image_id, row.category) for row in connection.execute(query)]


def of_category(
    connection: Connection, collection_id: int, category: int | None
) -> tuple[list[int], list[str], list[bool]]:
    """Images of a category, or of Unsorted for None, in order of arrival: rows, ids, whether only tentatively there."""
    query = (
        sa.select(images.c.row, images.c.image_id, micros.c.tentative)
        .join_from(images, micros, _same_micro())
        .where(images.c.collection_id == collection_id, micros.c.category.is_not_distinct_from(category))
        .order_by(images.c.row)
    )
    found = connection.execute(query).all()
    return [one.row for one in found], [one.image_id for one in found], [one.tentative for one in found]


def on_map(connection: Connection, collection_id: int, *, after: int, limit: int) -> list[tuple[int, str, int | None]]:
    """Row, image id and category number of images behind a row, in order of arrival."""
    query = (
        sa.select(images.c.row, images.c.image_id, micros.c.category)
        .join_from(images, micros, _same_micro())
        .where(images.c.collection_id == collection_id, images.c.row > after)
        .order_by(images.c.row)
        .limit(limit)
    )
    return [tuple(row) for row in connection.execute(query)]


def engine_rows(
    connection: Connection, collection_id: int, *, start: int = 0
) -> list[tuple[int, str, int, int | None, bytes | None]]:
    """Row, image id, micro, head row and perceptual hash of every image from a row on, by row."""
    query = (
        sa.select(images.c.row, images.c.image_id, images.c.micro, images.c.head_row, images.c.phash)
        .where(images.c.collection_id == collection_id, images.c.row >= start)
        .order_by(images.c.row)
    )
    return [tuple(row) for row in connection.execute(query)]


def places(connection: Connection, collection_id: int, rows: Sequence[int]) -> dict[int, tuple[str, int]]:
    """Image id and micro-cluster of rows, those that exist."""
    return places_later(connection, collection_id, rows)()


def places_later(
    connection: Connection, collection_id: int, rows: Sequence[int]
) -> Callable[[], dict[int, tuple[str, int]]]:
    """As ``places``; to be had as of ``later``."""
    found = _PLACES.ask(connection, rows, {"of": collection_id})
    return lambda: {row: (image_id, micro) for row, image_id, micro in found()}


def set_micros(connection: Connection, collection_id: int, moves: Mapping[int, int]) -> None:
    """Point rows (key) to other micro-clusters (value)."""
    if moves:
        connection.execute(
            sa.update(images)
            .where(images.c.collection_id == sa.bindparam("of"), images.c.row == sa.bindparam("at"))
            .values(micro=sa.bindparam("to")),
            [{"of": collection_id, "at": row, "to": micro} for row, micro in moves.items()],
        )


def set_heads(connection: Connection, collection_id: int, heads: Mapping[int, int | None]) -> None:
    """Stack rows (key) on other rows (value), or on none."""
    if heads:
        connection.execute(
            sa.update(images)
            .where(images.c.collection_id == sa.bindparam("of"), images.c.row == sa.bindparam("at"))
            .values(head_row=sa.bindparam("to")),
            [{"of": collection_id, "at": row, "to": head} for row, head in heads.items()],
        )


def set_source(connection: Connection, collection_id: int, image_id: str, *, source: str, name: str | None) -> None:
    """Note where the file of an image is now."""
    connection.execute(
        sa.update(images)
        .where(images.c.collection_id == collection_id, images.c.image_id == image_id)
        .values(source=source, name=name)
    )


def delete(connection: Connection, collection_id: int, image_ids: Sequence[str]) -> None:
    """Delete images."""
    for chunk in parts(list(image_ids)):
        connection.execute(
            sa.delete(images).where(images.c.collection_id == collection_id, images.c.image_id.in_(chunk))
        )


def arrivals(connection: Connection, collection_id: int) -> dict[int, float]:
    """When every row came, in Unix seconds."""
    query = sa.select(images.c.row, images.c.added_at).where(images.c.collection_id == collection_id)
    return {row.row: row.added_at for row in connection.execute(query)}


def files(connection: Connection, collection_id: int) -> Iterator[Record]:
    """Image id, digest, ``stored`` and source of every image that has a file."""
    query = sa.select(images.c.image_id, images.c.sha256, images.c.stored, images.c.source).where(
        images.c.collection_id == collection_id, images.c.sha256.is_not(None)
    )
    return (dict(row._mapping) for row in connection.execute(query))


def unused_files(connection: Connection, collection_id: int, digests: Sequence[str]) -> list[str]:
    """Those of the SHA-256 digests that no image of the collection has and none that waits in its inbox."""
    used: set[str] = set()
    for chunk in parts(digests):
        for table in (images, inbox):
            query = sa.select(table.c.sha256).where(table.c.collection_id == collection_id, table.c.sha256.in_(chunk))
            used.update(connection.execute(query).scalars())
    return [digest for digest in dict.fromkeys(digests) if digest not in used]


def _same_micro() -> sa.ColumnElement[bool]:
    return sa.and_(micros.c.collection_id == images.c.collection_id, micros.c.number == images.c.micro)


_head = images.alias("head")
_ours = sa.and_(
    images.c.collection_id == sa.bindparam("of"), images.c.image_id.in_(sa.bindparam("which", expanding=True))
)
_labelled = sa.and_(categories.c.collection_id == images.c.collection_id, categories.c.number == micros.c.category)
# made once: building a statement takes longer than running it
_INSERT = sa.insert(images)
_PLACES = Among(
    images.c.row,
    lambda among: sa.select(images.c.row, images.c.image_id, images.c.micro).where(
        images.c.collection_id == sa.bindparam("of"), among
    ),
)
_EXISTS = sa.select(images.c.row).where(
    images.c.collection_id == sa.bindparam("of"), images.c.image_id == sa.bindparam("which")
)
_KNOWN = (
    sa.select(
        *(images.c.image_id, images.c.row, images.c.micro, images.c.sha256, images.c.head_row),
        *(micros.c.category, micros.c.tentative),
    )
    .join_from(images, micros, _same_micro())
    .where(_ours)
)
_DIGESTS = sa.select(images.c.image_id, images.c.sha256).where(_ours)
_NAMED = (
    sa.select(images.c.image_id, images.c.name, images.c.source, micros.c.category, categories.c.label)
    .join_from(images, micros, _same_micro())
    .outerjoin(categories, _labelled)
    .where(_ours)
)
_DESCRIBED = (
    sa.select(
        *(images, micros.c.category, micros.c.tentative),
        *(categories.c.label.label("label"), _head.c.image_id.label("head_id")),
    )
    .join_from(images, micros, _same_micro())
    .outerjoin(categories, _labelled)
    .outerjoin(_head, sa.and_(_head.c.collection_id == images.c.collection_id, _head.c.row == images.c.head_row))
)
_DESCRIBED_BY_ID = _DESCRIBED.where(_ours)
