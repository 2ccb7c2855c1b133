"""Broad groups are named from their categories, and differently from each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from categoriser import Library
from categoriser.naming import Style
from categoriser.naming.broader import Child, group_labels
from categoriser.naming.vocabulary import Vocabulary, read_vocabulary
from categoriser.settings import config_folder
from tests.engine.test_hierarchy import two_levels

ENGLISH = read_vocabulary([config_folder() / "vocabulary" / "english.txt"])


def labels(*groups: Sequence[str], vocabulary: Vocabulary = ENGLISH) -> list[str]:
    found = group_labels(
        {number: [Child(name) for name in names] for number, names in enumerate(groups)}, vocabulary, Style()
    )
    return [found[number] for number in range(len(groups))]


@pytest.mark.parametrize(
    ("names", "label"),
    [
        (["Poodle", "Beagle", "Husky"], "Dog"),
        (["Poodle", "Cat", "Horses"], "Mammal"),
        (["Poodle", "Dog"], "Mammal"),  # no category's own name
        (["Poodle & cat", "Horse"], "Mammal"),
        (["Old poodle", "Sleeping cat"], "Mammal"),
        (["Poodle", "Beagle", "Husky", "Guitar"], "Dog"),
        (["Poodle", "Guitar"], "Poodle & Guitar"),
        (["Qwerty", "Guitar", "Poodle"], "Qwerty · Guitar · 1 more"),
        (["Poodle"], "Poodle"),
        (["Mostly white, bright", "Guitar"], "Mostly white, bright · Guitar"),  # so that they can be told apart
    ],
)
def test_a_group_is_called_what_its_categories_are_kinds_of(names: list[str], label: str) -> None:
    assert labels(names) == [label]


def test_two_groups_of_the_same_kind_get_different_labels() -> None:
    found = labels(["Poodle", "Beagle"], ["Husky", "Pug"], ["Corgi", "Samoyed"], ["Animal"])
    assert found == ["Dog", "Mammal", "Corgi & Samoyed", "Animal"]


def test_looks_and_numbers_are_no_kinds() -> None:
    some = [Child("Red on orange", meant=False), Child("Blue on orange", meant=False)]
    assert group_labels({0: some}, ENGLISH, Style()) == {0: "Red on orange & Blue on orange"}


NAMES = st.sampled_from(["Poodle", "Beagle", "Cat", "Guitar", "Animal", "poodle & beagle", "Boats", "Dog", "x"])


@given(st.lists(st.lists(NAMES, min_size=1, max_size=4), min_size=1, max_size=6))
def test_labels_are_never_empty_and_differ_from_each_other_and_from_every_category(groups: list[list[str]]) -> None:
    found = labels(*groups)
    assert all(found)
    several = [label.casefold() for label, names in zip(found, groups, strict=True) if len(names) > 1]
    assert len(set(several)) == len(several)
    assert not {name.casefold() for names in groups for name in names} & set(several)
    assert all(label == names[0] for label, names in zip(found, groups, strict=True) if len(names) == 1)


def test_groups_of_a_library_follow_the_names_of_their_categories(tmp_path: Path) -> None:
    vectors, _, _ = two_levels(3, kinds=4, each=4, size=30)
    with Library.open(tmp_path / "library", "vectors:64", automatic_runs=False) as library:
        collection = library.collection("a")
        collection.add_vectors([f"v{i}" for i in range(len(vectors))], vectors.astype(np.float32))
        collection.run()
        group = max(collection.groups(), key=lambda one: len(one.categories))
        assert "more" in group.label or "&" in group.label
        dogs = ["Poodle", "Beagle", "Husky", "Pug", "Corgi", "Samoyed", "Dalmatian", "Chihuahua", "Greyhound"]
        for name, category in zip(dogs, group.categories, strict=False):
            last = collection.rename(category, name).version
        assert collection.group(group.id).label == "Dog"
        collection.rename(group.categories[0], "Dog")
        assert collection.group(group.id).label == "Mammal"
        collection.undo(last + 1)
        assert collection.group(group.id).label == "Dog"
        assert len({one.label for one in collection.groups()}) == len(collection.groups())
