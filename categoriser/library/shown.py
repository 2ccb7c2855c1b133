"""Rows of the catalog as callers see them: ids for numbers, and nothing that is internal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from categoriser.catalog.collections import CollectionRow
from categoriser.domain import (
    EVENT_KINDS,
    Category,
    Event,
    Image,
)
from categoriser.errors import ConfigurationError
from categoriser.library.searching import label_of
from categoriser.maintenance.evidence import is_provisional


def category_from(row: CollectionRow, stored: Mapping[str, Any]) -> Category:
    """A category, from its row of the taxonomy."""
    number = int(stored["number"])
    return Category(
        id=str(row.category_id(number)),
        number=number,
        label=str(label_of(number, stored["label"])),
        size=int(stored["size"]),
        cohesion=stored["cohesion"],
        created_at=stored["created_at"],
        exemplars=stored["exemplars"] or (),
        named_by=stored["named_by"],
        locked=bool(stored["locked"]),
        hidden=bool(stored["hidden"]),
        group=row.group_id(stored["group_number"]),
        provisional=is_provisional(stored),
    )


def image_from(row: CollectionRow, stored: Mapping[str, Any]) -> Image:
    """An image, from its row with its category."""
    return Image(
        id=stored["image_id"],
        category=row.category_id(stored["category"]),
        label=label_of(stored["category"], stored["label"]),
        added_at=stored["added_at"],
        name=stored["name"],
        source=stored["source"],
        width=stored["width"],
        height=stored["height"],
        sha256=stored["sha256"],
        stacked_on=stored["head_id"],
        metadata=stored["metadata"] or {},
        tentative=stored["tentative"],
    )


def event_kinds(types: Iterable[str]) -> set[str]:
    """Which events are wanted.

    Raises:
        ConfigurationError: there is no such kind.
    """
    wanted = {types} if isinstance(types, str) else set(types)
    unknown = sorted(wanted - set(EVENT_KINDS))
    if unknown:
        raise ConfigurationError(f"{unknown[0]!r} is no kind of event; there are {', '.join(EVENT_KINDS)}.")
    return wanted


def event_from(row: CollectionRow, stored: Mapping[str, Any]) -> Event:
    """An event of the log, with ids for the numbers in its detail."""
    detail = dict(stored["detail"] or {})
    for name in ("parent", "from"):
        if name in detail:
            detail[name] = row.category_id(detail[name])
    if "losers" in detail:
        detail["losers"] = [row.category_id(number) for number in detail["losers"]]
    if "group" in detail:
        detail["group"] = row.group_id(detail["group"])
    if "categories" in detail:
        detail["categories"] = [row.category_id(number) for number in detail["categories"]]
    if "ended" in detail:
        detail["ended"] = [row.group_id(number) for number in detail["ended"]]
    if stored["image_id"] is not None:
        detail["image_id"] = stored["image_id"]
    detail["category"] = row.category_id(stored["category"])
    return Event(cursor=stored["cursor"], kind=stored["kind"], at=stored["at"], detail=detail)
