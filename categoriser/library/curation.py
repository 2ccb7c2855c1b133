"""How a collection changes other than by arrivals: runs, plans, corrections, history and undo."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection as Several
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from sqlalchemy import Connection

from categoriser.catalog import collections, events, history, images, taxonomy
from categoriser.catalog.collections import CollectionRow
from categoriser.catalog.tables import Record
from categoriser.domain import Edit, Granularity, PlanStep, RunPlan, RunReport, Suggestion, Version, Why
from categoriser.engine import UNSORTED
from categoriser.errors import ConfigurationError, NotFoundError, OutdatedError
from categoriser.library.hierarchy import groups_as_of, memberships_of, planned_groups
from categoriser.maintenance import Plan, Step, apply, plan, run
from categoriser.maintenance.corrections import Editor
from categoriser.maintenance.editing import Edited, head_row
from categoriser.maintenance.suggesting import Advisor, Standing, standing
from categoriser.maintenance.telling import what_was
from categoriser.maintenance.undoing import Undoer
from categoriser.state import Storage

_EXAMPLES = 6
_PAGE = 5000


class Curation:
    """The part of a collection that changes categories. ``expected``: the version a person was looking at."""

    name: str

    def __init__(self, storage: Storage, collection_id: int) -> None:
        self._storage = storage
        self._id = collection_id
        self._editor = Editor(storage, collection_id)
        self._undoer = Undoer(storage, collection_id)
        self._advisor = Advisor(storage, collection_id)
        self._plan: Plan | None = None

    @property
    def row(self) -> CollectionRow:
        """The collection as stored now.

        Raises:
            NotFoundError: it was deleted.
        """
        with self._storage.database.read() as connection:
            return self._row(connection)

    # ---- runs ----------------------------------------------------------------------------------------------------

    def run(self) -> RunReport:
        """Run the job now: split, merge, spawn and refine categories."""
        report = run(self._storage, self._id)
        self._after_run()
        return report

    def plan(self) -> RunPlan:
        """What a run would change now, step by step, without changing anything."""
        self._plan = plan(self._storage, self._id)
        return self._shown(self._plan)

    def apply(self, made: RunPlan, steps: Several[str] | None = None) -> RunReport:
        """Apply a plan: its automatic steps, or those named by id, suggestions included.

        Raises:
            OutdatedError: categories were changed since it was made.
            NotFoundError: it has no such step, or not any more.
        """
        return self.apply_steps(made.version, steps)

    def apply_steps(self, version: int, steps: Several[str] | None = None) -> RunReport:
        """As ``apply``, by the plan's version: it is made again where another process made it."""
        if self._plan is None or self._plan.version != version:
            self._plan = plan(self._storage, self._id)
        if self._plan.version != version:
            raise OutdatedError("Categories were changed since this plan was made; make a new one.")
        unknown = set(steps or ()) - {step.id for step in self._plan.steps}
        if unknown:
            raise NotFoundError(f"The plan has no step {min(unknown)!r}.")
        report = apply(self._storage, self._id, self._plan, steps)
        self._after_run()
        return report

    # ---- suggestions ---------------------------------------------------------------------------------------------

    def suggestions(self, *, after: int = 0, limit: int = 100) -> list[Suggestion]:
        """What runs would change and may not, as they touch what a person named or locked or would move too much.

        Args:
            after: id of the suggestion before the page.
            limit: length of the page.
        """
        row = self.row
        with self._storage.database.read() as connection:
            found = standing(connection, self._id, after=after, limit=limit)
        return [_suggestion(row, one) for one in found]

    def accept(self, suggestion: int, *, expected: int | None = None) -> Edit:
        """Do what a suggestion says.

        Raises:
            NotFoundError: there is no such suggestion, or not any more.
            ConflictError: it does not hold any more.
        """
        return self._edit(self._advisor.accept(suggestion, expected=expected))

    def dismiss(self, suggestion: int) -> None:
        """Do not propose this any more, until what speaks for it has changed clearly: half of the images, say.

        Raises:
            NotFoundError: there is no such suggestion, or not any more.
            ConflictError: it was dismissed already.
        """
        self._advisor.dismiss(suggestion)

    # ---- corrections ---------------------------------------------------------------------------------------------

    def move(
        self, image_ids: Several[str], category: str | None, *, label: str | None = None, expected: int | None = None
    ) -> Edit:
        """Put images into a category, or into a new one for None; they never move by themselves again."""
        target = None if category is None else self._number(category)
        return self._edit(self._editor.move(image_ids, target, label=label, expected=expected))

    def reject(self, image_ids: Several[str], *, expected: int | None = None) -> Edit:
        """Say that images are not what their category is: they go to Unsorted and never come back there."""
        return self._edit(self._editor.reject(image_ids, expected=expected))

    def merge(self, winner: str, losers: Several[str], *, expected: int | None = None) -> Edit:
        """Make categories one; the ids of the losers lead to the winner for ever.

        Raises:
            ConfigurationError: it is one category and no other.
        """
        if not set(losers) - {winner}:
            raise ConfigurationError("A merge needs at least two different categories.")
        numbers = [self._number(category) for category in losers]
        return self._edit(self._editor.merge(self._number(winner), numbers, expected=expected))

    def split(
        self,
        category: str,
        image_ids: Several[str] | None = None,
        *,
        label: str | None = None,
        expected: int | None = None,
    ) -> Edit:
        """Take images out into a new category; without ids, the smaller of the two parts of ``split_preview``."""
        return self._edit(self._editor.split(self._number(category), image_ids, label=label, expected=expected))

    def split_preview(self, category: str) -> tuple[Sequence[str], Sequence[str]]:
        """The image ids of the two parts into which a category would be cut: what stays, and what leaves."""
        return self._editor.halves(self._number(category))

    def rename(self, category: str, label: str | None, *, expected: int | None = None) -> Edit:
        """Give a category a name that no machine overwrites; None takes it back."""
        return self._edit(self._editor.rename(self._number(category), label, expected=expected))

    def lock(self, category: str, locked: bool = True, *, expected: int | None = None) -> Edit:
        """Keep runs from splitting, merging or moving images out of a category."""
        return self._edit(self._editor.flag(self._number(category), "locked", locked, expected=expected))

    def hide(self, category: str, hidden: bool = True, *, expected: int | None = None) -> Edit:
        """Mark a category as not to be shown."""
        return self._edit(self._editor.flag(self._number(category), "hidden", hidden, expected=expected))

    def never_merge(self, one: str, other: str, *, expected: int | None = None) -> Edit:
        """Keep two categories apart for ever."""
        return self._edit(self._editor.never_merge(self._number(one), self._number(other), expected=expected))

    def set_granularity(self, value: Granularity, *, expected: int | None = None) -> Edit:
        """Turn the dial; ``plan`` shows what the next run would make of it."""
        return self._edit(self._editor.granularity(value, expected=expected))

    def undo(self, version: int | None = None, *, event: int | None = None) -> Edit:
        """Take back a run or a correction, by default the last that was not, or one event; an undo can be undone too.

        Repeated without a version it goes further back.

        Args:
            version: of the run or correction.
            event: cursor of an event: only what that says is taken back.

        Raises:
            NotFoundError: there is no such version or event, or nothing to take back.
            ConflictError: it was undone already, cannot be, or nothing of it is left to take back.
        """
        if event is not None:
            if version is not None:
                raise ConfigurationError("Undo a version or an event, not both.")
            done = self._edit(self._undoer.undo_event(event))
            return replace(done, what=f"only event {event}; {done.what}")
        return self._edit(self._undoer.undo_last() if version is None else self._undoer.undo(version))

    # ---- history -------------------------------------------------------------------------------------------------

    def versions(self, *, before: int | None = None, limit: int = 100) -> list[Version]:
        """Runs and corrections, the newest first."""
        with self._storage.database.read() as connection:
            page = history.page(connection, self._id, before=before, limit=limit)
        return [
            Version(one["version"], one["kind"], one["at"], one["seconds"], one["summary"], one["undone_by"])
            for one in page
        ]

    def as_of(self, version: int) -> dict[str, str | None]:
        """Image id → category id as it was right after a version; images deleted since are left out.

        Raises:
            NotFoundError: there is no such version.
        """
        row = self.row
        places: dict[str, int | None] = {}
        with self._storage.database.read() as connection:
            stored = history.get(connection, self._id, version)
            if stored is None:
                raise NotFoundError(f"There is no version {version} of collection {self.name!r}.")
            last, after = stored["last_cursor"], 0
            while page := events.page(connection, self._id, after=after, limit=_PAGE):
                for event in page:
                    if event["cursor"] <= last:
                        _replay(places, event)
                after = page[-1]["cursor"]
                if after >= last:
                    break
        return {image_id: row.category_id(number) for image_id, number in places.items()}

    def groups_as_of(self, version: int) -> dict[str, str]:
        """Category id → id of its broad group as it was right after a version.

        Raises:
            NotFoundError: there is no such version.
        """
        return groups_as_of(self._storage, self.row, version)

    def why(self, image_id: str) -> Why:
        """Why an image is where it is.

        Raises:
            NotFoundError: there is no such image.
        """
        row = self.row
        with self._storage.database.read() as connection:
            stored = images.describe(connection, self._id, [image_id]).get(image_id)
            if stored is None:
                raise NotFoundError(f"Collection {self.name!r} has no image {image_id!r}.")
            category = stored["category"]
            found = None if category is None else taxonomy.find(connection, self._id, category)
            exemplars = list((found or {}).get("exemplars") or ())
            best = images.known(connection, self._id, exemplars)
        with self._storage.states.writing(self._id) as state:
            grouping = state.grouping
            head, at = state.positions.at(head_row(stored)), state.positions.at
            near = grouping.lists.ids[head, : grouping.used]
            cosines = grouping.lists.cosines[head, : grouping.used][near >= 0].tolist()
            near = near[near >= 0]
            labels = grouping.labels[near].tolist()
            micro, rules = int(grouping.micro_of[head]), grouping.rules
            pinned = micro in rules.pinned
            rejected = [str(row.category_id(number)) for one, number in sorted(rules.rejected) if one == micro]
            vector = grouping.rows.matrix[at(stored["row"])]
            alike = {
                one: float(grouping.rows.matrix[at(best[one]["row"])] @ vector) for one in exemplars if one in best
            }
            between = memberships_of(self._storage, row, state, int(stored["row"]))
            rows = state.positions.rows[near].tolist()
        with self._storage.database.read() as connection:
            ids = images.places(connection, self._id, rows)
        votes = Counter(label for label in labels if label != UNSORTED)
        shares = {str(row.category_id(number)): count / votes.total() for number, count in votes.most_common()}
        others = [name for name in shares if name != row.category_id(category)]
        own = shares.get(str(row.category_id(category)), 0.0)
        by = (
            "person"
            if pinned or (category is None and rejected)
            else "duplicate"
            if stored["head_row"] is not None
            else "neighbours"
        )
        return Why(
            image_id=image_id,
            category=row.category_id(category),
            decided_by="nothing" if category is None and by != "person" else by,
            shares=shares,
            runner_up=others[0] if others else None,
            margin=own - (shares[others[0]] if others else 0.0),
            neighbours=[(ids[one][0], cos) for one, cos in zip(rows, cosines, strict=True) if one in ids],
            exemplars=sorted(alike.items(), key=lambda item: -item[1]),
            encoder=row.encoder_id,
            stacked_on=stored["head_id"],
            memberships=between,
            rejected=rejected,
            tentative=stored["tentative"],
        )

    def _after_run(self) -> None:
        """What follows every run."""

    # ---- helpers of the above ------------------------------------------------------------------------------------

    def _row(self, connection: Connection) -> CollectionRow:
        row = collections.get(connection, self._id)
        if row is None:
            raise NotFoundError(f"Collection {self.name!r} was deleted.")
        return row

    def _category_now(self, category: str) -> tuple[CollectionRow, Record]:
        """The collection and a living category of it; an id that was merged away leads to its survivor."""
        with self._storage.database.read() as connection:
            row = self._row(connection)
            number = row.category_number(category)
            found = None if number is None else taxonomy.find(connection, self._id, number)
            while found is not None and found["merged_into"] is not None:
                found = taxonomy.find(connection, self._id, found["merged_into"])
        if found is None or found["retired_at"] is not None:
            raise NotFoundError(f"Collection {self.name!r} has no category {category!r}.")
        return row, found

    def _number(self, category: str) -> int:
        return int(self._category_now(category)[1]["number"])

    def _edit(self, done: Edited) -> Edit:
        return Edit(
            version=done.version,
            moved=done.moved,
            category=self.row.category_id(done.created),
            alike=done.alike,
            changed=done.changed,
            undone=done.undone,
            what=None if done.undone is None else what_was(self._storage, self._id, done.undone),
        )

    def _shown(self, made: Plan) -> RunPlan:
        row = self.row
        with self._storage.states.writing(self._id) as state:
            grouping = state.grouping
            micro_of = grouping.micro_of
            examples = {
                step.id: [
                    *step.moves,
                    *state.positions.rows[np.flatnonzero(np.isin(micro_of, step.micros))[:_EXAMPLES]].tolist(),
                ][:_EXAMPLES]
                for step in made.steps
            }
        with self._storage.database.read() as connection:
            ids = images.places(connection, self._id, [one for some in examples.values() for one in some])
        steps = [_step(row, step, [ids[one][0] for one in examples[step.id] if one in ids]) for step in made.steps]
        churn = sum(step.churn for step in made.automatic) / max(1, made.images)
        return RunPlan(made.version, made.images, churn, steps, planned_groups(self._storage, row, made))


def _step(row: CollectionRow, step: Step, examples: Sequence[str]) -> PlanStep:
    return PlanStep(
        id=step.id,
        kind=step.kind,
        source=row.category_id(step.source),
        target=row.category_id(step.target),
        images=step.images,
        examples=examples,
        automatic=step.reason is None,
        reason=step.reason,
    )


def _suggestion(row: CollectionRow, one: Standing) -> Suggestion:
    stored = one.stored
    return Suggestion(
        id=stored["number"],
        kind=stored["kind"],
        source=str(row.category_id(stored["source"])),
        target=row.category_id(stored["target"]),
        images=one.images,
        examples=one.examples,
        reason=stored["reason"],
        version=stored["version"],
        found_at=stored["found_at"],
    )


def _replay(places: dict[str, int | None], event: Mapping[str, object]) -> None:
    """Bring a taxonomy up to one more event."""
    if event["kind"] in {"attach", "move"}:
        places[str(event["image_id"])] = event["category"]  # type: ignore[assignment]
    elif event["kind"] == "merge":
        losers = set(event["detail"]["losers"])  # type: ignore[index]
        for image_id, place in places.items():
            if place in losers:
                places[image_id] = event["category"]  # type: ignore[assignment]
