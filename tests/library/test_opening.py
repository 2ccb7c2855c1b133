"""Who may open a library, what it may be called, and what is refused in a sentence."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from categoriser import (
    CategoriserError,
    ConfigurationError,
    EncoderMismatchError,
    InvalidVectorError,
    Library,
    LibraryInUseError,
    Refused,
)
from categoriser.catalog import inbox
from categoriser.library.health import check_library
from tests.waiting import wait_until
from tests.whole import check, clusters, left_over, picture, pictures

NAMES = [f"v{i}" for i in range(100)]


def test_a_library_has_one_owner_and_can_be_closed_by_another_thread(tmp_path: Path) -> None:
    library = Library.open(tmp_path / "library", encoder="vectors:8")
    with pytest.raises(LibraryInUseError, match="second time"):
        Library.open(tmp_path / "library", encoder="vectors:8")
    closing = threading.Thread(target=library.close)
    closing.start()
    closing.join()
    Library.open(tmp_path / "library", encoder="vectors:8").close()


def test_folders_that_cannot_be_libraries(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigurationError, match="cannot be a library"):
        Library.open(tmp_path / "file", encoder="vectors:8")
    with pytest.raises(ConfigurationError, match="cannot be a library"):
        Library.open("/proc/nothing", encoder="vectors:8")
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "catalog.sqlite").write_bytes(b"this is no database" * 100)
    for _ in range(2):  # the failure lets go of the folder
        with pytest.raises(ConfigurationError, match="not a database"):
            Library.open(broken, encoder="vectors:8")
    odd = tmp_path / "100% odd? #1 ünd"
    with Library.open(odd, encoder="vectors:8") as library:
        assert library.collection("a").add_vectors(["x"], clusters(1))
    assert (odd / "catalog.sqlite").exists()


@pytest.mark.parametrize(
    "name", ["../../etc", "a/b", "ünd & <b>", "'; drop table images", "%s", "日本語", "a" * 255, "..."]
)
def test_strange_collection_names_are_only_names(name: str, vectors_library: Library, tmp_path: Path) -> None:
    collection = vectors_library.collection(name)
    collection.add_vectors(["x"], clusters(1))
    assert vectors_library.collection(name, create=False).key == collection.key
    assert set(check(collection, tmp_path)) == {"x"}
    assert vectors_library.delete_collection(name) == 1


@pytest.mark.parametrize("name", ["", " ", "\u00a0", ".", "..", "a" * 256, "a\nb", "nul\0", "half \udc80"])
def test_names_that_cannot_be_used(name: str, vectors_library: Library) -> None:
    with pytest.raises(ConfigurationError):
        vectors_library.collection(name)


def test_a_database_locked_by_another_program_gives_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from categoriser.catalog import database

    monkeypatch.setattr(database, "_LOCKED_SECONDS", 0.2)
    with Library.open(tmp_path / "library", encoder="vectors:8") as library:
        collection = library.collection("a")
        collection.add_vectors(["x"], clusters(1))
        library.storage.delivery.flush()
        other = sqlite3.connect(tmp_path / "library" / "catalog.sqlite", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(CategoriserError, match="locked"):
            collection.add_vectors(["y"], clusters(1))
        assert len(collection.search(vector=clusters(1)[0])) == 1
        other.execute("ROLLBACK")
        other.close()
        collection.add_vectors(["y"], clusters(1))
        assert set(check(collection, tmp_path)) == {"x", "y"}


def test_files_that_changed_between_accepting_and_filing_keep_their_own_ids(tmp_path: Path) -> None:
    from hashlib import sha256

    from categoriser.catalog import inbox

    source = pictures(tmp_path / "pictures", 2)
    first, second = sorted(source.iterdir())
    with Library.open(tmp_path / "library", encoder="classic") as library:
        collection = library.collection("a")
        for path in (first, second):
            digest = sha256(path.read_bytes()).hexdigest()
            entry = {"image_id": digest[:32], "sha256": digest, "name": path.name, "source": str(path), "stored": False}
            with library.storage.database.write() as connection:
                inbox.accept(connection, collection.row.id, [{**entry, "metadata": None}])
    first.write_bytes(picture(50))
    second.unlink()
    with Library.open(tmp_path / "library", encoder="classic") as library:
        wait_until(lambda: left_over(library)["inbox"] == 0)
        collection = library.collection("a")
        assert set(check(collection, tmp_path)) == {sha256(picture(50)).hexdigest()[:32]}
        assert [Path(one.item).name for one in collection.failed()] == [second.name]


def test_pictures_that_can_never_be_filed_are_named_once_and_wait_no_longer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Library.open(tmp_path / "library", encoder="vectors:8") as library:
        row = library.collection("a").row
        with library.storage.database.write() as connection:  # as an earlier version accepted them
            entry = {"image_id": "a", "sha256": "0" * 64, "name": "a.png", "source": None, "stored": True}
            inbox.accept(connection, row.id, [{**entry, "image_id": f"i{i}", "metadata": None} for i in range(5)])
        assert "never be filed" in check_library(library).problems[0]
    with Library.open(tmp_path / "library") as library:
        told = [record.getMessage() for record in caplog.records if "cannot be filed" in record.getMessage()]
        assert len(told) == 1
        assert "5 pictures" in told[0]
        assert len(library.collection("a").failed()) == 5
        assert check_library(library).problems == []


def test_another_encoder_is_not_taken_for_other_weights(tmp_path: Path) -> None:
    with Library.open(tmp_path / "library", encoder="vectors:8") as library:
        library.collection("a")
    with (
        Library.open(tmp_path / "library", encoder="classic") as library,
        pytest.raises(EncoderMismatchError, match="belongs to the encoder vectors:8, not to classic-1"),
    ):
        library.encoder_of(library.collections()[0].row)


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_arguments_of_the_wrong_kind_get_a_sentence(vectors_library: Library) -> None:
    vectors = vectors_library.collection("v")
    for source in (None, 5, [5]):
        with pytest.raises(ConfigurationError, match="cannot be added"):
            vectors.add(source)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="is text"):
        vectors_library.collection(5)  # type: ignore[arg-type]
    with pytest.raises(InvalidVectorError, match="must be numbers"):
        vectors.add_vectors(["a"], [["x"] * 8])
    with pytest.raises(ConfigurationError, match="limit"):
        vectors.images(limit=-1)
    with pytest.raises(ConfigurationError, match="limit"):
        vectors.search(vector=[1.0] * 8, limit=0)
    (answer,) = vectors.add_vectors(["a"], [[1e300] * 8])
    assert isinstance(answer, Refused)
