"""The way back: from a whole version, or from one event of it, as far as nobody changed the same since."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from sqlalchemy.engine import Connection

from categoriser.catalog import events, history, images, taxonomy
from categoriser.catalog.history import Constraint
from categoriser.catalog.tables import Record
from categoriser.engine import UNSORTED
from categoriser.errors import ConflictError, NotFoundError
from categoriser.maintenance.change import Change
from categoriser.maintenance.editing import Edited, Editing, head_row
from categoriser.maintenance.unwanted import renamed
from categoriser.state import EngineState

_OF_THEMSELVES = frozenset({"undo", "naming"})  # versions that are taken back only by their number
_OF_SEVERAL = frozenset({"run", "undo"})  # versions whose events are not all one decision
_MAKES = ("spawn", "split", "revive")

Stored: TypeAlias = Mapping[str, Any]  # from ``Change.as_json``
Wanted: TypeAlias = Callable[[int, int], bool]  # asked with the category before and after


class Undoer(Editing):
    """Takes back what changed one collection."""

    def undo_last(self) -> Edited:
        """Take back the last version that left anything to take back, but for names and undos.

        Raises:
            NotFoundError: there is no version.
            ConflictError: nothing is left of any.
        """
        with self._storage.states.writing(self._id) as state:
            started, before = self._begin(state, None), None
            while found := self._not_undone(before):
                for version in found:
                    done = self._back_with_version(state, version, started)
                    if done is not None:
                        return done
                before = found[-1]
            if before is None:
                raise NotFoundError(f"There is nothing to undo in collection {state.collection.name!r}.")
            raise _nothing_left("any run or correction")

    def undo(self, version: int) -> Edited:
        """Take a version back.

        What it moved goes where it was, as far as nobody moved it since. An undone run does not merge the same
        categories, nor split the same category, again.

        Raises:
            NotFoundError: there is no such version.
            ConflictError: it was undone already, later changes left nothing to take back, or it changed nothing.
        """
        with self._storage.states.writing(self._id) as state:
            done = self._back_with_version(state, version, self._begin(state, None))
            if done is None:
                raise _nothing_left(f"version {version}")
            return done

    def undo_event(self, cursor: int) -> Edited:
        """Take back what one event says: a category that a run made, split or merged, or the move of one image.

        Of a correction, which is one decision, the event that says so takes all of it back, and so do those about
        categories. An image that a run moved is kept where it was before by the same means as if a person had moved it.

        Raises:
            NotFoundError: there is no such event, or it was deleted with its image.
            ConflictError: it was undone already, later changes left nothing to take back, or it changed nothing.
        """
        with self._storage.states.writing(self._id) as state:
            started = self._begin(state, None)
            event, stored, head = self._event(state, cursor)
            if event["kind"] == "suggest":
                raise ConflictError(f"Event {cursor} is only a suggestion, which can be dismissed.")
            several = stored["kind"] in _OF_SEVERAL or len(stored["change"]["rows"]) > 1
            about_image = event["kind"] in {"attach", "move"} and (several or stored["change"]["micros"])
            if cursor == head or not (about_image or stored["kind"] in _OF_SEVERAL):
                done = self._whole(state, stored, started)
                if done is None:
                    raise _nothing_left(f"event {cursor}")
                return done
            if stored["undone_by"] is not None:
                raise _undone_already(stored)
            if about_image:
                change = self._back_with_image(state, stored, event)
            else:
                change = self._back_with_category(state, stored, event, head)
            detail = {"of": stored["version"], "event": cursor}
            done = self._done(state, change, "undo", started, category=event["category"], detail=detail)
            return replace(done, undone=stored["version"])

    def _event(self, state: EngineState, cursor: int) -> tuple[Record, Record, int]:
        """An event, the version that it is part of, and the cursor of that version's first event."""
        with self._storage.database.read() as connection:
            event = events.get(connection, self._id, cursor)
            last = events.last(connection, self._id)
            stored = history.of_event(connection, self._id, cursor)
            head = self._head(connection, stored)
        if event is None:
            gone = f"Event {cursor} was deleted with its image" if 0 < cursor <= last else f"There is no event {cursor}"
            raise NotFoundError(f"{gone} of collection {state.collection.name!r}.")
        if stored is None or cursor < head:  # what happens between versions
            why = {
                "attach": f"is the arrival of image {event['image_id']!r}; move that to another category, or delete it",
                "retire": "is the end of a category whose last image was deleted",
                "dismiss": "changed no category",
            }
            raise ConflictError(f"Event {cursor} cannot be undone: it {why.get(event['kind'], 'changed nothing')}.")
        if event["kind"].startswith("group-"):
            raise ConflictError(
                f"Event {cursor} tells what became of broad groups, which follow the categories; undo version "
                f"{stored['version']} instead."
            )
        return event, stored, head

    def _head(self, connection: Connection, stored: Record | None) -> int:
        """Cursor of the first event of a version, the one that says what it is."""
        found = stored and events.last_of(connection, self._id, stored["kind"], stored["last_cursor"])
        return found if isinstance(found, int) else 0

    def _not_undone(self, before: int | None) -> list[int]:
        with self._storage.database.read() as connection:
            return history.not_undone(connection, self._id, but=_OF_THEMSELVES, before=before)

    def _back_with_version(self, state: EngineState, version: int, started: float) -> Edited | None:
        with self._storage.database.read() as connection:
            stored = history.get(connection, self._id, version)
        if stored is None:
            raise NotFoundError(f"There is no version {version} of collection {state.collection.name!r}.")
        return self._whole(state, stored, started)

    def _whole(self, state: EngineState, stored: Record, started: float) -> Edited | None:
        """Take all of a version back; None where nothing of it is left."""
        version = stored["version"]
        if stored["undone_by"] is not None:
            raise _undone_already(stored)
        with self._storage.database.read() as connection:
            facts = taxonomy.facts(connection, self._id, {number for number, *_ in stored["change"]["facts"]})
            head = self._head(connection, stored)
        change = Change.inverse(stored["change"], state, facts)
        for number, pairs in change.facts.items():
            if "label" in pairs:
                now = facts[number]["naming"]
                back = pairs.get("naming", (now, now))[1]
                pairs["naming"] = (now, renamed(facts[number], pairs["label"][1], back))
        present = self._decided()
        change.removed = [one for one in change.removed if one in present]
        change.added = [one for one in change.added if one not in present]
        if not _is_left(change):
            return None
        if stored["kind"] in {"run", "accept"}:
            self._decide(change, self._lessons(stored, stored["change"]["micros"], head))
        return replace(self._done(state, change, "undo", started, undoes=version), undone=version)

    def _back_with_category(self, state: EngineState, stored: Record, event: Record, head: int) -> Change:
        """What made, ended or filled a category goes back to where it came from."""
        number, kind = event["category"], event["kind"]
        losers = set((event["detail"] or {}).get("losers", ()))
        wanted: Wanted
        if kind in _MAKES:
            wanted = lambda _, after: after == number  # noqa: E731
        elif kind == "merge":
            wanted = lambda before, after: before in losers and after == number  # noqa: E731
        else:
            wanted = lambda before, _: before == number  # noqa: E731
        part = _part(state, stored["change"], wanted)
        change = Change.inverse(part, state, {})
        if not change.micros and not change.images:
            raise _nothing_left(f"event {event['cursor']}")
        present = self._decided()
        for one in (Constraint(*some) for some in stored["change"]["removed"]):
            if losers & set(one[1:]):  # the run had it follow its category to the winner
                followed = Constraint(one.kind, *(number if which in losers else which for which in one[1:]))
                pair = sorted(followed[1:])
                followed = Constraint("apart", *pair) if one.kind == "apart" else followed
                change.removed += (
                    [followed] if list(followed) in stored["change"]["added"] and followed in present else []
                )
                change.added += [one] if one not in present else []
        if stored["kind"] == "run":
            self._decide(
                change, [one for one in self._lessons(stored, part["micros"], head) if one not in change.added]
            )
        return change

    def _back_with_image(self, state: EngineState, stored: Record, event: Record) -> Change:
        """One image goes back: by its own pointer where a person turned that, else into a micro-cluster of its own."""
        grouping, change = state.grouping, Change()
        came = (event["detail"] or {}).get("from")
        source = UNSORTED if came is None else came
        target = UNSORTED if event["category"] is None else event["category"]
        with self._storage.database.read() as connection:
            known = images.known(connection, self._id, [event["image_id"]]).get(event["image_id"])
        if known is None:
            raise _nothing_left(f"event {event['cursor']}")
        row = head_row(known)
        position = state.positions.at(row)
        if int(grouping.labels[position]) != target:
            raise _nothing_left(f"event {event['cursor']}")
        turned = next((pair for one, *pair in stored["change"]["rows"] if one == row), None)
        if (
            stored["kind"] != "run"
            and turned is not None
            and turned[1] == grouping.micro_of[position]
            and state.category_of(turned[0]) == source
        ):
            before, after = turned
            change.images[position] = (after, before)
            present = self._decided()
            alone = grouping.micros.counts[after] == 1
            change.removed = [
                one for one in present if alone and one.kind in {"pin", "reject"} and one.subject == after
            ]
            lost = [Constraint(*one) for one in stored["change"]["removed"] if one[0] in {"pin", "reject"}]
            self._decide(change, [one for one in lost if one.subject == before])
            return change
        self._release_pins(state, change, np.array([position], np.int64))
        micro = self._own_micro(state, change, position, source)
        change.added.append(Constraint("reject", micro, target) if came is None else Constraint("pin", micro))
        return change

    def _lessons(self, stored: Record, turned: list[tuple[int, int, int]], head: int) -> list[Constraint]:
        """What the undoing teaches: categories that were merged stay apart, those that were split stay whole."""
        with self._storage.database.read() as connection:
            after, some = (
                head - 1,
                events.page(connection, self._id, after=head - 1, kinds=("spawn", "split", "merge"), limit=100_000),
            )
        of_version = [one for one in some if after < one["cursor"] <= stored["last_cursor"]]
        made = {one["category"] for one in of_version if one["kind"] != "merge"}
        ended = {loser for one in of_version if one["kind"] == "merge" for loser in one["detail"]["losers"]}
        found: dict[Constraint, None] = {}
        guessed = set(stored["change"].get("guessed", ()))  # what was tentative speaks for no category
        for before, to in sorted({(before, to) for one, before, to in turned if before >= 0 and one not in guessed}):
            if to >= 0 and to not in made:
                found[Constraint("apart", min(before, to), max(before, to))] = None
            if before not in ended:
                found[Constraint("whole", before)] = None
        return list(found)


def _part(state: EngineState, change: Stored, wanted: Wanted) -> Stored:
    """The pointers of a change that lead from and to certain categories."""
    pointed = {micro: (before, after) for micro, before, after in change["micros"]}

    def category(micro: int, side: int) -> int:
        return pointed[micro][side] if micro in pointed else state.category_of(micro)

    empty: dict[str, list[Any]] = {"facts": [], "settings": [], "added": [], "removed": []}
    return {
        **empty,
        "micros": [one for one in change["micros"] if wanted(one[1], one[2])],
        "rows": [one for one in change["rows"] if wanted(category(one[1], 0), category(one[2], 1))],
    }


def _is_left(change: Change) -> bool:
    """Whether a way back leads anywhere; how strict a category is follows what was moved, and is nothing by itself."""
    facts = {
        number: {name: pair for name, pair in facts.items() if name != "strictness"}
        for number, facts in change.facts.items()
    }
    return replace(change, facts=facts).is_any


def _undone_already(stored: Record) -> ConflictError:
    return ConflictError(f"Version {stored['version']} was undone already, by version {stored['undone_by']}.")


def _nothing_left(what: str) -> ConflictError:
    return ConflictError(
        f"Nothing of {what} is left to take back: it changed nothing, was undone already, or what it changed was "
        "changed again since."
    )
