"""Which images of a collection meet conditions, asked in SQL; every value is a bound parameter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from categoriser.catalog.in_lists import parts
from categoriser.catalog.metadata_filter import MetadataCondition, met
from categoriser.catalog.tables import Record, categories, images, micros

Orientation: TypeAlias = Literal["landscape", "portrait", "square"]


@dataclass(frozen=True, slots=True)
class ImageFilter:
    """Conditions that an image must all meet; None leaves a side open.

    Attributes:
        categories: numbers; the image is in one of them.
        unsorted: with ``categories``: or in none at all.
        added_from, added_before, taken_from, taken_before: seconds since the epoch, from inclusive, before exclusive.
        min_width, max_width, min_height, max_height: pixels, inclusive.
        orientation: by width and height; images without them meet none.
        formats: as decoded, such as JPEG.
        stacked: near-duplicates of another image only, or all but those.
        metadata: conditions on what was given with the image.
        below: only rows before this one, so that what comes later is not seen.
        rows: only these, at most some thousand.
    """

    categories: tuple[int, ...] | None = None
    unsorted: bool = False
    added_from: float | None = None
    added_before: float | None = None
    taken_from: float | None = None
    taken_before: float | None = None
    min_width: int | None = None
    max_width: int | None = None
    min_height: int | None = None
    max_height: int | None = None
    orientation: Orientation | None = None
    formats: tuple[str, ...] = ()
    stacked: bool | None = None
    metadata: tuple[MetadataCondition, ...] = ()
    below: int | None = None
    rows: tuple[int, ...] | None = None

    @property
    def open(self) -> bool:
        """Whether every image meets it, but perhaps for ``below``."""
        return all(
            getattr(self, name) == self.__dataclass_fields__[name].default
            for name in self.__dataclass_fields__
            if name != "below"
        )


def matching(connection: Connection, collection_id: int, wanted: ImageFilter) -> list[int]:
    """Rows of all images that meet the conditions, in order of arrival."""
    query = sa.select(images.c.row).select_from(_joined(wanted)).where(*conditions(connection, collection_id, wanted))
    return list(connection.execute(query.order_by(images.c.row)).scalars())


def passing(connection: Connection, collection_id: int, wanted: ImageFilter, rows: Sequence[int]) -> set[int]:
    """Those of ``rows`` whose images meet the conditions."""
    where = conditions(connection, collection_id, wanted)
    found: set[int] = set()
    for some in parts(rows):
        query = sa.select(images.c.row).select_from(_joined(wanted)).where(*where, images.c.row.in_(some))
        found.update(connection.execute(query).scalars())
    return found


def shown(connection: Connection, collection_id: int, rows: Iterable[int]) -> dict[int, Record]:
    """What a search result shows of those of the rows that exist: image id, category, label, name, source."""
    found: dict[int, Record] = {}
    for some in parts(list(rows)):
        given = {"of": collection_id, "which": some}
        found.update((row.row, dict(row._mapping)) for row in connection.execute(_SHOWN, given))
    return found


def rows_of(connection: Connection, collection_id: int, image_ids: Sequence[str]) -> dict[str, int]:
    """Image id → row of those of the ids that exist."""
    found: dict[str, int] = {}
    for some in parts(image_ids):
        given = {"of": collection_id, "which": some}
        found.update((row.image_id, row.row) for row in connection.execute(_ROWS, given))
    return found


def conditions(connection: Connection, collection_id: int, wanted: ImageFilter) -> list[sa.ColumnElement[bool]]:
    """The WHERE clauses of a query over ``images``, joined with ``micros`` where ``needs_categories`` says so."""
    column = images.c
    clauses: list[sa.ColumnElement[bool]] = [column.collection_id == collection_id]
    for value, least, before in (
        (column.added_at, wanted.added_from, wanted.added_before),
        (column.taken_at, wanted.taken_from, wanted.taken_before),
    ):
        clauses += [] if least is None else [value >= least]
        clauses += [] if before is None else [value < before]
    clauses += _sized(wanted)
    if wanted.formats:
        clauses.append(sa.func.upper(column.format).in_([one.upper() for one in wanted.formats]))
    if wanted.stacked is not None:
        clauses.append(column.head_row.is_not(None) if wanted.stacked else column.head_row.is_(None))
    if wanted.below is not None:
        clauses.append(column.row < wanted.below)
    if wanted.rows is not None:
        clauses.append(column.row.in_(wanted.rows))
    if needs_categories(wanted):
        inside: sa.ColumnElement[bool] = micros.c.category.in_(wanted.categories or ())
        clauses.append(sa.or_(inside, micros.c.category.is_(None)) if wanted.unsorted else inside)
    clauses += [met(connection.dialect.name, column.metadata, one) for one in wanted.metadata]
    return clauses


def _sized(wanted: ImageFilter) -> list[sa.ColumnElement[bool]]:
    width, height = images.c.width, images.c.height
    clauses: list[sa.ColumnElement[bool]] = []
    for side, smallest, largest in (
        (width, wanted.min_width, wanted.max_width),
        (height, wanted.min_height, wanted.max_height),
    ):
        clauses += [] if smallest is None else [side >= smallest]
        clauses += [] if largest is None else [side <= largest]
    match wanted.orientation:
        case "landscape":
            clauses.append(width > height)
        case "portrait":
            clauses.append(width < height)
        case "square":
            clauses.append(width == height)
    return clauses


def only(wanted: ImageFilter, rows: Sequence[int]) -> ImageFilter:
    """The same conditions for some rows."""
    return replace(wanted, rows=tuple(rows))


def needs_categories(wanted: ImageFilter) -> bool:
    """Whether the conditions are about categories."""
    return wanted.categories is not None or wanted.unsorted


def with_micros() -> sa.FromClause:
    """Images joined with their micro-clusters, which say the category."""
    same = sa.and_(micros.c.collection_id == images.c.collection_id, micros.c.number == images.c.micro)
    return images.join(micros, same)


def _joined(wanted: ImageFilter) -> sa.FromClause:
    return with_micros() if needs_categories(wanted) else images


_SHOWN: Final[sa.Select[Any]] = (
    sa.select(images.c.row, images.c.image_id, images.c.name, images.c.source, micros.c.category, categories.c.label)
    .select_from(
        with_micros().outerjoin(
            categories,
            sa.and_(categories.c.collection_id == images.c.collection_id, categories.c.number == micros.c.category),
        )
    )
    .where(images.c.collection_id == sa.bindparam("of"), images.c.row.in_(sa.bindparam("which", expanding=True)))
)
_ROWS: Final = sa.select(images.c.image_id, images.c.row).where(
    images.c.collection_id == sa.bindparam("of"), images.c.image_id.in_(sa.bindparam("which", expanding=True))
)
