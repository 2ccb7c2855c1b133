"""What may be known is looked up in the database; what certainly is not is not."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from categoriser import Library
from categoriser.state import image_ids
from categoriser.state.image_ids import ImageIds
from tests.whole import clusters

Texts = st.lists(st.text(max_size=8), max_size=40)


@given(first=Texts, batches=st.lists(Texts, max_size=5), strangers=Texts)
def test_none_that_came_is_ever_taken_for_new(first: list[str], batches: list[list[str]], strangers: list[str]) -> None:
    ids, came = ImageIds(first), set(first)
    for batch in batches:
        ids.add(batch)
        came |= set(batch)
        assert all(ids.may_hold(one) for one in came)
    assert not [one for one in strangers if one not in came and ids.may_hold(one)]


def test_many_take_little_memory_and_are_still_there() -> None:
    ids = ImageIds(f"first {number}" for number in range(20_000))
    for start in range(0, 30_000, 1000):
        ids.add(f"later {number}" for number in range(start, start + 1000))
    assert all(ids.may_hold(f"first {number}") for number in range(20_000))
    assert all(ids.may_hold(f"later {number}") for number in range(30_000))
    assert not ids.may_hold("later 30000")
    assert ids.nbytes <= 8 * 50_000 + 64 * image_ids._RECENT


def test_a_collection_that_is_in_memory_knows_what_is_new_to_it(tmp_path: Path) -> None:
    with Library.open(tmp_path / "library", encoder="vectors:8") as library:
        collection, states = library.collection("a"), library.storage.states
        assert states.may_hold(collection.row.id, "0")  # nothing is known of it yet
        collection.add_vectors(["0", "1"], clusters(2))
        assert states.may_hold(collection.row.id, "0")
        assert not states.may_hold(collection.row.id, "2")
        other = library.collection("b")
        other.add_vectors(["2"], clusters(1))
        assert not states.may_hold(collection.row.id, "2")
        collection.delete(["0"])
        collection.add_vectors(["0", "1"], clusters(2))
        assert [one.id for one in collection.images()] == ["1", "0"]
