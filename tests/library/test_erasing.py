"""A user's complete deletion, counted before and after."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from categoriser import Library
from categoriser.catalog.tables import metadata
from categoriser.errors import NotFoundError
from categoriser.library.erasing import erase, preview_erasure
from tests.whole import named_anywhere, picture, pictures


def fill(library: Library, name: str, folder: Path) -> None:
    """Pictures, a run, corrections, a view, a failure and a key."""
    collection = library.collection(name)
    collection.add(folder)
    collection.add([picture(99), b"no picture"])
    collection.run()
    ids = [image.id for image in collection.images()]
    collection.move(ids[:2], None, label=f"{name}'s own")
    collection.view("by shape", texts=dict.fromkeys(ids, f"the shape of {name} is round"))
    library.access.create([f"write:{name}"], label="an app")


def steady(counts: dict[str, int]) -> dict[str, int]:
    """What does not change by itself: orders to the vector store go, and states are written, in the background."""
    return {what: number for what, number in counts.items() if what not in {"rows of outbox", "files in state"}}


def test_nothing_is_left_of_one_user_and_everything_of_the_other(pictures_library: Library, tmp_path: Path) -> None:
    library = pictures_library
    for name in ("wilhelmina", "bob"):
        fill(library, name, pictures(tmp_path / "pictures", 6))
    bob = preview_erasure(library, "bob").before
    preview = preview_erasure(library, "wilhelmina")
    assert steady(preview.before) == steady(bob)
    assert preview.after is None
    assert preview.before["rows of images"] == preview.before["vectors"] == 14  # of the collection and its view
    for what in ("rows of collections", "rows of views", "rows of events", "rows of versions", "files in thumbnails"):
        assert preview.before[what] > 0, what
    assert library.collection("wilhelmina", create=False).images(), "a preview deletes nothing"
    report = erase(library, "wilhelmina")
    assert report.complete
    assert steady(report.before) == steady(preview.before)
    assert report.after is not None
    assert set(report.after.values()) == {0}
    assert named_anywhere(library, "wilhelmina") == []
    assert steady(preview_erasure(library, "bob").before) == steady(bob)
    with pytest.raises(NotFoundError):
        erase(library, "wilhelmina")


def test_every_table_that_belongs_to_collections_is_counted(pictures_library: Library) -> None:
    pictures_library.collection("anna")
    counted = preview_erasure(pictures_library, "anna").before
    inspector = sa.inspect(pictures_library.storage.database.engine)
    owned = {
        table
        for table in inspector.get_table_names()
        if any("collection" in column["name"] for column in inspector.get_columns(table))
    }
    told = {what.removeprefix("rows of ") for what in counted}
    assert owned - {"audit"} <= told  # of which the entries that name it are counted by themselves
    assert set(metadata.tables) >= owned


def test_who_takes_the_name_later_shares_it_with_nobody(pictures_library: Library) -> None:
    library = pictures_library
    library.collection("anna").add(picture(1))
    old = library.access.create(["write:anna"])
    library.delete_collection("anna")  # the plain deletion ends them too
    library.collection("anna")
    assert library.access.get(old.info.id).revoked_at is not None
    assert library.access.get(old.info.id).scopes == ()
