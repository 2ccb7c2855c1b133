"""The same pictures grouped in other ways, and texts without pictures."""

from __future__ import annotations

import contextlib
import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from categoriser import Collection, ConfigurationError, Filed, Library, NotFoundError, Refused, View
from categoriser.catalog import taxonomy
from categoriser.catalog.tables import metadata
from tests.descriptions import KINDS, described
from tests.whole import check, clusters, left_over, named_anywhere, pictures


def _photos(library: Library, number: int = 60, name: str = "photos") -> Collection:
    found = library.collection(name)
    found.add_vectors([f"i{i}" for i in range(number)], clusters(number))
    return found


def _view(library: Library, number: int = 60, name: str = "photos") -> tuple[Collection, View, list[str]]:
    photos = _photos(library, number, name)
    texts, kinds = described(number)
    view = photos.view("by object", criterion="object", texts={f"i{i}": text for i, text in enumerate(texts)})
    view.run()
    return photos, view, kinds


def _agrees(view: View, kinds: list[str]) -> float:
    """Share of images whose category is named for what they are."""
    labels = {category.id: category.label for category in view.categories()}
    places = view.assignments()
    return float(np.mean([labels.get(places[f"i{i}"] or "", "") == kind.capitalize() for i, kind in enumerate(kinds)]))


def test_a_view_groups_by_its_texts_and_names_what_it_found(vectors_library: Library, tmp_path: Path) -> None:
    _, view, kinds = _view(vectors_library)
    check(view, tmp_path)
    assert {category.label for category in view.categories()} == {kind.capitalize() for kind in KINDS}
    assert all(category.named_by == "machine" for category in view.categories())
    assert _agrees(view, kinds) > 0.95


def test_the_collection_itself_is_untouched_and_views_are_not_listed(vectors_library: Library, tmp_path: Path) -> None:
    photos = _photos(vectors_library)
    before, log = check(photos, tmp_path), photos.events(limit=1000)
    _view(vectors_library)
    assert check(photos, tmp_path) == before
    assert photos.events(limit=1000) == log
    assert [one.name for one in vectors_library.collections()] == ["photos"]
    assert [one.collection for one in vectors_library.schedule()] == ["photos"]
    assert [one.name for one in photos.views()] == ["by object"]
    assert photos.views(after="by object") == []
    with pytest.raises(NotFoundError):
        vectors_library.collection(f"\x1f{photos.key}\x1fby object", create=False)


def test_pictures_of_a_view_are_those_of_its_collection(pictures_library: Library, tmp_path: Path) -> None:
    photos = pictures_library.collection("photos")
    photos.add(pictures(tmp_path / "pictures", 8))
    ids = list(photos.assignments())
    view = photos.view("v", criterion="object", texts=dict.fromkeys(ids, "The object is a cat."))
    assert view.thumbnail(ids[0]) == photos.thumbnail(ids[0])
    assert view.original(ids[0]) == photos.original(ids[0])
    report = view.export(tmp_path / "out", "folders")
    assert (report.images, report.without_file) == (8, [])
    assert view.image(ids[0]).sha256 == photos.image(ids[0]).sha256
    view.delete(ids[1])
    assert photos.thumbnail(ids[1]).exists()
    assert len(photos) == 8


def test_a_locked_category_of_a_view_keeps_its_name(vectors_library: Library) -> None:
    _, view, kinds = _view(vectors_library)
    horse, ship = (next(c for c in view.categories() if c.label == name) for name in ("Horse", "Ship"))
    view.lock(horse.id)
    view.move([f"i{i}" for i, kind in enumerate(kinds) if kind == "ship"], horse.id)
    gone = [f"i{i}" for i, kind in enumerate(kinds) if kind == "horse"]
    view.move(gone[1:], ship.id)
    view.run()
    assert view.category(horse.id).label == "Horse"


def test_corrections_runs_and_undo_are_the_views_own(vectors_library: Library, tmp_path: Path) -> None:
    photos, view, _ = _view(vectors_library)
    before = photos.assignments()
    horse, ship = (next(c for c in view.categories() if c.label == name) for name in ("Horse", "Ship"))
    view.rename(horse.id, "Ponies")
    done = view.merge(ship.id, [horse.id])
    assert check(view, tmp_path)
    assert view.category(horse.id).id == ship.id
    view.undo(done.version)
    assert view.category(horse.id).label == "Ponies"
    moved = next(one for one, place in view.assignments().items() if place == ship.id)
    view.move([moved], horse.id)
    view.run()
    assert view.assignments()[moved] == horse.id
    assert view.category(horse.id).label == "Ponies"
    assert check(photos, tmp_path) == before


def test_decisions_stay_when_the_words_are_learned_anew(vectors_library: Library, tmp_path: Path) -> None:
    photos, view, _ = _view(vectors_library, 40)
    horse, ship = (next(c for c in view.categories() if c.label == name) for name in ("Horse", "Ship"))
    moved = next(one for one, place in view.assignments().items() if place == ship.id)
    view.move([moved], horse.id)
    view.rename(horse.id, "Mine")
    learned = view.made_with.learned_from
    photos.add_vectors([f"j{i}" for i in range(200)], clusters(200, seed=2))
    view.add_texts({f"j{i}": text for i, text in enumerate(described(200, seed=5)[0])})
    view.run()
    assert view.made_with.learned_from > learned
    assert view.assignments()[moved] == horse.id
    assert view.category(horse.id).label == "Mine"
    check(view, tmp_path)


def test_the_same_texts_again_change_nothing_and_others_are_refused(vectors_library: Library, tmp_path: Path) -> None:
    _, view, _ = _view(vectors_library)
    before = check(view, tmp_path)
    same, other, stranger, empty = view.add_texts(
        {"i0": view.text("i0"), "i1": "Something else.", "x": "The object is a horse.", "i2": " "}
    )
    assert isinstance(same, Filed)
    assert same.known
    assert [type(one) for one in (other, stranger, empty)] == [Refused] * 3
    assert check(view, tmp_path) == before


def test_what_says_nothing_stays_unsorted(vectors_library: Library, tmp_path: Path) -> None:
    photos, view, _ = _view(vectors_library)
    photos.add_vectors([f"u{i}" for i in range(12)], clusters(12, seed=8))
    view.add_texts({f"u{i}": "uncertain" for i in range(12)})
    view.run()
    places = check(view, tmp_path)
    assert [places[f"u{i}"] for i in range(12)] == [None] * 12
    assert view.labels("u0") == {}


def test_the_number_of_categories_can_be_given(vectors_library: Library) -> None:
    photos = _photos(vectors_library, 80)
    texts = {f"i{i}": text for i, text in enumerate(described(80)[0])}
    two = photos.view("two", criterion="object", texts=texts, categories=2)
    two.run()
    four = photos.view("four", criterion="object", texts=texts, categories=4)
    four.run()
    assert (len(two.categories()), len(four.categories())) == (2, 4)


def test_a_view_follows_the_metadata_of_what_is_filed(vectors_library: Library, tmp_path: Path) -> None:
    photos = vectors_library.collection("photos")
    texts, _kinds = described(90)
    vectors = clusters(90)

    def add(start: int, end: int) -> None:
        notes = [{"title": text} if i % 10 else None for i, text in enumerate(texts)]
        photos.add_vectors([f"i{i}" for i in range(start, end)], vectors[start:end], metadata=notes[start:end])

    add(0, 50)
    view = photos.view("by title", criterion="object", from_metadata="title")
    assert len(view) == 45
    add(50, 90)
    assert len(view) == 81
    check(view, tmp_path)
    assert "i0" not in view.assignments()
    assert photos.view("by title").made_with.spec["from_metadata"] == "title"
    with pytest.raises(ConfigurationError, match="from_metadata"):
        photos.view("by title", from_metadata="other")


def test_pictures_lead_their_views_along(pictures_library: Library, tmp_path: Path) -> None:
    photos = pictures_library.collection("photos")
    folder = pictures(tmp_path / "pictures", 12)
    table = tmp_path / "table.csv"
    with table.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("image", "title"))
        rows.writerows((folder / f"{i:05}.png", "A cat") for i in range(0, 12, 2))
    view = photos.view("by title", from_metadata="title")
    assert not photos.add(table).refused
    assert len(view) == 6


def test_an_image_has_an_attribute_by_each_view(vectors_library: Library) -> None:
    photos, _, kinds = _view(vectors_library)
    photos.add_vectors(["new"], clusters(1, seed=9))
    photos.view("empty", criterion="colour")
    assert photos.attributes("i0") == {"by object": kinds[0].capitalize(), "empty": None}
    assert photos.attributes("new") == {"by object": None, "empty": None}
    with pytest.raises(NotFoundError):
        photos.attributes("nobody")


def test_terms_group_pictures_without_texts(vectors_library: Library, tmp_path: Path) -> None:
    photos = vectors_library.collection("photos")
    middle = np.eye(8, dtype=np.float32)[:3]
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 90)
    photos.add_vectors([f"i{i}" for i in range(90)], middle[truth] + 0.1 * rng.normal(size=(90, 8)))
    names = ("beach", "city", "forest")
    view = photos.view("by place", terms=dict(zip(names, middle, strict=True)))
    view.run()
    check(view, tmp_path)
    assert {category.label for category in view.categories()} == {"Beach", "City", "Forest"}
    assert [view.text(f"i{i}") for i in range(90)] == [names[which] for which in truth]
    photos.add_vectors(["new"], middle[:1])
    assert view.category(str(view.assignments()["new"])).label == "Beach"
    with pytest.raises(ConfigurationError, match="cannot encode"):
        photos.view("by mood", terms=["calm", "wild"])


def test_two_users_views_know_nothing_of_each_other(vectors_library: Library, tmp_path: Path) -> None:
    one, first, _ = _view(vectors_library, name="one")
    two, second, _ = _view(vectors_library, name="two")
    before, log = check(second, tmp_path), second.events(limit=1000)
    assert {c.id for c in first.categories()}.isdisjoint(c.id for c in second.categories())
    for category in first.categories():
        with pytest.raises(NotFoundError):
            second.category(category.id)
    one.delete([f"i{i}" for i in range(30)])
    first.run()
    vectors_library.delete_collection("one")
    assert check(second, tmp_path) == before
    assert second.events(limit=1000) == log
    assert [view.name for view in two.views()] == ["by object"]


def test_deleted_images_are_gone_from_every_view(vectors_library: Library, tmp_path: Path) -> None:
    photos = _photos(vectors_library)
    for name in ("a", "b"):
        photos.view(name, criterion="object", texts={"i1": "The object is a zebrafish.", "i2": "The object is a cat."})
    assert photos.delete("i1") == 1
    assert all(list(view.assignments()) == ["i2"] for view in photos.views())
    for view in photos.views():
        view.run()
        check(view, tmp_path)
    vectors_library.storage.delivery.flush()
    assert named_anywhere(vectors_library, "zebrafish") == []


def test_a_deleted_view_or_collection_leaves_nothing(vectors_library: Library) -> None:
    photos, view, _ = _view(vectors_library)
    key, row = view.key, view.row
    assert photos.delete_view("by object") == 60
    assert left_over(vectors_library) == {"inbox": 0, "outbox": 0}
    assert vectors_library.storage.store(row).count(key) == 0
    assert named_anywhere(vectors_library, key) == []
    with pytest.raises(NotFoundError):
        photos.view("by object")
    with pytest.raises(NotFoundError):
        view.run()
    _, again, _ = _view(vectors_library)
    vectors_library.delete_collection("photos")
    assert left_over(vectors_library) == {"inbox": 0, "outbox": 0}
    assert named_anywhere(vectors_library, again.key) == []
    with vectors_library.storage.database.read() as connection:
        left = [table.name for table in metadata.sorted_tables if connection.execute(table.select()).first()]
    assert set(left) <= {"closed_names"}, left  # that a name is closed for rights that were given before


def test_views_are_there_after_a_restart(tmp_path: Path) -> None:
    with Library.open(tmp_path / "library", encoder="vectors:8") as library:
        _, view, _ = _view(library)
        before, names = check(view, tmp_path), Counter(c.label for c in view.categories())
    with Library.open(tmp_path / "library", encoder="vectors:8") as library:
        view = library.collection("photos").view("by object")
        assert check(view, tmp_path) == before
        assert Counter(c.label for c in view.categories()) == names
        found = view.search(text="a brown horse", limit=5)
        assert {one.label for one in found} == {"Horse"}
        assert view.search(image_id="i0", limit=3)


def test_a_renewal_that_fails_half_way_costs_nothing(
    vectors_library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos, view, _ = _view(vectors_library, 40)
    photos.add_vectors([f"j{i}" for i in range(40)], clusters(40, seed=2))
    from categoriser.catalog import outbox

    put, calls = outbox.put, []

    def failing(*arguments):
        calls.append(1)
        if len(calls) == 2:
            raise OSError("no space left on device")
        return put(*arguments)

    monkeypatch.setattr(outbox, "put", failing)
    texts = {f"j{i}": text for i, text in enumerate(described(40, seed=5)[0])}
    with contextlib.suppress(OSError):
        view.add_texts(texts)
    monkeypatch.undo()
    check(view, tmp_path)
    view.add_texts(texts)
    view.run()
    assert set(check(view, tmp_path)) >= set(texts)


def test_texts_alone_make_a_collection(vectors_library: Library, tmp_path: Path) -> None:
    texts, kinds = described(80)
    films = vectors_library.text_collection("films", criterion="object")
    films.add_texts({f"i{i}": text for i, text in enumerate(texts)}, metadata={"i0": {"year": 1999}})
    films.run()
    check(films, tmp_path)
    assert _agrees(films, kinds) > 0.95
    with vectors_library.storage.database.read() as connection:
        stood = {one["naming"]["fingerprint"] for one in taxonomy.page(connection, films.row.id)}
    assert stood == {"texts:1-80|look-2"}  # all names stood their test as texts are read now, whenever they were made
    assert films.image("i0").metadata["year"] == 1999
    opened = vectors_library.collection("films")
    assert isinstance(opened, View)
    assert [one.name for one in vectors_library.collections()] == ["films"]
    with pytest.raises(ConfigurationError, match="texts"):
        vectors_library.collection_for_pictures("films")
    with pytest.raises(NotFoundError, match="thumbnail"):
        films.thumbnail("i0")
    assert vectors_library.delete_collection("films") == 80


def test_what_makes_no_sense_is_refused(vectors_library: Library) -> None:
    photos, view, _ = _view(vectors_library)
    for arguments in ({"categories": 0}, {"encoder": "classic"}, {"terms": ["one"]}, {"terms": {"a": [1], "b": [2]}}):
        with pytest.raises(ConfigurationError):
            photos.view("new", **arguments)
    for name in ("", "a\nb", "x" * 201):
        with pytest.raises(ConfigurationError):
            photos.view(name, criterion="object")
    with pytest.raises(NotFoundError):
        photos.view("nobody made this")
    with pytest.raises(ConfigurationError):
        view.view("of a view", criterion="object")
    with pytest.raises(ConfigurationError, match="criterion"):
        photos.view("by object", criterion="colour")
    assert [one.name for one in photos.views()] == ["by object"]


def test_two_kinds_of_texts_are_two_categories(tmp_path: Path) -> None:
    """Half of all pairs are alike then: there is no bulk of unlike pairs to measure."""
    with Library.open(tmp_path / "library", encoder="classic") as library:
        shapes = library.text_collection("shapes", criterion="shape")
        kinds = ["circle" if i % 5 < 2 else "line" for i in range(200)]
        shapes.add_texts({str(i): f"The shape in the picture is a {kind}." for i, kind in enumerate(kinds)})
        shapes.run()
        assert {(one.label, one.size) for one in shapes.categories()} == {("Line", 120), ("Circle", 80)}


def test_a_kind_of_nine_in_ten_texts_is_one_category(tmp_path: Path) -> None:
    texts, kinds = described(1200)
    chosen = [i for i, kind in enumerate(kinds) if kind == "horse"][:270]
    chosen += [i for i, kind in enumerate(kinds) if kind != "horse"][:30]
    with Library.open(tmp_path / "library", encoder="classic") as library:
        stable = library.text_collection("stable", criterion="object")
        stable.add_texts({str(i): texts[i] for i in np.random.default_rng(0).permutation(chosen).tolist()})
        stable.run()
        largest = stable.categories()[0]
        assert largest.label == "Horse"
        assert largest.size >= 260
