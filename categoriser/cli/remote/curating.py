"""Corrections, plans and suggestions of a collection of a service."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from categoriser.api.models.curation import EditDone
from categoriser.cli.remote.values import as_plain, some
from categoriser.client import RemoteCollection
from categoriser.domain import Edit, Granularity, RunPlan, RunReport, Suggestion, Version, Why
from categoriser.errors import ConfigurationError


class RemoteCuration:
    """The part of ``Remote`` that changes categories."""

    def __init__(self, collection: RemoteCollection) -> None:
        self._collection = collection
        self.name = collection.name

    def run(self) -> RunReport:
        return as_plain(RunReport, self._collection.run())

    def plan(self) -> RunPlan:
        return as_plain(RunPlan, self._collection.plan())

    def apply(self, made: RunPlan, steps: Iterable[str] | None = None) -> RunReport:
        told = self._collection.apply(made.version, None if steps is None else list(steps))
        return as_plain(RunReport, told)

    def suggestions(self, *, after: int = 0, limit: int = 100) -> Sequence[Suggestion]:
        wanted = (one for one in self._collection.suggestions() if one.id > after)
        return [as_plain(Suggestion, one) for one in some(wanted, limit)]

    def accept(self, suggestion: int) -> Edit:
        return _edit(self._collection.accept(suggestion))

    def dismiss(self, suggestion: int) -> None:
        self._collection.dismiss(suggestion)

    def move(self, image_ids: Iterable[str], category: str | None, *, label: str | None = None) -> Edit:
        return _edit(self._collection.move(list(image_ids), category, label=label))

    def reject(self, image_ids: Iterable[str]) -> Edit:
        return _edit(self._collection.reject(list(image_ids)))

    def merge(self, winner: str, losers: Iterable[str]) -> Edit:
        return _edit(self._collection.merge(winner, list(losers)))

    def split(self, category: str, image_ids: Iterable[str] | None = None, *, label: str | None = None) -> Edit:
        ids = None if image_ids is None else list(image_ids)
        return _edit(self._collection.split(category, ids, label=label))

    def split_preview(self, category: str) -> tuple[Sequence[str], Sequence[str]]:
        halves = self._collection.split_preview(category)
        return halves.stays, halves.leaves

    def rename(self, category: str, label: str | None) -> Edit:
        return _edit(self._collection.rename(category, label))

    def lock(self, category: str, locked: bool = True) -> Edit:
        return _edit(self._collection.lock(category, locked))

    def hide(self, category: str, hidden: bool = True) -> Edit:
        return _edit(self._collection.hide(category, hidden))

    def never_merge(self, one: str, other: str) -> Edit:
        return _edit(self._collection.never_merge(one, other))

    def set_granularity(self, value: Granularity) -> Edit:
        return _edit(self._collection.set_granularity(value))

    def undo(self, version: int | None = None, *, event: int | None = None) -> Edit:
        if event is not None and version is not None:
            raise ConfigurationError("Undo a version or an event, not both.")
        if event is not None:
            return _edit(self._collection.undo_event(event))
        return _edit(self._collection.undo_last() if version is None else self._collection.undo(version))

    def versions(self, *, before: int | None = None, limit: int = 100) -> Sequence[Version]:
        wanted = (one for one in self._collection.versions() if before is None or one.version < before)
        return [as_plain(Version, one) for one in some(wanted, limit)]

    def why(self, image_id: str) -> Why:
        return as_plain(Why, self._collection.why(image_id))


def _edit(done: EditDone) -> Edit:
    return as_plain(Edit, done)
