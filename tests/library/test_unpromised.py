"""Pictures that nobody was promised anything about before they are filed: no inbox entry, and nothing is lost."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from categoriser import (
    Collection,
    ConflictError,
    EncoderFailedError,
    Filed,
    Library,
    NotFoundError,
    UnreadablePictureError,
)
from categoriser.catalog import images, inbox
from categoriser.encoders.classic import ClassicEncoder
from categoriser.errors import StoppingError
from categoriser.intake import Item
from categoriser.library.uploads import Failures
from categoriser.pipeline import filing
from tests.waiting import wait_until
from tests.whole import check, left_over, picture


def sent(collection: Collection, seed: int, **more: Any) -> Future[Filed]:
    item = Item(f"{seed}.png", data=picture(seed), **more)
    return collection._library.pipeline.submit(collection.row, item, promised=False)


def files(library: Library, collection: Collection) -> list[str]:
    """Originals and thumbnails on disk."""
    folders = library.storage.media.folders(collection.row.key)
    return sorted(path.name for folder in folders for path in folder.rglob("*") if path.is_file())


def test_it_is_filed_with_its_files_and_the_inbox_never_sees_it(
    pictures_library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection = pictures_library.collection("a")
    monkeypatch.setattr(inbox, "accept_all", lambda *_: pytest.fail("it was written into the inbox"))
    answers = [one.result() for one in [sent(collection, seed % 8) for seed in range(10)]]
    assert [one.known for one in answers] == [False] * 8 + [True] * 2
    assert len(files(pictures_library, collection)) == 16
    for image in collection.images():
        assert collection.original(image.id).read_bytes() == picture(int(image.name.removesuffix(".png")))
        assert collection.thumbnail(image.id).exists()
    check(collection, tmp_path)
    assert left_over(pictures_library) == {"inbox": 0, "outbox": 0}


def test_one_that_the_encoder_fails_on_waits_in_the_inbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Library.open(tmp_path / "library", encoder="classic") as library:
        collection = library.collection("a")
        with monkeypatch.context() as patch:
            patch.setattr(ClassicEncoder, "encode_prepared", lambda *_: 1 / 0)
            with pytest.raises(EncoderFailedError, match="stays in the inbox"):
                sent(collection, 1, metadata={"from": "me"}).result()
            assert left_over(library)["inbox"] == 1
            assert not len(collection)
    with Library.open(tmp_path / "library") as library:  # killed or closed: it is there
        collection = library.collection("a")
        wait_until(lambda: left_over(library)["inbox"] == 0)
        (image,) = collection.images()
        assert image.metadata == {"from": "me"}
        assert collection.original(image.id).read_bytes() == picture(1)
        check(collection, tmp_path)


def test_a_commit_that_fails_leaves_it_in_the_inbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Library.open(tmp_path / "library", encoder="classic") as library:
        collection = library.collection("a")
        with monkeypatch.context() as patch:

            def full(*_: object) -> None:
                raise OSError(28, "No space left on device")

            patch.setattr(images, "insert", full)
            with pytest.raises(OSError, match="No space"):
                sent(collection, 1).result()
            assert left_over(library)["inbox"] == 1
    with Library.open(tmp_path / "library") as library:
        wait_until(lambda: left_over(library) == {"inbox": 0, "outbox": 0})
        assert len(check(library.collection("a"), tmp_path)) == 1


def test_an_original_that_cannot_be_written_is_said_and_leaves_nothing(
    pictures_library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection = pictures_library.collection("a")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(pictures_library.storage.media, "keep_original", full)
        with pytest.raises(OSError, match="No space"):
            sent(collection, 1).result()
    assert files(pictures_library, collection) == []
    assert left_over(pictures_library) == {"inbox": 0, "outbox": 0}
    assert not sent(collection, 1).result().known
    check(collection, tmp_path)


def torn(seed: int) -> bytes:
    out = BytesIO()
    Image.open(BytesIO(picture(seed, side=200))).save(out, "JPEG")
    return out.getvalue()[:400]


def test_what_cannot_be_decoded_is_listed_with_its_bytes_until_it_comes_whole(
    pictures_library: Library, tmp_path: Path
) -> None:
    collection = pictures_library.collection("a")
    for _ in range(2):  # twice, and listed once
        item = Item("torn.jpg", data=torn(1), image_id="x")
        answer = pictures_library.pipeline.submit(collection.row, item, promised=False)
        with pytest.raises(UnreadablePictureError):
            answer.result()
        (failed,) = collection.failed()
        assert failed.repeatable
        assert len(files(pictures_library, collection)) == 1
    assert Failures(pictures_library, collection.row).discard() == 1
    wait_until(lambda: not files(pictures_library, collection))
    check(collection, tmp_path)


def test_two_pictures_with_one_id_at_once(
    pictures_library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither is known when it is read; the one that comes second is kept for people to look at."""
    collection, may, encode = pictures_library.collection("a"), threading.Event(), ClassicEncoder.encode_prepared

    def waiting(self: ClassicEncoder, batch: Any) -> Any:
        may.wait(30)
        return encode(self, batch)

    monkeypatch.setattr(ClassicEncoder, "encode_prepared", waiting)
    first, second = sent(collection, 1, image_id="x"), sent(collection, 2, image_id="x")
    wait_until(lambda: len(files(pictures_library, collection)) == 4)
    may.set()
    assert first.result().image_id == "x"
    with pytest.raises(ConflictError):
        second.result()
    assert collection.original("x").read_bytes() == picture(1)
    check(collection, tmp_path)
    (failed,) = collection.failed()
    assert failed.repeatable
    sent(collection, 2, image_id="y").result()
    assert collection.original("y").read_bytes() == picture(2)
    assert not collection.failed()  # it is there by now
    check(collection, tmp_path)


def test_the_same_bytes_are_deleted_with_another_image_meanwhile(
    pictures_library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection, write = pictures_library.collection("a"), filing._write
    sent(collection, 1, image_id="first").result()

    def beside(*arguments: Any) -> Any:
        monkeypatch.setattr(filing, "_write", write)
        # as the deletion of the other image does it in another process: its row is gone, ours is not there yet
        pictures_library.storage.media.forget(collection.row.key, digest)
        return write(*arguments)

    digest = collection.image("first").sha256
    assert digest is not None
    collection.delete("first")
    monkeypatch.setattr(filing, "_write", beside)
    assert sent(collection, 1, image_id="second").result().image_id == "second"
    assert collection.original("second").read_bytes() == picture(1)
    assert collection.thumbnail("second").exists()
    check(collection, tmp_path)


def test_what_is_given_up_leaves_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow, encode = threading.Event(), ClassicEncoder.encode_prepared

    def waiting(self: ClassicEncoder, batch: Any) -> Any:
        slow.wait(30)
        return encode(self, batch)

    monkeypatch.setattr(ClassicEncoder, "encode_prepared", waiting)
    library = Library.open(tmp_path / "library", encoder="classic")
    try:
        collection = library.collection("a")
        futures = [sent(collection, seed) for seed in range(6)]
        wait_until(lambda: len(files(library, collection)) >= 6)
        library.pipeline.abandon()
        for future in futures:
            with pytest.raises(StoppingError):
                future.result()
        slow.set()
        wait_until(lambda: not files(library, collection))
        assert left_over(library)["inbox"] == 0
    finally:
        slow.set()
        library.close()


def test_a_collection_that_is_deleted_meanwhile_takes_it_along(
    pictures_library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode, may, begun = ClassicEncoder.encode_prepared, threading.Event(), threading.Event()

    def waiting(self: ClassicEncoder, batch: Any) -> Any:
        begun.set()
        may.wait(30)
        return encode(self, batch)

    monkeypatch.setattr(ClassicEncoder, "encode_prepared", waiting)
    collection = pictures_library.collection("a")
    row, future = collection.row, sent(collection, 1)
    assert begun.wait(30)
    pictures_library.delete_collection("a")
    may.set()
    with pytest.raises(NotFoundError):
        future.result()
    wait_until(lambda: not any(folder.exists() for folder in pictures_library.storage.media.folders(row.key)))


def test_one_that_the_encoder_cannot_prepare_waits_in_the_inbox_and_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Library.open(tmp_path / "library", encoder="classic", uploads={"retry_seconds": 0.05}) as library:
        collection = library.collection("a")
        with monkeypatch.context() as patch:
            patch.setattr(ClassicEncoder, "prepare", lambda *_: 1 / 0)
            for promised in (False, True):
                item = Item("1.png", data=picture(int(promised)))
                with pytest.raises(EncoderFailedError, match="stays in the inbox"):
                    library.pipeline.submit(collection.row, item, promised=promised).result()
            assert left_over(library)["inbox"] == 2
        wait_until(lambda: left_over(library)["inbox"] == 0)  # without a restart
        assert len(check(collection, tmp_path)) == 2


def test_one_that_fails_while_the_library_is_closed_waits_in_the_inbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, may = threading.Event(), threading.Event()

    def failing(*_: object) -> None:
        begun.set()
        may.wait(30)
        raise ZeroDivisionError

    library = Library.open(tmp_path / "library", encoder="classic")
    with monkeypatch.context() as patch:
        patch.setattr(ClassicEncoder, "encode_prepared", failing)
        answer = sent(library.collection("a"), 1)
        assert begun.wait(30)
        closing = threading.Thread(target=library.close)
        closing.start()
        time.sleep(0.2)  # it waits for the encoder by now
        may.set()
        closing.join(30)
        with pytest.raises(EncoderFailedError, match="stays in the inbox"):
            answer.result(30)
    with Library.open(tmp_path / "library") as library:
        wait_until(lambda: left_over(library)["inbox"] == 0)
        assert len(check(library.collection("a"), tmp_path)) == 1
