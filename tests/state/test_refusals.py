"""An edit that is refused before it changes anything costs no reload; anything else is read anew from the catalog."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from categoriser import CategoriserError, Collection, Library
from categoriser.catalog import history, images
from categoriser.errors import LeaseLostError, RejectedError
from categoriser.maintenance import run
from categoriser.state import EngineState
from tests.library.test_decisions import sorted_collection
from tests.whole import check


@pytest.fixture
def collection(tmp_path: Path) -> Iterator[Collection]:
    library, found = sorted_collection(tmp_path)
    with library:
        yield found


def loaded(collection: Collection) -> EngineState:
    with collection._storage.states.writing(collection.row.id) as state:
        return state


def content(state: EngineState) -> dict[str, Any]:
    """All that decides what comes next."""
    grouping = state.grouping
    micros = grouping.micros
    return {
        "rows": [grouping.length, grouping.weighing, grouping.next_category],
        "arrays": [
            one.copy()
            for one in (
                grouping.micro_of,
                grouping.head_of,
                micros.sums[np.arange(micros.length)],
                micros.counts,
                micros.categories,
                micros.norms,
                grouping.lists.ids[: grouping.length],
                grouping.lists.cosines[: grouping.length],
                grouping.rows.matrix,
            )
        ],
        "rest": [list(state.hashes), state.collection, state.images_at_run, dict(grouping.checked), grouping.rules],
    }


def alike(one: dict[str, Any], other: dict[str, Any]) -> bool:
    arrays = zip(one["arrays"], other["arrays"], strict=True)
    return one["rows"] == other["rows"] and one["rest"] == other["rest"] and all(np.array_equal(*two) for two in arrays)


def first(collection: Collection) -> str:
    return collection.categories()[0].id


Deed = Callable[[Collection], object]

REFUSED: dict[str, Deed] = {
    "an outdated view": lambda one: one.lock(first(one), expected=0),
    "an outdated move": lambda one: one.move(["v1"], None, expected=0),
    "an outdated plan": lambda one: one.apply_steps(0),
    "an unknown image": lambda one: one.move(["nobody"], first(one)),
    "a merge with itself": lambda one: one.merge(first(one), [first(one)]),
    "a split of everything": lambda one: one.split(
        first(one), [i.id for i in one.images(category=first(one), limit=999)]
    ),
    "an empty name": lambda one: one.rename(first(one), "  "),
    "apart from itself": lambda one: one.never_merge(first(one), first(one)),
    "an unknown version": lambda one: one.undo(999),
    "an unknown event": lambda one: one.undo(event=10**6),
    "an arrival undone": lambda one: one.undo(event=1),
    "an unknown suggestion": lambda one: one.accept(999),
}


@pytest.mark.parametrize("refused", REFUSED)
def test_a_refusal_keeps_the_state_exactly(refused: str, collection: Collection, tmp_path: Path) -> None:
    state = loaded(collection)
    before = content(state)
    with pytest.raises(CategoriserError):
        REFUSED[refused](collection)
    assert loaded(collection) is state
    assert alike(content(state), before)
    check(collection, tmp_path, export=False)


def test_a_refusal_after_the_first_change_drops_it(collection: Collection, tmp_path: Path) -> None:
    state = loaded(collection)
    with pytest.raises(CategoriserError, match="cannot name"):
        collection.move(["v1"], None, label="   ")  # the micro-cluster for the image is open by then
    assert loaded(collection) is not state
    check(collection, tmp_path, export=False)


def test_a_failure_within_the_transaction_drops_it(
    collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for error in (RejectedError("no"), CategoriserError("the disk is full"), KeyboardInterrupt()):
        state, before = loaded(collection), collection.assignments()

        def fail(*_: object, error: BaseException = error, **__: object) -> None:
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(history, "put", fail)
            with pytest.raises(type(error)):
                collection.move(["v1", "v2"], None)
        assert loaded(collection) is not state
        assert collection.assignments() == before
        check(collection, tmp_path, export=False)


def test_a_run_that_was_taken_over_drops_it(collection: Collection) -> None:
    state = loaded(collection)

    def late(_: object) -> None:
        raise LeaseLostError("taken over")

    with pytest.raises(LeaseLostError):
        run(collection._storage, collection.row.id, late)
    assert loaded(collection) is not state


def test_any_other_error_drops_it_though_nothing_seems_changed(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = loaded(collection)

    def fail(*_: object) -> None:
        raise OSError("gone")

    monkeypatch.setattr(images, "known", fail)
    with pytest.raises(OSError, match="gone"):
        collection.move(["v1"], None)
    assert loaded(collection) is not state


def test_every_change_of_the_engine_is_noticed(collection: Collection) -> None:
    state = loaded(collection)
    library: Library = collection._library
    deeds: list[Callable[[], object]] = [
        lambda: collection.add_vectors(["new"], np.eye(6)[:1]),
        lambda: collection.delete(["v3"]),
        lambda: collection.move(["v4"], None),
        lambda: collection.reject(["v5"]),
        lambda: collection.rename(first(collection), "Boats"),
        lambda: collection.set_granularity("fine"),
        collection.run,
        collection.undo,
    ]
    for deed in deeds:
        mark = state.mark()
        deed()
        assert loaded(collection) is state
        assert state.mark() != mark
    assert library.storage is collection._storage
