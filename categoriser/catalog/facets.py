"""How many images there are of each kind, counted by SQL."""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from categoriser.catalog.filtering import ImageFilter, conditions, needs_categories, with_micros
from categoriser.catalog.tables import categories, images, micros

Facet: TypeAlias = Literal["category", "group", "month", "taken", "format"]
COUNTED: Final[tuple[Facet, ...]] = ("category", "group", "month", "taken", "format")


def counts(connection: Connection, collection_id: int, wanted: ImageFilter, by: Facet) -> dict[Any, int]:
    """Value → number of images that meet the conditions; None where an image has no such value.

    Values are numbers of categories and groups, months of adding or of taking as YYYY-MM (UTC), and formats.
    """
    value, source = _value(connection.dialect.name, by)
    if needs_categories(wanted) and by not in {"category", "group"}:
        source = with_micros()
    query = (
        sa.select(value.label("value"), sa.func.count().label("count"))
        .select_from(source)
        .where(*conditions(connection, collection_id, wanted))
        .group_by("value")
    )
    return {row.value: int(row[1]) for row in connection.execute(query)}


def _value(dialect: str, by: Facet) -> tuple[sa.ColumnElement[Any], sa.FromClause]:
    match by:
        case "category":
            return micros.c.category, with_micros()
        case "group":
            same = sa.and_(
                categories.c.collection_id == micros.c.collection_id, categories.c.number == micros.c.category
            )
            return categories.c.group_number, with_micros().outerjoin(categories, same)
        case "month":
            return _month(dialect, images.c.added_at), images
        case "taken":
            return _month(dialect, images.c.taken_at), images
        case "format":
            return images.c.format, images


def _month(dialect: str, seconds: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    if dialect == "sqlite":
        return sa.func.strftime("%Y-%m", seconds, "unixepoch")
    utc = sa.func.timezone("UTC", sa.func.to_timestamp(seconds))
    return sa.func.to_char(utc, "YYYY-MM")
