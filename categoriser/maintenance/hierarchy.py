"""Which broad group every category is in, after any change: each in exactly one, and no group without a category."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy.engine import Connection

from categoriser.catalog import groups
from categoriser.domain import IntVector
from categoriser.engine import UNSORTED, Calibration
from categoriser.engine.hierarchy import between, broad_groups
from categoriser.state import EngineState


def regrouped(
    state: EngineState,
    micros: Mapping[int, tuple[int, int]],
    images: Mapping[int, tuple[int, int]],
    calibration: Calibration,
) -> dict[int, int]:
    """The group that every category would be in after a change of pointers; nothing is changed.

    Args:
        state: of the collection, before the change.
        micros: micro-cluster → category before and after.
        images: position of an image → micro-cluster before and after.
        calibration: of the run.
    """
    grouping = state.grouping
    categories = grouping.micros.categories.copy()
    categories[list(micros)] = [after for _, after in micros.values()]
    found = between(grouping, categories, {position: micro for position, (_, micro) in images.items()})
    return broad_groups(found, calibration, grouping.parameters, state.groups, state.collection.next_group)


def place(
    connection: Connection,
    state: EngineState,
    wanted: Mapping[int, int],
    before: IntVector,
    after: IntVector,
    created: Sequence[int],
) -> tuple[int, list[Mapping[str, Any]]]:
    """Put categories into groups, and let groups begin, come back and end with them.

    Args:
        connection: of the transaction, in which categories were created, retired and revived already.
        state: of the collection; its ``groups`` are still those from before.
        wanted: category → group.
        before: category of each image before.
        after: and now.
        created: categories that are new. Without a group in ``wanted`` one joins that of the category where most of its
            images were, or is one of its own.

    Returns:
        The first number free for new groups, and what to tell in the log.
    """
    collection, old = state.collection, state.groups
    following = max([collection.next_group, *(group + 1 for group in wanted.values())])
    now = {**old, **wanted}
    for number in created:
        if number not in wanted:
            came = before[(after == number) & (before >= 0)]
            parent = int(np.bincount(came).argmax()) if len(came) else UNSORTED
            if parent in now:
                now[number] = now[parent]
            else:
                now[number], following = following, following + 1
    groups.assign(
        connection, collection.id, {number: group for number, group in now.items() if old.get(number) != group}
    )
    settled = groups.settle(connection, collection.id)
    went = _successors(settled.ended, old, now, before, after)
    groups.lead(connection, collection.id, went)
    return following, _told(settled, went, old, now, before, after)


def _successors(
    ended: Sequence[int], old: Mapping[int, int], now: Mapping[int, int], before: IntVector, after: IntVector
) -> dict[int, int]:
    """Where ended groups lead: to where most of their images are now."""
    found = {}
    for group in ended:
        members = [category for category, own in old.items() if own == group]
        went = after[np.isin(before, members)]
        images = np.bincount(went[went >= 0]).tolist()
        weights: dict[int, int] = {}
        for category, number in enumerate(images):
            if number:
                weights[now[category]] = weights.get(now[category], 0) + number
        if weights:
            found[group] = max(weights, key=lambda one: weights[one])
    return found


def _told(
    settled: groups.Settled,
    went: Mapping[int, int],
    old: Mapping[int, int],
    now: Mapping[int, int],
    before: IntVector,
    after: IntVector,
) -> list[Mapping[str, Any]]:
    """Each category that came to a group once, so that the log alone tells which is where."""
    lived = set(np.unique(before).tolist())
    came: dict[int, list[int]] = {}
    for category in np.unique(after[after >= 0]).tolist():
        if category not in lived or old.get(category) != now[category]:
            came.setdefault(now[category], []).append(category)
    entries: list[Mapping[str, Any]] = []
    for group, members in sorted(came.items()):
        kind = "spawn" if group in settled.created else "revive" if group in settled.revived else "join"
        entries.append({"kind": f"group-{kind}", "detail": {"group": group, "categories": members}})
    merged: dict[int, list[int]] = {}
    for group in settled.ended:
        if group in went:
            merged.setdefault(went[group], []).append(group)
        else:
            entries.append({"kind": "group-end", "detail": {"group": group}})
    entries += [{"kind": "group-merge", "detail": {"group": one, "ended": some}} for one, some in merged.items()]
    return entries
