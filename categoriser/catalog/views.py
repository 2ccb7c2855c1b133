"""Views: what makes a collection one of texts or of terms, and what pictures were described as."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from categoriser.catalog import collections as collection_rows
from categoriser.catalog.collections import CollectionRow
from categoriser.catalog.in_lists import parts
from categoriser.catalog.tables import collections, descriptions, images, micros, views

TEXT = "description"  # where an image of a view has its text, in its metadata
TERM = "term"


@dataclass(frozen=True, slots=True)
class ViewRow:
    """A view as stored. ``spec``: where its texts or terms come from."""

    collection_id: int
    criterion: str
    spec: Mapping[str, Any]
    learned_from: int
    parent_row: int


_COLUMNS = [views.c[name] for name in ViewRow.__dataclass_fields__]


def collection_name(parent_key: str, name: str) -> str:
    """Name of a view's own collection; no collection of a user can have it, as it holds control characters."""
    return f"\x1f{parent_key}\x1f{name}"


def shown_name(name: str) -> str:
    """Name of a view by that of its collection; other names as they are."""
    return name.rpartition("\x1f")[2]


def is_view_name(name: str) -> bool:
    """Whether it is a name that only views have."""
    return name.startswith("\x1f")


def create(connection: Connection, collection_id: int, criterion: str, spec: Mapping[str, Any]) -> None:
    """Make a collection one of texts or terms."""
    values = {"collection_id": collection_id, "criterion": criterion, "spec": dict(spec)}
    connection.execute(sa.insert(views).values(**values))


def find(connection: Connection, collection_id: int) -> ViewRow | None:
    """What makes it a view, or None for a collection of pictures or vectors."""
    row = connection.execute(sa.select(*_COLUMNS).where(views.c.collection_id == collection_id)).one_or_none()
    return None if row is None else ViewRow(**row._mapping)


def of_collection(connection: Connection, key: str) -> list[CollectionRow]:
    """The views of the collection with that key, by name."""
    return _rows(connection, list(connection.execute(_OF_KEY, {"parent": key}).scalars()))


def following(connection: Connection, collection_id: int) -> list[CollectionRow]:
    """The views of a collection, by name."""
    return _rows(connection, list(connection.execute(_OF_COLLECTION, {"parent": collection_id}).scalars()))


def change(connection: Connection, collection_id: int, **values: Any) -> None:
    """Set columns of a view."""
    connection.execute(sa.update(views).where(views.c.collection_id == collection_id).values(**values))


def lexicon(connection: Connection, collection_id: int) -> Mapping[str, Any] | None:
    """What was learned from a view's texts."""
    found = connection.execute(sa.select(views.c.lexicon).where(views.c.collection_id == collection_id)).first()
    return None if found is None else found.lexicon


def texts(connection: Connection, collection_id: int) -> Iterator[tuple[int, str, int, float, str]]:
    """Row, image id, micro-cluster, time of arrival and text (or term) of every image, by row."""
    query = (
        sa.select(images.c.row, images.c.image_id, images.c.micro, images.c.added_at, images.c.metadata)
        .where(images.c.collection_id == collection_id)
        .order_by(images.c.row)
    )
    for row in connection.execute(query):
        yield row.row, row.image_id, row.micro, row.added_at, said(row.metadata)


def texts_by_category(connection: Connection, collection_id: int) -> Iterator[tuple[int, str]]:
    """Category number and text (or term) of every image that is in one."""
    query = (
        sa.select(micros.c.category, images.c.metadata)
        .join_from(
            images,
            micros,
            sa.and_(micros.c.collection_id == images.c.collection_id, micros.c.number == images.c.micro),
        )
        .where(images.c.collection_id == collection_id, micros.c.category.is_not(None))
    )
    for row in connection.execute(query):
        yield row.category, said(row.metadata)


def said(metadata: Mapping[str, Any] | None) -> str:
    """The text of an image of a view."""
    found = metadata or {}
    return str(found.get(TEXT) or found.get(TERM) or "")


def described(connection: Connection, collection_id: int, question: str, digests: Sequence[str]) -> dict[str, str]:
    """Descriptions that are known already: SHA-256 of the picture → text."""
    found: dict[str, str] = {}
    for some in parts(digests):
        query = sa.select(descriptions.c.sha256, descriptions.c.text).where(
            descriptions.c.collection_id == collection_id,
            descriptions.c.question == question,
            descriptions.c.sha256.in_(some),
        )
        found.update((row.sha256, row.text) for row in connection.execute(query))
    return found


def keep_description(connection: Connection, collection_id: int, question: str, sha256: str, text: str) -> None:
    """Remember what a picture was described as."""
    same = sa.and_(
        descriptions.c.collection_id == collection_id,
        descriptions.c.sha256 == sha256,
        descriptions.c.question == question,
    )
    if connection.execute(sa.select(descriptions.c.sha256).where(same)).first() is None:
        values = {"collection_id": collection_id, "sha256": sha256, "question": question, "text": text}
        connection.execute(sa.insert(descriptions).values(**values))


def forget_descriptions(connection: Connection, collection_id: int, digests: Sequence[str]) -> None:
    """Delete the descriptions of pictures that are gone."""
    for some in parts(digests):
        connection.execute(
            sa.delete(descriptions).where(
                descriptions.c.collection_id == collection_id, descriptions.c.sha256.in_(some)
            )
        )


def stored_json(given: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping as JSON gives it back, so that what is in memory is what will be read."""
    found: dict[str, Any] = json.loads(json.dumps(given))
    return found


def _rows(connection: Connection, numbers: Sequence[int]) -> list[CollectionRow]:
    rows = (collection_rows.get(connection, number) for number in numbers)
    return [row for row in rows if row is not None]


# made once: asked after every arrival, and building a statement takes longer than running it
_OF_KEY = (
    sa.select(collections.c.id).where(collections.c.parent_key == sa.bindparam("parent")).order_by(collections.c.name)
)
_parents = collections.alias("parents")
_OF_COLLECTION = (
    sa.select(collections.c.id)
    .join(_parents, collections.c.parent_key == _parents.c.key)
    .where(_parents.c.id == sa.bindparam("parent"))
    .order_by(collections.c.name)
)
