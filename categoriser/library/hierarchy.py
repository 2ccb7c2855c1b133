"""The level above categories, and the categories an image is between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from categoriser.catalog import groups, history, taxonomy
from categoriser.catalog.collections import CollectionRow
from categoriser.domain import Group, Membership, PlannedGroup
from categoriser.engine.memberships import memberships
from categoriser.errors import NotFoundError
from categoriser.library.searching import label_of
from categoriser.maintenance import Plan
from categoriser.state import EngineState, Storage


def all_groups(storage: Storage, row: CollectionRow) -> list[Group]:
    """Groups, largest first."""
    with storage.database.read() as connection:
        created = groups.living(connection, row.id)
        categories = taxonomy.page(connection, row.id)
    members: dict[int, list[Mapping[str, Any]]] = {number: [] for number in created}
    for one in categories:
        members[one["group_number"]].append(one)
    found = [
        Group(
            id=row.group_id(number),
            label=_label(some),
            size=sum(int(one["size"]) for one in some),
            categories=[str(row.category_id(one["number"])) for one in some],
            created_at=created[number],
        )
        for number, some in members.items()
    ]
    return sorted(found, key=lambda one: -one.size)  # of equals the oldest first


def group_now(storage: Storage, row: CollectionRow, group: str) -> int:
    """Number of a living group; an id that was merged away leads to its survivor.

    Raises:
        NotFoundError: there never was such a group, or it ended with its last category.
    """
    with storage.database.read() as connection:
        number = row.group_number(group)
        found = None if number is None else groups.find(connection, row.id, number)
        while found is not None and found["merged_into"] is not None:
            found = groups.find(connection, row.id, found["merged_into"])
    if found is None or found["retired_at"] is not None:
        raise NotFoundError(f"Collection {row.name!r} has no group {group!r}.")
    return int(found["number"])


def groups_as_of(storage: Storage, row: CollectionRow, version: int) -> dict[str, str]:
    """Category id → group id right after a version.

    Raises:
        NotFoundError: there is no such version.
    """
    with storage.database.read() as connection:
        stored = history.get(connection, row.id, version)
        if stored is None:
            raise NotFoundError(f"There is no version {version} of collection {row.name!r}.")
        found = groups.as_of(connection, row.id, stored["last_cursor"])
    return {str(row.category_id(category)): row.group_id(group) for category, group in found.items()}


def planned_groups(storage: Storage, row: CollectionRow, made: Plan) -> list[PlannedGroup]:
    """The groups that the automatic steps of a plan would change."""
    with storage.database.read() as connection:
        present = {one["number"]: one["group_number"] for one in taxonomy.page(connection, row.id)}
    before, after = _members(present), _members(made.groups)
    return [
        PlannedGroup(
            group=row.group_id(number),
            kind="spawn" if number not in before else "end" if number not in after else "change",
            categories=[str(row.category_id(one)) for one in after.get(number, ())],
        )
        for number in sorted({*before, *after})
        if before.get(number) != after.get(number)
    ]


def memberships_of(storage: Storage, row: CollectionRow, state: EngineState, image_row: int) -> list[Membership]:
    """The categories of an image, its own first."""
    found = memberships(state.grouping, image_row)
    with storage.database.read() as connection:
        known = taxonomy.facts(connection, row.id, [number for number, _ in found])
    own = state.grouping.label(image_row)
    return [
        Membership(
            category=str(row.category_id(number)),
            label=str(label_of(number, known[number]["label"])),
            score=score,
            main=number == own,
        )
        for number, score in found
        if number in known  # one that a run makes right now is not there for readers yet
    ]


def _label(members: Sequence[Mapping[str, Any]]) -> str:
    """Made of the labels of its categories, the oldest first, so that it changes only as they do.

    Labels may hold commas and "&": then, and where there are more than two, " · " stands between them.
    """
    labels = [
        str(label_of(one["number"], one["label"])) for one in sorted(members, key=lambda stored: int(stored["number"]))
    ]
    plain = not any(mark in label for label in labels for mark in ",&")
    if len(labels) < 3:
        return (" & " if plain else " · ").join(labels)
    return f"{labels[0]} · {labels[1]} · {len(labels) - 2} more"


def _members(groups_of: Mapping[int, int]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for category, group in sorted(groups_of.items()):
        found.setdefault(group, []).append(category)
    return found
