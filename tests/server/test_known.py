"""What another process filed is known, although this one has the collection in memory as it was before."""

from __future__ import annotations

from pathlib import Path

from categoriser import Collection
from categoriser.intake import Item
from tests.library.test_unpromised import files, sent
from tests.server.conftest import Open
from tests.whole import picture


def _two(opened: Open) -> tuple[Collection, Collection]:
    """The same collection in two processes; the second one has it in memory."""
    first, second = (opened(encoder="classic").collection("a") for _ in range(2))
    sent(second, 99).result(30)
    return first, second


def test_a_file_that_was_moved_is_followed(opened: Open, tmp_path: Path) -> None:
    first, second = _two(opened)
    old, new = tmp_path / "old.png", tmp_path / "new.png"
    old.write_bytes(picture(1))
    image = first._library.pipeline.submit(first.row, Item("old.png", path=old)).result(30).image_id
    old.rename(new)
    assert second._library.pipeline.submit(second.row, Item("new.png", path=new)).result(30).known
    assert second.image(image).source == str(new)


def test_an_upload_of_what_is_known_writes_nothing(opened: Open, tmp_path: Path) -> None:
    first, second = _two(opened)
    own = tmp_path / "own.png"
    own.write_bytes(picture(1))
    first._library.pipeline.submit(first.row, Item("own.png", path=own)).result(30)
    before = files(second._library, second)
    assert sent(second, 1).result(30).known
    assert files(second._library, second) == before
