"""Micro-clusters and categories of a collection."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from categoriser.catalog.in_lists import Among, padded
from categoriser.catalog.tables import Record, categories, images, micros, summed


def open_micros(
    connection: Connection,
    collection_id: int,
    opened: Mapping[int, int | None],
    counts: Mapping[int, int] = MappingProxyType({}),
    tentative: Collection[int] = (),
) -> None:
    """New micro-clusters by number, each with its category or None, and their numbers of images where not 0.

    ``tentative``: those whose category is only the best guess.
    """
    if opened:
        connection.execute(
            _OPEN,
            [
                {
                    "collection_id": collection_id,
                    "number": number,
                    "category": category,
                    "images": counts.get(number, 0),
                    "tentative": number in tentative,
                }
                for number, category in opened.items()
            ],
        )


def count_images(connection: Connection, collection_id: int, changes: Mapping[int, int]) -> None:
    """Add to (or take from) the number of images of micro-clusters."""
    values = [{"of": collection_id, "which": number, "by": by} for number, by in changes.items() if by]
    if values:
        connection.execute(_COUNT, values)


def set_categories(connection: Connection, collection_id: int, changes: Mapping[int, int | None]) -> None:
    """Point micro-clusters to categories."""
    if changes:
        connection.execute(
            sa.update(micros)
            .where(micros.c.collection_id == sa.bindparam("of"), micros.c.number == sa.bindparam("which"))
            .values(category=sa.bindparam("to")),
            [{"of": collection_id, "which": number, "to": category} for number, category in changes.items()],
        )


def micro_categories(connection: Connection, collection_id: int, *, start: int = 0) -> list[tuple[int, int | None]]:
    """Number and category of every micro-cluster from a number on, by number."""
    query = (
        sa.select(micros.c.number, micros.c.category)
        .where(micros.c.collection_id == collection_id, micros.c.number >= start)
        .order_by(micros.c.number)
    )
    return [(row.number, row.category) for row in connection.execute(query)]


def tentative(connection: Connection, collection_id: int) -> list[int]:
    """Numbers of the micro-clusters whose category is only the best guess at arrival."""
    query = sa.select(micros.c.number).where(micros.c.collection_id == collection_id, micros.c.tentative.is_(True))
    return list(connection.execute(query).scalars())


def settle(connection: Connection, collection_id: int, numbers: Sequence[int]) -> None:
    """Take the tentative mark off micro-clusters."""
    if numbers:
        connection.execute(
            sa.update(micros)
            .where(micros.c.collection_id == sa.bindparam("of"), micros.c.number == sa.bindparam("which"))
            .values(tentative=False),
            [{"of": collection_id, "which": number} for number in numbers],
        )


def micros_of(connection: Connection, collection_id: int, category: int | None) -> list[int]:
    """Numbers of the micro-clusters of a category, or of Unsorted, that have images."""
    same = micros.c.category.is_(None) if category is None else micros.c.category == category
    query = sa.select(micros.c.number).where(micros.c.collection_id == collection_id, same, micros.c.images > 0)
    return list(connection.execute(query).scalars())


def create(connection: Connection, collection_id: int, numbers: Sequence[int]) -> None:
    """New categories."""
    if numbers:
        now = time.time()
        connection.execute(
            sa.insert(categories),
            [{"collection_id": collection_id, "number": number, "created_at": now} for number in numbers],
        )


def retire(connection: Connection, collection_id: int, numbers: Mapping[int, int | None]) -> None:
    """Retire categories (key); those merged lead to the winner (value)."""
    if not numbers:
        return
    connection.execute(
        sa.update(categories)
        .where(categories.c.collection_id == sa.bindparam("of"), categories.c.number == sa.bindparam("which"))
        .values(merged_into=sa.bindparam("to"), retired_at=sa.bindparam("now"), exemplars=sa.null()),
        [
            {"of": collection_id, "which": number, "to": winner, "now": time.time()}
            for number, winner in numbers.items()
        ],
    )


def describe(connection: Connection, collection_id: int, values: Mapping[int, Mapping[str, Any]]) -> None:
    """Set cohesion and exemplars of categories."""
    if values:
        connection.execute(
            sa.update(categories)
            .where(categories.c.collection_id == sa.bindparam("of"), categories.c.number == sa.bindparam("which"))
            .values(cohesion=sa.bindparam("mean"), exemplars=sa.bindparam("best")),
            [
                {"of": collection_id, "which": number, "mean": value["cohesion"], "best": value["exemplars"]}
                for number, value in values.items()
            ],
        )


def forget_exemplars(connection: Connection, collection_id: int, image_ids: AbstractSet[str]) -> None:
    """Take deleted images out of the exemplars of categories."""
    query = sa.select(categories.c.number, categories.c.exemplars).where(
        categories.c.collection_id == collection_id, categories.c.retired_at.is_(None)
    )
    for number, exemplars in connection.execute(query).all():
        if exemplars and not image_ids.isdisjoint(exemplars):
            connection.execute(
                sa.update(categories)
                .where(categories.c.collection_id == collection_id, categories.c.number == number)
                .values(exemplars=[image_id for image_id in exemplars if image_id not in image_ids])
            )


def emptied(connection: Connection, collection_id: int, numbers: Collection[int]) -> list[int]:
    """Those of the living categories that have no image left."""
    found = connection.execute(_sized(collection_id).where(categories.c.retired_at.is_(None))).all()
    return [row.number for row in found if row.number in numbers and not row.size]


def change(connection: Connection, collection_id: int, facts: Mapping[int, Mapping[str, Any]]) -> None:
    """Set columns of categories, by number."""
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}  # columns → rows that set just these
    for number, values in facts.items():
        if values:
            row = {"of": collection_id, "which": number, **{f"to_{name}": value for name, value in values.items()}}
            alike.setdefault(tuple(sorted(values)), []).append(row)
    for names, rows in alike.items():
        connection.execute(
            sa.update(categories)
            .where(categories.c.collection_id == sa.bindparam("of"), categories.c.number == sa.bindparam("which"))
            .values({name: sa.bindparam(f"to_{name}", type_=categories.c[name].type) for name in names}),
            rows,
        )


def facts(connection: Connection, collection_id: int, numbers: Collection[int]) -> dict[int, Record]:
    """Categories as stored, by number, retired ones included."""
    if not numbers:
        return {}
    query = sa.select(categories).where(
        categories.c.collection_id == collection_id, categories.c.number.in_(padded(numbers))
    )
    return {row.number: dict(row._mapping) for row in connection.execute(query)}


def labels_later(
    connection: Connection, collection_id: int, numbers: Collection[int]
) -> Callable[[], dict[int, str | None]]:
    """Labels of categories, by number; to be had as of ``later``."""
    rows = _LABELS.ask(connection, numbers, {"of": collection_id})
    return lambda: dict(rows())


def checked(connection: Connection, collection_id: int) -> dict[int, int]:
    """Living category → first row that came after a run last looked at it as a whole."""
    query = sa.select(categories.c.number, categories.c.checked_row).where(
        categories.c.collection_id == collection_id, categories.c.retired_at.is_(None)
    )
    return {row.number: row.checked_row for row in connection.execute(query)}


def set_checked(connection: Connection, collection_id: int, rows: Mapping[int, int]) -> None:
    """Note when categories were looked at."""
    if rows:
        connection.execute(
            sa.update(categories)
            .where(categories.c.collection_id == sa.bindparam("of"), categories.c.number == sa.bindparam("which"))
            .values(checked_row=sa.bindparam("row")),
            [{"of": collection_id, "which": number, "row": row} for number, row in rows.items()],
        )


def revive(connection: Connection, collection_id: int, numbers: Collection[int]) -> list[int]:
    """Bring those of the categories back that are retired; returns them."""
    query = sa.select(categories.c.number).where(
        categories.c.collection_id == collection_id, categories.c.retired_at.is_not(None)
    )
    found = sorted(set(connection.execute(query).scalars()) & set(numbers))  # nearly always none
    for number in found:
        connection.execute(
            sa.update(categories)
            .where(categories.c.collection_id == collection_id, categories.c.number == number)
            .values(retired_at=None, merged_into=None)
        )
    return found


def page(
    connection: Connection, collection_id: int, *, offset: int = 0, limit: int | None = None, group: int | None = None
) -> list[Record]:
    """Living categories with their number of images, largest first; those of a group."""
    query = _sized(collection_id).where(categories.c.retired_at.is_(None)).order_by(sa.desc("size"), "number")
    if group is not None:
        query = query.where(categories.c.group_number == group)
    return [dict(row._mapping) for row in connection.execute(query.offset(offset).limit(limit))]


def merged_at(connection: Connection, collection_id: int) -> dict[int, float]:
    """Category that others were merged into → when that happened last."""
    query = (
        sa.select(categories.c.merged_into, sa.func.max(categories.c.retired_at).label("at"))
        .where(categories.c.collection_id == collection_id, categories.c.merged_into.is_not(None))
        .group_by(categories.c.merged_into)
    )
    return {row.merged_into: row.at for row in connection.execute(query)}


def living(connection: Connection, collection_id: int) -> list[int]:
    """Numbers of the categories that are not retired."""
    query = sa.select(categories.c.number).where(
        categories.c.collection_id == collection_id, categories.c.retired_at.is_(None)
    )
    return list(connection.execute(query).scalars())


def find(connection: Connection, collection_id: int, number: int) -> Record | None:
    """A category by number, retired ones included."""
    row = connection.execute(_sized(collection_id, number).where(categories.c.number == number)).one_or_none()
    return None if row is None else dict(row._mapping)


def exemplars(connection: Connection, collection_id: int, number: int) -> list[str]:
    """Ids of the most typical images of a living category as of the last run; of any other none."""
    found = connection.execute(_EXEMPLARS, {"of": collection_id, "which": number}).scalar_one_or_none()
    return list(found or ())


def unsorted(connection: Connection, collection_id: int) -> int:
    """Number of images in no category."""
    query = sa.select(summed(micros.c.images)).where(
        micros.c.collection_id == collection_id, micros.c.category.is_(None)
    )
    return int(connection.execute(query).scalar_one())


def images_in_all(connection: Connection, collection_id: int) -> int:
    """Number of images, in categories or not."""
    query = sa.select(summed(micros.c.images)).where(micros.c.collection_id == collection_id)
    return int(connection.execute(query).scalar_one())


def counted(connection: Connection, collection_id: int) -> dict[int, int]:
    """Images per micro-cluster, counted from the images themselves; for checks."""
    query = (
        sa.select(images.c.micro, sa.func.count().label("n"))
        .where(images.c.collection_id == collection_id)
        .group_by(images.c.micro)
    )
    return {row.micro: row.n for row in connection.execute(query)}


def stated(connection: Connection, collection_id: int) -> dict[int, int]:
    """Images per micro-cluster as the micro-clusters themselves say, without empty ones; for checks."""
    query = sa.select(micros.c.number, micros.c.images).where(
        micros.c.collection_id == collection_id, micros.c.images != 0
    )
    return {row.number: row.images for row in connection.execute(query)}


def _sized(collection_id: int, number: int | None = None) -> sa.Select[Any]:
    """Categories with their sizes; of one alone nothing else needs to be counted."""
    wanted = micros.c.category.is_not(None) if number is None else micros.c.category == number
    sizes = (
        sa.select(micros.c.category, summed(micros.c.images).label("size"))
        .where(micros.c.collection_id == collection_id, wanted)
        .group_by(micros.c.category)
        .subquery()
    )
    return (
        sa.select(categories, sa.func.coalesce(sizes.c.size, 0).label("size"))
        .outerjoin(sizes, sizes.c.category == categories.c.number)
        .where(categories.c.collection_id == collection_id)
    )


# made once: building a statement takes longer than running it
_OPEN = sa.insert(micros)
_EXEMPLARS = sa.select(categories.c.exemplars).where(
    categories.c.collection_id == sa.bindparam("of"),
    categories.c.number == sa.bindparam("which"),
    categories.c.retired_at.is_(None),
)
_LABELS = Among(
    categories.c.number,
    lambda among: sa.select(categories.c.number, categories.c.label).where(
        categories.c.collection_id == sa.bindparam("of"), among
    ),
)
_COUNT = (
    sa.update(micros)
    .where(micros.c.collection_id == sa.bindparam("of"), micros.c.number == sa.bindparam("which"))
    .values(images=micros.c.images + sa.bindparam("by"))
)
