"""Categories keep their identity through anything: uploads, deletions, corrections, runs, undos and restarts."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from categoriser import ConflictError, Library, NotFoundError
from tests.whole import check, clusters

DIMENSION = 6
VECTORS = clusters(4000, DIMENSION, centres=9, seed=4, noise=0.5)


class Story(RuleBasedStateMachine):
    """Random lives of one small collection, with a model of what people decided."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="identity-"))
        self.library = Library.open(self.folder / "library", encoder=f"vectors:{DIMENSION}")
        self.collection = self.library.collection("a")
        self.sent = 0
        self.seen: set[str] = set()  # every category id ever met
        self.placed: dict[str, str] = {}  # image → category where a person put it
        self.refused: set[tuple[str, str]] = set()
        self.named: dict[str, str] = {}
        self.locked: set[str] = set()
        self.apart: set[frozenset[str]] = set()
        self.before_last: tuple[int, dict[str, str | None]] | None = None  # version, assignments before it
        self.history: dict[int, dict[str, str | None]] = {}
        self.groups_before: dict[str, str] = {}
        self.group_history: dict[int, dict[str, str]] = {}
        self.groups_seen: set[str] = set()

    def teardown(self) -> None:
        self.library.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- what happens --------------------------------------------------------------------------------------------

    @initialize()
    def begin(self) -> None:
        self.upload(60)

    @rule(number=st.integers(1, 40))
    def upload(self, number: int) -> None:
        ids = [f"v{i}" for i in range(self.sent, self.sent + number)]
        self.collection.add_vectors(ids, VECTORS[self.sent : self.sent + number])
        self.sent += number
        self.before_last = None
        self.after_change()

    @rule(pick=st.randoms(use_true_random=False))
    def delete(self, pick: object) -> None:
        present = list(self.collection.assignments())
        gone = pick.sample(present, min(3, len(present)))  # type: ignore[attr-defined]
        self.collection.delete(gone)
        for image_id in gone:
            self.placed.pop(image_id, None)
            self.refused = {pair for pair in self.refused if pair[0] != image_id}
        self.before_last = None
        for found in self.history.values():
            for image_id in gone:
                found.pop(image_id, None)

    @rule()
    def run(self) -> None:
        held = {one for one in self.locked if one in self.living()} | {
            one for one in self.named if one in self.living()
        }
        before = self.collection.assignments()
        guessed = {one.id for one in self.collection.images(limit=10_000) if one.tentative}
        self.remember()
        self.collection.run()
        after = self.collection.assignments()
        for image_id, category in before.items():
            if category in held:
                assert after[image_id] == category  # nothing leaves a locked or named category
            elif after[image_id] in held:
                assert category is None or image_id in guessed  # nothing that was settled elsewhere comes in
        self.after_change()

    @rule(pick=st.randoms(use_true_random=False))
    def some_of_a_plan(self, pick: object) -> None:
        before = self.collection.assignments()
        plan = self.collection.plan()
        assert self.collection.assignments() == before
        self.remember()
        chosen = [step.id for step in plan.steps if step.automatic and pick.random() < 0.5]  # type: ignore[attr-defined]
        self.collection.apply(plan, chosen)
        self.after_change()

    @rule(pick=st.randoms(use_true_random=False), fresh=st.booleans())
    def move(self, pick: object, fresh: bool) -> None:
        present, living = list(self.collection.assignments()), self.living()
        moved = pick.sample(present, min(2, len(present)))  # type: ignore[attr-defined]
        if not moved:
            return
        target = None if fresh or not living else pick.choice(living)  # type: ignore[attr-defined]
        self.remember()
        done = self.collection.move(moved, target)
        where = done.category if target is None else target
        assert where is not None
        for image_id in moved:
            assert self.collection.image(image_id).category == where
            self.placed[image_id] = where
            self.refused = {pair for pair in self.refused if pair[0] != image_id}
        self.follow()
        self.after_change()

    @rule(pick=st.randoms(use_true_random=False))
    def reject(self, pick: object) -> None:
        filed = [(one, category) for one, category in self.collection.assignments().items() if category is not None]
        if not filed:
            return
        image_id, category = pick.choice(filed)  # type: ignore[attr-defined]
        self.remember()
        self.collection.reject([image_id])
        assert self.collection.image(image_id).category is None
        self.placed.pop(image_id, None)
        self.refused.add((image_id, category))
        self.follow()
        self.after_change()

    @precondition(lambda self: len(self.living()) >= 2)
    @rule(pick=st.randoms(use_true_random=False))
    def merge(self, pick: object) -> None:
        winner, loser = pick.sample(self.living(), 2)  # type: ignore[attr-defined]
        self.remember()
        self.collection.merge(winner, [loser])
        assert self.collection.category(loser).id == winner
        self.placed = {one: winner if where == loser else where for one, where in self.placed.items()}
        # whoever merges what two that were kept apart have become has decided anew
        self.apart = {pair for pair in self.apart if loser not in pair and len(set(map(self.survivor, pair))) == 2}
        self.locked.discard(loser)
        self.locked.discard(winner)
        self.named.pop(loser, None)
        self.refused = {pair for pair in self.refused if pair[1] not in (winner, loser)}
        self.after_change()

    @precondition(lambda self: bool(self.living()))
    @rule(pick=st.randoms(use_true_random=False), text=st.sampled_from(["Boats", "My dog", "Été 2024"]))
    def rename(self, pick: object, text: str) -> None:
        chosen = pick.choice(self.living())  # type: ignore[attr-defined]
        self.remember()
        self.collection.rename(chosen, text)
        self.named[chosen] = text
        self.after_change()

    @precondition(lambda self: bool(self.living()))
    @rule(pick=st.randoms(use_true_random=False))
    def lock(self, pick: object) -> None:
        chosen = pick.choice(self.living())  # type: ignore[attr-defined]
        self.remember()
        self.collection.lock(chosen)
        self.locked.add(chosen)
        self.after_change()

    @precondition(lambda self: len(self.living()) >= 2)
    @rule(pick=st.randoms(use_true_random=False))
    def keep_apart(self, pick: object) -> None:
        pair = pick.sample(self.living(), 2)  # type: ignore[attr-defined]
        self.remember()
        self.collection.never_merge(*pair)
        self.apart.add(frozenset(pair))
        self.after_change()

    @precondition(lambda self: self.before_last is not None)
    @rule()
    def undo(self) -> None:
        assert self.before_last is not None
        version, before = self.before_last
        try:
            done = self.collection.undo(version)
        except ConflictError:  # a run that changed nothing
            assert self.collection.assignments() == before
            self.before_last = None
            return
        assert self.collection.assignments() == before
        assert self.groups() == self.groups_before
        with pytest.raises(ConflictError):
            self.collection.undo(version)
        self.before_last = None
        self.forget_decisions()
        self.history[done.version] = self.collection.assignments()

    @rule()
    def restart(self) -> None:
        before, labels, groups = self.collection.assignments(), self.labels(), self.groups()
        self.library.close()
        self.library = Library.open(self.folder / "library", encoder=f"vectors:{DIMENSION}")
        self.collection = self.library.collection("a")
        assert self.collection.assignments() == before
        assert self.labels() == labels
        assert self.groups() == groups

    # ---- what must always hold -----------------------------------------------------------------------------------

    @invariant()
    def whole(self) -> None:
        assigned = check(self.collection, self.folder, export=False)  # one place each, counts agree, events replay
        living = self.living()
        for category in self.seen - set(living):
            try:
                survivor = self.collection.category(category).id
            except NotFoundError:
                continue  # it ended with its last image
            assert survivor in living
        for image_id, category in self.placed.items():
            assert assigned[image_id] == category
        for image_id, category in self.refused:
            assert assigned[image_id] != category
        self.decisions_hold()
        for version, found in self.history.items():
            assert self.collection.as_of(version) == found
        for version, groups in self.group_history.items():
            assert self.collection.groups_as_of(version) == groups

    @invariant()
    def groups_last(self) -> None:
        """Each category is in exactly one group (checked in ``whole``), and a group's id leads somewhere or ended."""
        living = {group.id for group in self.collection.groups()}
        for group in self.groups_seen - living:
            try:
                assert self.collection.group(group).id in living
            except NotFoundError:
                continue
        self.groups_seen |= living

    def decisions_hold(self) -> None:
        labels = self.labels()
        for category, name in self.named.items():
            if category in labels:
                assert labels[category] == name
        for pair in self.apart:
            one, other = pair
            if one in labels and other not in labels:
                try:
                    assert self.collection.category(other).id != one
                except NotFoundError:
                    continue

    # ---- helpers -------------------------------------------------------------------------------------------------

    def survivor(self, category: str) -> str:
        try:
            return self.collection.category(category).id
        except NotFoundError:
            return category

    def living(self) -> list[str]:
        return sorted(one.id for one in self.collection.categories())

    def labels(self) -> dict[str, str]:
        return {one.id: one.label for one in self.collection.categories()}

    def groups(self) -> dict[str, str]:
        return {one.id: one.group for one in self.collection.categories()}

    def remember(self) -> None:
        self.groups_before = self.groups()
        self.before_last = (self.collection.row.taxonomy_version + 1, self.collection.assignments())

    def follow(self) -> None:
        """Where a category ended with the images that a person took out, its name and locks ended too."""
        living = set(self.living())
        self.named = {one: text for one, text in self.named.items() if one in living}
        self.locked &= living

    def after_change(self) -> None:
        fresh = set(self.living())
        self.seen |= fresh
        version = self.collection.row.taxonomy_version
        if self.before_last is not None and self.before_last[0] == version:
            self.history[version] = self.collection.assignments()
            self.group_history[version] = self.groups()
            if len(self.history) > 4:
                del self.history[min(self.history)], self.group_history[min(self.group_history)]
        else:
            self.before_last = None  # it was so already: there is no version to undo

    def forget_decisions(self) -> None:
        """After an undo the model only keeps what is still so; what must hold from then on is checked anew."""
        assigned, labels = self.collection.assignments(), self.labels()
        self.placed = {one: where for one, where in self.placed.items() if self.still_pinned(one, where, assigned)}
        self.refused = set()
        self.apart = set()
        stored = {one.id: one for one in self.collection.categories()}
        self.named = {one: labels[one] for one in labels if stored[one].named_by == "person"}
        self.locked = {one for one in labels if stored[one].locked}

    def still_pinned(self, image_id: str, where: str, assigned: dict[str, str | None]) -> bool:
        return assigned.get(image_id) == where and self.collection.why(image_id).decided_by == "person"


def _told(lives: int) -> settings:
    return settings(max_examples=lives, stateful_step_count=18, deadline=None, suppress_health_check=list(HealthCheck))


Story.TestCase.settings = _told(4)
TestStory = Story.TestCase


@pytest.mark.slow
def test_many_more_lives() -> None:
    run_state_machine_as_test(Story, settings=_told(40))
