"""Near-duplicates are stacked on the first: searchable, counted, without weight."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from categoriser import Collection, Library
from categoriser.intake import Item
from tests.whole import check


def photo(seed: int) -> bytes:
    """A picture with enough structure to be told from others."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 255, (16, 16, 3), dtype=np.uint8)
    out = BytesIO()
    Image.fromarray(coarse).resize((256, 256), Image.Resampling.BICUBIC).save(out, "PNG")
    return out.getvalue()


def _copy(data: bytes, *, side: int | None = None, quality: int = 85) -> bytes:
    image = Image.open(BytesIO(data)).convert("RGB")
    out = BytesIO()
    (image if side is None else image.resize((side, side), Image.Resampling.BICUBIC)).save(out, "JPEG", quality=quality)
    return out.getvalue()


def _weighing(collection: Collection) -> int:
    with collection._library.storage.states.writing(collection.row.id) as state:
        return int(state.grouping.weighing)


def _fill(collection: Collection) -> dict[str, list[str]]:
    stacks = {}
    for head in range(6):
        original = photo(head)
        copies = [_copy(original), _copy(original, side=200), _copy(original, quality=60)]
        items = [Item(f"{head} {i}", data=data, image_id=f"p{head}-{i}") for i, data in enumerate([original, *copies])]
        report = collection.add(items)
        assert [one.stacked_on for one in report.filed] == [None, *[f"p{head}-0"] * 3]
        stacks[f"p{head}-0"] = [f"p{head}-{i}" for i in range(1, 4)]
    return stacks


def test_copies_are_stacked_and_do_not_weigh(pictures_library: Library, tmp_path: Path) -> None:
    collection = pictures_library.collection("a")
    stacks = _fill(collection)
    assert len(check(collection, tmp_path)) == 24
    assert _weighing(collection) == 6
    collection.run()
    places = check(collection, tmp_path)
    for head, copies in stacks.items():
        assert {places[copy] for copy in copies} == {places[head]}
        assert {collection.image(copy).stacked_on for copy in copies} == {head}
        found = {one.image_id for one in collection.search(image_id=head, limit=3)}
        assert found == set(copies)
    lines = collection.export(tmp_path / "all.jsonl")
    assert lines.images == 24
    again = collection.add(Item("again", data=_copy(photo(0)), image_id="p0-1"))
    assert [one.stacked_on for one in again.known] == ["p0-0"]


def test_a_deleted_head_leaves_its_place_to_a_copy(pictures_library: Library, tmp_path: Path) -> None:
    collection = pictures_library.collection("a")
    _fill(collection)
    collection.run()
    before = check(collection, tmp_path)
    assert collection.delete("p2-0") == 1
    after = check(collection, tmp_path)
    assert after == {name: place for name, place in before.items() if name != "p2-0"}
    heads = [collection.image(f"p2-{i}").stacked_on for i in range(1, 4)]
    assert heads.count(None) == 1
    heir = f"p2-{heads.index(None) + 1}"
    assert {head for head in heads if head is not None} == {heir}
    assert _weighing(collection) == 6
    assert collection.add(Item("new", data=_copy(photo(2), quality=77))).filed[0].stacked_on == heir
    assert collection.delete(["p2-1", "p2-2"]) == 2
    collection.run()
    check(collection, tmp_path)
    assert collection.delete(list(collection.assignments())) == 22
    assert check(collection, tmp_path) == {}
    assert _weighing(collection) == 0


def test_stacks_survive_a_restart_without_the_cache(tmp_path: Path) -> None:
    import shutil

    with Library.open(tmp_path / "library", encoder="classic") as library:
        collection = library.collection("a")
        _fill(collection)
        collection.delete("p1-0")
        before, images = check(collection, tmp_path), collection.images()
    shutil.rmtree(tmp_path / "library" / "state")
    with Library.open(tmp_path / "library") as library:
        collection = library.collection("a")
        assert check(collection, tmp_path) == before
        assert collection.images() == images
        assert _weighing(collection) == 6
        late = collection.add(Item("late", data=_copy(photo(3), quality=50))).filed[0]
        assert late.stacked_on == "p3-0"
