"""Streams through the real library, with the books kept beside it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from categoriser import Library
from categoriser.errors import ConfigurationError
from categoriser.evaluation import Plan, Subject, evaluate_collection, evaluate_subject
from categoriser.evaluation.evaluate import stored_vectors
from categoriser.evaluation.orders import ARRIVALS, Arrival, arrival_order
from categoriser.evaluation.replay import replay
from categoriser.intake import from_folder
from categoriser.maintenance import run_due_at
from tests.whole import pictures


def subject(number: int, *, classes: int = 4, noise: float = 0.3, seed: int = 0) -> Subject:
    """Vectors around a few directions."""
    rng = np.random.default_rng(seed)
    which = rng.integers(0, classes, number)
    vectors = np.eye(classes, 16)[which] + noise * rng.normal(size=(number, 16)) / 4
    return Subject("made up", [f"class {one}" for one in which], vectors=vectors.astype(np.float32))


def test_the_books_agree_with_the_library(tmp_path: Path) -> None:
    made = subject(260)
    with Library.open(tmp_path / "library", "vectors:16") as library:
        collection = library.collection("c")
        result = replay(collection, made, arrival_order("random", made.classes, len(made), 1))
        assert result.final == collection.assignments()
        events = [event for event in collection.events(limit=1000) if event.kind == "attach"]
        told: dict[str, str | None] = {}
        for event in events:
            told.setdefault(event.detail["image_id"], event.detail["category"])
        assert result.at_arrival == told
    due = [run_due_at(0)]
    while run_due_at(due[-1]) < 260:
        due.append(run_due_at(due[-1]))
    assert [step.images for step in result.steps] == [*due, 260]
    assert set(result.final) == {str(i) for i in range(260)}
    assert result.steps[-1].now is not None
    assert result.steps[-1].now.ari > 0.9
    assert sum(step.moved for step in result.steps) == result.flips.total()
    assert all(step.relocated <= step.moved for step in result.steps)


def test_no_run_is_added_where_nothing_came_since_the_last(tmp_path: Path) -> None:
    made = subject(run_due_at(0) * 2)
    with Library.open(tmp_path / "library", "vectors:16") as library:
        result = replay(library.collection("c"), made, np.arange(len(made)))
    assert [step.images for step in result.steps] == [25, 50]


def test_churn_is_of_large_collections_only(tmp_path: Path) -> None:
    made = subject(60)
    with Library.open(tmp_path / "library", "vectors:16") as library:
        result = replay(library.collection("c"), made, np.arange(len(made)))
    assert result.churn(follow_merges=False) is None


def test_pictures_that_cannot_be_read_are_reported_and_the_others_measured(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "p" / "one", 8).parent
    pictures(folder / "two", 8, start=20)
    (folder / "two" / "broken.png").write_bytes(b"nothing")
    items = from_folder(folder).items
    made = Subject("p", [Path(item.name).parts[0] for item in items], items=items)
    result = evaluate_subject(made, Plan(encoder="classic", orders=2))
    assert result.images == 16
    assert len(result.refused) == 1
    assert result.classes == 2
    assert result.outcomes[0].waiting is not None
    assert all(outcome.unsorted_at_arrival == 1 for outcome in result.outcomes)  # no run before the last


def test_the_environment_s_database_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = tmp_path / "mine.sqlite"
    monkeypatch.setenv("CATEGORISER_DATABASE", f"sqlite:///{database}")
    monkeypatch.setenv("CATEGORISER_AUTOMATIC_RUNS", "0")
    result = evaluate_subject(subject(60), Plan(orders=1))
    assert not database.exists()
    assert len(result.outcomes[0].steps) == 3  # 25, 50 and the last


@pytest.mark.parametrize("kind", ARRIVALS)
def test_every_order_holds_every_image_once(kind: Arrival) -> None:
    classes: list[str | None] = [*(["x"] * 90), *(["y"] * 45), *([None] * 5)]
    order = arrival_order(kind, classes, len(classes), 3)
    assert sorted(order.tolist()) == list(range(140))
    assert (order == arrival_order(kind, classes, len(classes), 3)).all()


def test_by_class_and_bursts_keep_images_of_a_class_together() -> None:
    classes: list[str | None] = [str(i % 4) for i in range(800)]

    def changes(kind: Arrival) -> int:
        named = [classes[i] for i in arrival_order(kind, classes, 800, 0)]
        return sum(one != other for one, other in pairwise(named))

    assert changes("by-class") == 3
    assert 10 < changes("bursts") < 45 < changes("random")


def test_orders_by_class_need_classes() -> None:
    with pytest.raises(ConfigurationError, match="needs known classes"):
        arrival_order("bursts", None, 10, 0)


def test_orders_are_averaged_and_compared() -> None:
    result = evaluate_subject(subject(120), Plan(orders=3))
    assert [outcome.order for outcome in result.outcomes] == ["random 0", "random 1", "random 2"]
    aris = [outcome.final.ari for outcome in result.outcomes if outcome.final is not None]
    assert result.mean("ari") == pytest.approx(np.mean(aris))
    assert result.order_ari is not None
    assert result.order_ari > 0.8
    assert sum(result.sizes) + round(result.outcomes[0].unsorted * 120) == 120
    assert result.confusion is not None
    assert result.confusion.counts.sum() == 120


def test_without_classes_there_are_the_label_free_numbers() -> None:
    made = subject(120)
    result = evaluate_subject(Subject("bare", vectors=made.vectors), Plan(orders=1))
    assert result.mean("ari") is None
    assert result.mean("silhouette") is not None
    assert result.confusion is None


def test_a_collection_is_measured_as_it_is(tmp_path: Path) -> None:
    made = subject(120)
    assert made.vectors is not None
    with Library.open(tmp_path / "library", "vectors:16") as library:
        collection = library.collection("mine")
        collection.add_vectors([f"image {i}" for i in range(120)], made.vectors)
        collection.run()
        before = collection.assignments()
        result = evaluate_collection(library, "mine", None)
        assert collection.assignments() == before
        vectors, ids = stored_vectors(library, collection, ["image 5", "nobody", "image 2"])
    assert ids == ["image 5", "image 2"]
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1)
    assert result.images == 120
    assert result.mean("silhouette") is not None
