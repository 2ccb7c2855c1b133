"""A backup is a consistent moment of a library in use, and a restored library is whole."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from categoriser import Library
from categoriser.catalog import inbox
from categoriser.errors import BusyError, CategoriserError, ConfigurationError, NotFoundError
from categoriser.library.backup import Backups, restore
from categoriser.library.repair import find_faults
from tests.library.test_kill import settled
from tests.prepared import copy_of
from tests.whole import check, clusters, left_over, picture


def two_users(folder: Path) -> None:
    """With uploads, one after a run."""
    with Library.open(folder, encoder="classic") as library:
        anna = library.collection("anna")
        anna.add([picture(seed) for seed in range(24)])
        anna.run()
        library.collection("bob").add([picture(seed) for seed in range(5, 9)])


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(copy_of(two_users, tmp_path / "library"), encoder="classic") as library:
        yield library


def test_a_restored_library_is_the_one_that_was_backed_up(library: Library, tmp_path: Path) -> None:
    before = {name: library.collection(name).assignments() for name in ("anna", "bob")}
    events = library.collection("anna").events(limit=1000)
    report = Backups(library).make(tmp_path / "backup")
    assert (report.collections, report.images, report.vectors, report.originals) == (2, 28, 28, 28)
    library.collection("anna").add([picture(900)])  # too late
    restored = restore(tmp_path / "backup", tmp_path / "new")
    assert (restored.collections, restored.images, restored.originals, restored.problems) == (2, 28, 28, [])
    with Library.open(tmp_path / "new") as again:
        assert find_faults(again) == []
        for name, assignments in before.items():
            assert check(again.collection(name), tmp_path) == assignments
        assert again.collection("anna").events(limit=1000) == events
        image = next(iter(before["anna"]))
        data = again.collection("anna").original(image).read_bytes()
        assert data == library.collection("anna").original(image).read_bytes()
        assert again.collection("anna").search(image=data, limit=1)[0].image_id == image
        again.collection("anna").add([picture(901)])  # it goes on
        check(again.collection("anna"), tmp_path)


def test_views_and_ready_vectors_are_in_it_too(tmp_path: Path) -> None:
    with Library.open(tmp_path / "library", encoder="vectors:8") as library:
        texts = [{"title": f"a {kind} number {i}"} for i, kind in enumerate(["cat", "dog", "boat"] * 6)]
        vectors = library.collection("v")
        vectors.add_vectors([f"v{i}" for i in range(18)], clusters(18), metadata=texts)
        vectors.view("subject", criterion="subject", texts={f"v{i}": one["title"] for i, one in enumerate(texts)})
        assert Backups(library).make(tmp_path / "backup").collections == 2
        before = vectors.view("subject").assignments()
    restore(tmp_path / "backup", tmp_path / "new")
    with Library.open(tmp_path / "new") as again:
        assert find_faults(again) == []
        assert again.collection("v").view("subject").assignments() == before


def test_what_waits_in_the_inbox_is_filed_by_the_restored_library(library: Library, tmp_path: Path) -> None:
    row, data = library.collection("anna").row, picture(77)
    digest = sha256(data).hexdigest()
    library.storage.media.keep_original(row.key, digest, data)
    entry = {"image_id": digest[:32], "sha256": digest, "name": "x", "source": None, "stored": True, "metadata": None}
    with library.storage.database.write() as connection:
        inbox.accept(connection, row.id, [entry])
    assert Backups(library).make(tmp_path / "backup").waiting == 1
    assert restore(tmp_path / "backup", tmp_path / "new").waiting == 1
    with Library.open(tmp_path / "new") as again:
        settled(again)
        assert digest[:32] in check(again.collection("anna"), tmp_path)


def test_uploads_and_deletions_go_on_while_backups_are_made(library: Library, tmp_path: Path) -> None:
    anna, over, order = library.collection("anna"), threading.Event(), list(library.collection("anna").assignments())
    gone: list[str] = []

    def work() -> None:
        seed = 1000
        while not over.is_set():
            order.extend(one.image_id for one in anna.add([picture(seed)]).filed)
            if len(order) > 30 and seed % 3 == 0:
                gone.append(order[len(gone) * 3])
                anna.delete([gone[-1]])
            seed += 1

    worker = threading.Thread(target=work)
    worker.start()
    try:
        for number in range(4):
            report = Backups(library).make(tmp_path / "backup")
            assert report.problems == []
            if number == 1:
                library.delete_collection("bob")
            restore(tmp_path / "backup", tmp_path / f"new{number}")
    finally:
        over.set()
        worker.join()
    for number in range(4):
        with Library.open(tmp_path / f"new{number}") as again:
            settled(again)
            assert find_faults(again) == []
            present = list(check(again.collection("anna"), tmp_path))
            assert left_over(again) == {"inbox": 0, "outbox": 0}
            # one moment: all that came before it and was not deleted, and nothing that came after
            last = order.index(present[-1])
            missing = set(order[: last + 1]) - set(present)
            assert missing <= set(gone)
            assert [name.name for name in again.collections()] == (["anna", "bob"] if number < 2 else ["anna"])


def test_what_is_deleted_between_the_catalog_and_the_files_does_not_come_back(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from categoriser.catalog import copying

    anna, real = library.collection("anna"), copying.snapshot
    ids = list(anna.assignments())

    def snapshot(database: object, path: Path) -> None:
        real(database, path)  # type: ignore[arg-type]
        anna.delete(ids[:3])
        library.delete_collection("bob")

    monkeypatch.setattr(copying, "snapshot", snapshot)
    report = Backups(library).make(tmp_path / "backup")
    assert (report.gone, report.images, report.collections) == (3, 21, 1)
    assert restore(tmp_path / "backup", tmp_path / "new").gone == 3
    with Library.open(tmp_path / "new") as again:
        assert find_faults(again) == []
        assert set(check(again.collection("anna"), tmp_path)) == set(ids[3:])
        assert [one.name for one in again.collections()] == ["anna"]


def test_a_second_backup_copies_what_is_new_and_forgets_what_was_deleted(library: Library, tmp_path: Path) -> None:
    anna, folder = library.collection("anna"), tmp_path / "backup"
    first = Backups(library).make(folder)
    image = next(iter(anna.assignments()))
    digest = anna.original(image).name
    anna.delete([image])
    anna.add([picture(500)])
    second = Backups(library).make(folder)
    assert first.files_kept == 0
    assert (second.files_copied, second.files_kept) == (2, first.files_copied - 2)  # an original and a thumbnail
    assert not any(digest in str(path) for path in folder.rglob("*"))
    assert len(list(folder.glob("catalog-*"))) == len(list(folder.glob("vectors-*"))) == 1


def test_links_take_no_space_and_outlive_a_deletion(library: Library, tmp_path: Path) -> None:
    anna = library.collection("anna")
    report = Backups(library).make(tmp_path / "backup", link=True)
    assert report.bytes_copied == 0
    ids = list(anna.assignments())
    anna.delete(ids)
    restore(tmp_path / "backup", tmp_path / "new")
    with Library.open(tmp_path / "new") as again:
        assert set(check(again.collection("anna"), tmp_path)) == set(ids)


def test_a_restore_never_overwrites_anything(library: Library, tmp_path: Path) -> None:
    Backups(library).make(tmp_path / "backup")
    with pytest.raises(ConfigurationError, match="not empty"):
        restore(tmp_path / "backup", tmp_path / "library")
    with pytest.raises(NotFoundError, match="no finished backup"):
        restore(tmp_path / "nowhere", tmp_path / "new")
    (tmp_path / "empty").mkdir()
    assert restore(tmp_path / "backup", tmp_path / "empty").images == 28


@pytest.mark.parametrize("damage", ["vectors", "catalog", "manifest"])
def test_a_damaged_backup_is_refused_and_leaves_nothing(library: Library, tmp_path: Path, damage: str) -> None:
    Backups(library).make(tmp_path / "backup")
    match damage:
        case "vectors":
            next((tmp_path / "backup").glob("vectors-*/*.f32")).write_bytes(b"short")
        case "catalog":
            next((tmp_path / "backup").glob("catalog-*")).unlink()
        case _:
            (tmp_path / "backup" / "manifest.json").write_text('{"format": 99}')
    with pytest.raises(ConfigurationError):
        restore(tmp_path / "backup", tmp_path / "new")
    assert not (tmp_path / "new").exists()
    assert not list(tmp_path.glob(".new*"))


def test_a_backup_of_a_damaged_library_fails_and_leaves_the_earlier_one(library: Library, tmp_path: Path) -> None:
    Backups(library).make(tmp_path / "backup")
    manifest = (tmp_path / "backup" / "manifest.json").read_text()
    shutil.rmtree(library.storage.folder / "originals" / library.collection("bob").row.key)
    (tmp_path / "backup" / "originals" / library.collection("bob").row.key).rename(tmp_path / "away")
    with pytest.raises(CategoriserError, match="lack"):
        Backups(library).make(tmp_path / "backup")
    assert (tmp_path / "backup" / "manifest.json").read_text() == manifest
    (tmp_path / "away").rename(tmp_path / "backup" / "originals" / library.collection("bob").row.key)
    assert restore(tmp_path / "backup", tmp_path / "new").images == 28


def test_a_folder_with_something_else_is_no_place_for_a_backup(library: Library, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    for folder in (tmp_path / "mine", tmp_path / "library" / "backup", tmp_path / "library", tmp_path):
        with pytest.raises(ConfigurationError):
            Backups(library).make(folder)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["letter.txt"]


def test_one_backup_at_a_time(library: Library, tmp_path: Path) -> None:
    backups, refused = Backups(library), []

    def meanwhile(_done: int, _all: int | None) -> None:
        with pytest.raises(BusyError):
            backups.make(tmp_path / "other")
        refused.append(True)

    backups.make(tmp_path / "backup", progress=meanwhile)
    assert refused
