"""The level above categories, and the categories an image is between."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from categoriser.catalog import groups, history, taxonomy
from categoriser.catalog.collections import CollectionRow
from categoriser.domain import Group, Membership, PlannedGroup
from categoriser.engine import NOBODY, UNSORTED
from categoriser.engine.memberships import memberships
from categoriser.errors import NotFoundError
from categoriser.library.searching import label_of
from categoriser.maintenance import Plan
from categoriser.maintenance.evidence import is_provisional
from categoriser.naming.broader import Child
from categoriser.state import EngineState, Storage

Labels: TypeAlias = Callable[[Mapping[int, Sequence[Child]]], Mapping[int, str]]  # group → categories, to its label


def all_groups(storage: Storage, row: CollectionRow, labels: Labels) -> list[Group]:
    """Groups, largest first, each labelled from the names that its categories have now."""
    with storage.database.read() as connection:
        created = groups.living(connection, row.id)
        categories = taxonomy.page(connection, row.id)
    members: dict[int, list[Mapping[str, Any]]] = {number: [] for number in created}
    for one in categories:
        members[one["group_number"]].append(one)
    called = labels({number: _children(some) for number, some in members.items() if some})
    found = [
        Group(
            id=row.group_id(number),
            label=called[number],
            size=sum(int(one["size"]) for one in some),
            categories=[str(row.category_id(one["number"])) for one in some],
            created_at=created[number],
        )
        for number, some in members.items()
        if some  # one that a run ends right now may still be listed
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
    position = state.positions.at(image_row)
    found = [] if position == NOBODY else memberships(state.grouping, position)
    with storage.database.read() as connection:
        known = taxonomy.facts(connection, row.id, [number for number, _ in found])
    own = UNSORTED if position == NOBODY else state.grouping.label(position)
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


def _children(members: Sequence[Mapping[str, Any]]) -> list[Child]:
    """The oldest first, so that a label changes only as they do."""
    return [
        Child(str(label_of(one["number"], one["label"])), meant=bool(one["label"]) and not is_provisional(one))
        for one in sorted(members, key=lambda stored: int(stored["number"]))
    ]


def _members(groups_of: Mapping[int, int]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for category, group in sorted(groups_of.items()):
        found.setdefault(group, []).append(category)
    return found
