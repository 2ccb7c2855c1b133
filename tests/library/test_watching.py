"""A watched folder: what appears and changes is filed, once it is complete."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from categoriser import Collection, Library
from categoriser.library.watching import WatchReport, watch
from tests.whole import check, picture, pictures


@contextmanager
def watching(collection: Collection, folder: Path, *, settle: float = 0.1) -> Iterator[list[WatchReport]]:
    stop, reports = threading.Event(), list[WatchReport]()
    arguments = {"stop": stop, "told": reports.append, "settle_seconds": settle}
    thread = threading.Thread(target=watch, args=(collection, folder), kwargs=arguments)
    thread.start()
    try:
        wait_for(lambda: bool(reports))
        yield reports
    finally:
        stop.set()
        thread.join()


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_what_is_there_comes_later_and_changes_is_filed(pictures_library: Library, tmp_path: Path) -> None:
    folder, collection = pictures(tmp_path / "in", 3), pictures_library.collection("a")
    with watching(collection, folder):
        assert len(collection) == 3
        (folder / "new.png").write_bytes(picture(10))
        wait_for(lambda: len(collection) == 4)
        (folder / "new.png").write_bytes(picture(11))  # another image; that of the earlier content stays
        wait_for(lambda: len(collection) == 5)
        pictures(tmp_path / "elsewhere" / "deep", 2, start=20)
        (tmp_path / "elsewhere").rename(folder / "moved")
        wait_for(lambda: len(collection) == 7)
        (folder / "moved" / "deep" / "00020.png").unlink()
        (folder / "notes.txt").write_text("nothing")
        (folder / ".hidden.png").write_bytes(picture(12))
        (folder / "last.png").write_bytes(picture(13))
        wait_for(lambda: len(collection) == 8)
    check(collection, tmp_path)
    assert {image.name for image in collection.images()} >= {"new.png", "last.png", "00021.jpg"}


def test_a_file_that_is_being_written_waits_until_it_is_complete(pictures_library: Library, tmp_path: Path) -> None:
    folder, collection = tmp_path / "in", pictures_library.collection("a")
    folder.mkdir()
    data = picture(1, side=300, kind="BMP")
    with watching(collection, folder, settle=1.5) as reports:
        with (folder / "slow.bmp").open("wb") as file:
            for start in range(0, len(data), len(data) // 5):
                file.write(data[start : start + len(data) // 5])
                file.flush()
                time.sleep(0.1)
        wait_for(lambda: len(collection) == 1)
    assert reports[-1].refused == 0


def test_a_restart_catches_up_and_libraries_inside_are_left_out(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "in", 2)
    with Library.open(folder / "library", encoder="classic") as library:
        collection = library.collection("a")
        with watching(collection, folder):
            pass
        (folder / "meanwhile.png").write_bytes(picture(30))
        with watching(collection, folder) as reports:
            assert (reports[0].filed, reports[0].known) == (1, 2)
            (folder / "live.png").write_bytes(picture(31))
            wait_for(lambda: len(collection) == 4)
    assert reports[-1].filed == 2  # no thumbnail of the library among them
