"""What the sources of names are told about the categories of a collection, and what is remembered about each."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from categoriser.catalog import images
from categoriser.catalog.collections import CollectionRow
from categoriser.catalog.tables import Record
from categoriser.domain import FloatVector
from categoriser.engine import UNSORTED
from categoriser.naming import Evidence, Picture, Survey
from categoriser.state import EngineState, Storage

SEEN: Final = 16  # images of a category that are compared with words, spread over its arrivals
_LOST: Final = 0.75  # of its images at naming; with fewer left a category counts as split

Pictures = Callable[[CollectionRow, Sequence[Record]], Sequence[Picture]]  # of stored images


def gathered(state: EngineState) -> dict[int, Evidence]:
    """All categories with images that weigh, still without names and pictures."""
    grouping, micros = state.grouping, state.grouping.micros
    weighing = np.flatnonzero(grouping.active)
    labels = grouping.labels[weighing]
    order = np.argsort(labels, kind="stable")
    numbers, starts = np.unique(labels[order], return_index=True)
    found = {}
    for number, members in zip(numbers.tolist(), np.split(weighing[order], starts[1:]), strict=bool(len(order))):
        if number != UNSORTED:
            seen = members[np.linspace(0, len(members) - 1, min(SEEN, len(members))).astype(np.int64)]
            own = np.flatnonzero((micros.categories == number) & (micros.counts > 0))
            total = micros.sums[own].sum(axis=0)
            found[number] = Evidence(number, len(members), _unit(total[None])[0], grouping.rows.matrix[seen].copy())
    return found


def labelled(one: Evidence, stored: Record) -> Evidence:
    """With its name, unless that is a provisional one, and with all its images counted."""
    return replace(one, size=stored["size"], label=None if is_provisional(stored) else stored["label"])


def with_pictures(
    storage: Storage,
    collection: CollectionRow,
    survey: Survey,
    stored: Mapping[int, Record],
    due: Collection[int],
    pictures: Pictures,
) -> Survey:
    """Exemplars of the categories to name and of their neighbours."""
    wanted = {survey.place(number) for number in due}
    wanted |= {other for place in list(wanted) for other in survey.neighbours(place)}
    ids = {place: list(stored[survey.evidence[place].number]["exemplars"] or ()) for place in wanted}
    with storage.database.read() as connection:
        rows = images.describe(connection, collection.id, [one for some in ids.values() for one in some])
    evidence = [
        replace(one, pictures=pictures(collection, [rows[i] for i in ids[place] if i in rows])) if place in ids else one
        for place, one in enumerate(survey.evidence)
    ]
    return Survey(evidence)


def is_provisional(stored: Record) -> bool:
    """Whether a category's name only says how it looks."""
    return stored["named_by"] == "machine" and bool((stored["naming"] or {}).get("provisional"))


def reshaped(one: Evidence, noted: Mapping[str, Any], merged: float) -> bool:
    """Whether it lost many of its images since it was named, or others were merged into it (``merged``: when)."""
    return bool(noted.get("size")) and (one.size < _LOST * noted["size"] or merged > noted.get("at", np.inf))


def drift(survey: Survey, place: int, noted: Mapping[str, Any]) -> float:
    """How far a category's middle has moved since it was named, over the distance to its nearest neighbour."""
    centroid = survey.evidence[place].centroid
    near = survey.neighbours(place)[:1]
    return moved(noted, centroid, float(survey.evidence[near[0]].centroid @ centroid) if near else -np.inf)


def moved(noted: Mapping[str, Any], centroid: FloatVector, nearest: float) -> float:
    """``drift`` of one category: ``centroid`` [d] is its middle now, ``nearest`` the cosine to the nearest other one.

    ``nearest`` is -inf where there is no other. 0 where nothing was noted, or with another encoder.
    """
    if not noted.get("centre"):
        return 0.0
    then = np.frombuffer(base64.b64decode(noted["centre"]), np.int8).astype(np.float32)
    if len(then) != len(centroid):
        return 0.0
    room = 1 - nearest if np.isfinite(nearest) else 0.5
    return (1 - float(_unit(then[None])[0] @ centroid)) / max(room, 1e-3)


def anchor(one: Evidence) -> dict[str, Any]:
    """What a category is now; its middle in a byte per number is exact to a few ten thousandths of a cosine."""
    scaled = np.round(127 * one.centroid / np.abs(one.centroid).max()).astype(np.int8)
    return {"size": one.size, "centre": base64.b64encode(scaled.tobytes()).decode(), "at": time.time()}


def _unit(rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    scaled: np.ndarray[Any, Any] = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return scaled.astype(np.float32)
