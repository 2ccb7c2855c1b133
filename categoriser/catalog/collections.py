"""Collections: one user's images each."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from categoriser.catalog.in_lists import padded
from categoriser.catalog.tables import collections, images, micros, summed
from categoriser.domain import LARGEST_NUMBER, Granularity

_NOTHING = "0/1/0"  # a new collection
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that reads like something else


@dataclass(frozen=True, slots=True)
class CollectionRow:
    """A collection as stored."""

    id: int
    key: str
    name: str
    encoder_id: str
    encoder_spec: str
    dimension: int
    granularity: Granularity
    created_at: float
    next_row: int
    next_category: int
    next_group: int
    taxonomy_version: int
    calibration: Mapping[str, float] | None
    images_at_run: int
    last_run_at: float | None
    schedule: str | None  # its own; None: the deployment's, "": none
    schedule_since: float | None  # earlier slots do not count; None: since it exists
    parent_key: str | None = None  # of a view: the collection whose pictures it groups
    wanted: int | None = None  # number of categories, where a person gave it

    @property
    def files_key(self) -> str:
        """Whose originals and thumbnails its images have."""
        return self.parent_key or self.key

    def category_id(self, number: int | None) -> str | None:
        """Public id of a category: unique among all collections, never reused."""
        return None if number is None or number < 0 else f"{self.key}-{number}"

    def category_number(self, category: str) -> int | None:
        """Number of a category by its public id or by the number alone; None when it cannot be one of ours."""
        key, _, number = category.rpartition("-")
        return _whole_number(number) if key in {"", self.key} else None

    def group_id(self, number: int) -> str:
        """Public id of a broad group, which no category has."""
        return f"{self.key}-g{number}"

    def group_number(self, group: str) -> int | None:
        """Number of a group by its public id or by what follows the key; None when it cannot be one of ours."""
        key, _, number = group.rpartition("-")
        plain = number.removeprefix("g")
        return _whole_number(plain) if plain != number and key in {"", self.key} else None


@dataclass(frozen=True, slots=True)
class Visible:
    """Collections that somebody may see: these, and those whose names begin so."""

    names: tuple[str, ...]
    prefixes: tuple[str, ...]

    def condition(self) -> sa.ColumnElement[bool]:
        """For a query over collections. No LIKE: SQLite's takes upper and lower case for the same."""
        name = collections.c.name
        begins = [sa.func.substr(name, 1, len(prefix)) == prefix for prefix in self.prefixes]
        return sa.or_(name.in_(self.names), *begins)


def _whole_number(text: str) -> int | None:
    fits = text.isdecimal() and len(text) < len(str(LARGEST_NUMBER))
    return int(text) if fits else None


_COLUMNS = [collections.c[name] for name in CollectionRow.__dataclass_fields__]
# made once: building a statement takes longer than running it
_BY_ID = sa.select(*_COLUMNS).where(collections.c.id == sa.bindparam("which"))
_BY_NAME = sa.select(*_COLUMNS).where(collections.c.name == sa.bindparam("which"))


def create(
    connection: Connection,
    name: str,
    *,
    encoder_id: str,
    encoder_spec: str,
    dimension: int,
    granularity: Granularity,
    parent_key: str | None = None,
    wanted: int | None = None,
) -> CollectionRow:
    """A new collection; its name must be free."""
    key = "".join(secrets.choice(_ALPHABET) for _ in range(8))
    connection.execute(
        sa.insert(collections).values(
            key=key,
            name=name,
            encoder_id=encoder_id,
            encoder_spec=encoder_spec,
            dimension=dimension,
            granularity=granularity,
            created_at=time.time(),
            parent_key=parent_key,
            wanted=wanted,
        )
    )
    return cast("CollectionRow", find(connection, name))


def find(connection: Connection, name: str) -> CollectionRow | None:
    """The collection of that name, if there is one."""
    row = connection.execute(_BY_NAME, {"which": name}).one_or_none()
    return None if row is None else CollectionRow(**row._mapping)


def get(connection: Connection, collection_id: int) -> CollectionRow | None:
    """The collection as it is now, or None when it was deleted."""
    row = connection.execute(_BY_ID, {"which": collection_id}).one_or_none()
    return None if row is None else CollectionRow(**row._mapping)


def create_or_find(connection: Connection, name: str, **values: Any) -> CollectionRow:
    """A new collection, or the one of that name that another process makes at the same time."""
    try:
        with connection.begin_nested():
            return create(connection, name, **values)
    except sa.exc.IntegrityError:
        found = find(connection, name)
        if found is None:
            raise
        return found


def encoders(connection: Connection) -> dict[str, int]:
    """Encoder → dimension, of all that any collection has."""
    query = sa.select(collections.c.encoder_id, collections.c.dimension).distinct().order_by(collections.c.encoder_id)
    return {row.encoder_id: row.dimension for row in connection.execute(query)}


def by_key(connection: Connection, key: str) -> CollectionRow | None:
    """The collection with that key, or None when it was deleted."""
    row = connection.execute(sa.select(*_COLUMNS).where(collections.c.key == key)).one_or_none()
    return None if row is None else CollectionRow(**row._mapping)


def page(
    connection: Connection, *, after: str = "", limit: int = 100, visible: Visible | None = None
) -> list[CollectionRow]:
    """Collections by name, those after a name, as far as they are visible; views are not among them."""
    listed = sa.and_(collections.c.name > after, collections.c.parent_key.is_(None))
    if visible is not None:
        listed = sa.and_(listed, visible.condition())
    query = sa.select(*_COLUMNS).where(listed).order_by(collections.c.name).limit(limit)
    return [CollectionRow(**row._mapping) for row in connection.execute(query)]


def everything(connection: Connection) -> list[CollectionRow]:
    """All collections, views too, in the order they were made; for copies of the whole."""
    query = sa.select(*_COLUMNS).order_by(collections.c.id)
    return [CollectionRow(**row._mapping) for row in connection.execute(query)]


def update(connection: Connection, collection_id: int, **values: Any) -> None:
    """Change columns of one collection."""
    connection.execute(_update_of(*values), {"of": collection_id, **values})


@cache
def _update_of(*names: str) -> sa.Update:
    return (
        sa.update(collections).where(collections.c.id == sa.bindparam("of")).values({n: sa.bindparam(n) for n in names})
    )


def set_schedule(connection: Connection, collection_id: int, schedule: str | None) -> None:
    """Give a collection a schedule of its own, or take it away; slots that began before now do not count."""
    update(connection, collection_id, schedule=schedule, schedule_since=time.time())


def remember_run(connection: Connection, collection_id: int) -> None:
    """Note what there is, at the end of a run's transaction."""
    update(connection, collection_id, seen_at_run=_extents(connection, [collection_id])[collection_id][0])


def unchanged(connection: Connection, collection_ids: Sequence[int]) -> set[int]:
    """Those of the collections in which nothing was added, deleted or changed since their last run."""
    found = _extents(connection, collection_ids)
    return {number for number, (now, seen) in found.items() if now == (seen or _NOTHING)}


def _extents(connection: Connection, collection_ids: Sequence[int]) -> dict[int, tuple[str, str | None]]:
    """How far each collection has come, now and at its last run: rows given, events given, images."""
    present = sa.select(summed(micros.c.images)).where(micros.c.collection_id == collections.c.id).scalar_subquery()
    columns = (collections.c.id, collections.c.next_row, collections.c.next_cursor, present, collections.c.seen_at_run)
    query = sa.select(*columns).where(collections.c.id.in_(padded(collection_ids)))
    return {number: (f"{row}/{cursor}/{size}", seen) for number, row, cursor, size, seen in connection.execute(query)}


def size(connection: Connection, collection_id: int) -> int:
    """Number of images."""
    query = sa.select(sa.func.count()).select_from(images).where(images.c.collection_id == collection_id)
    return int(connection.execute(query).scalar_one())


def delete(connection: Connection, collection_id: int) -> None:
    """Delete a collection and all that belongs to it."""
    connection.execute(sa.delete(collections).where(collections.c.id == collection_id))
