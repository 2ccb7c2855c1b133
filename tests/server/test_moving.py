"""A collection moves from an embedded library to servers and back with all that belongs to it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from categoriser import Library
from categoriser.cli.app import app
from categoriser.errors import CategoriserError, ConfigurationError
from categoriser.library.moving import move_collection
from tests.whole import check, picture, pictures

Open = Callable[..., Library]


@pytest.fixture
def lived(tmp_path: Path) -> Path:
    """An embedded library with a collection that has a history, and a view."""
    with Library.open(tmp_path / "own", encoder="classic") as library:
        photos = library.collection("photos")
        photos.add(pictures(tmp_path / "files", 40))
        photos.add(picture(1000))
        photos.run()
        first, *_ = photos.categories()
        photos.rename(first.id, "Round ones")
        photos.delete([photos.images(limit=1)[0].id])
        texts = {
            one.id: f"a picture of {'circles' if place % 2 else 'lines'}" for place, one in enumerate(photos.images())
        }
        view = photos.view("by shape", criterion="shape", texts=texts)
        assert len(view)
    return tmp_path / "own"


def test_a_collection_moves_to_servers_and_back(opened: Open, lived: Path, tmp_path: Path) -> None:
    shared = opened("classic")
    with Library.open(lived, encoder="classic") as own:
        photos = own.collection("photos")
        before = check(photos, tmp_path)
        moved = move_collection(own, shared, "photos")
        assert (moved.images, moved.vectors, moved.views) == (40, 40, 1)
        there = shared.collection("photos")
        assert check(there, tmp_path) == before
        assert there.categories() == photos.categories()
        assert [one.kind for one in there.versions()] == [one.kind for one in photos.versions()]
        image = photos.images(limit=1)[0].id
        assert [one.image_id for one in there.search(image_id=image, limit=5)] == [
            one.image_id for one in photos.search(image_id=image, limit=5)
        ]
        assert there.thumbnail(image).read_bytes() == photos.thumbnail(image).read_bytes()
        assert there.view("by shape").assignments() == photos.view("by shape").assignments()
        with pytest.raises(ConfigurationError, match="already"):
            move_collection(own, shared, "photos", as_name="other")
        assert check(photos, tmp_path) == before
        there.add(picture(2000))
        there.run()
    with Library.open(tmp_path / "new", encoder="classic") as other:
        move_collection(shared, other, "photos", as_name="again")
        assert check(other.collection("again"), tmp_path) == check(there, tmp_path)


def test_a_move_that_was_interrupted_goes_on_and_is_seen_only_when_it_is_whole(
    opened: Open, lived: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = opened("classic")
    with Library.open(lived, encoder="classic") as own:
        photos = own.collection("photos")
        store = shared.storage.store(photos.row)
        with monkeypatch.context() as broken:
            broken.setattr(store, "put", _fail)
            with pytest.raises(CategoriserError, match="power"):
                move_collection(own, shared, "photos")
        assert shared.collections() == []
        photos.add(picture(3000))  # what was copied is not what is here any more
        before = check(photos, tmp_path)
        with monkeypatch.context() as lossy:
            lossy.setattr(store, "put", lambda *_: None)
            with pytest.raises(CategoriserError, match="vectors here and 0 there"):
                move_collection(own, shared, "photos")
        assert shared.collections() == []
        move_collection(own, shared, "photos")
        assert check(shared.collection("photos"), tmp_path) == before == check(photos, tmp_path)


def _fail(*_: object) -> None:
    raise CategoriserError("The power went.")


def test_the_command_moves_and_deletes(
    settings: dict[str, Any], lived: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CATEGORISER_DATABASE", settings["database"])
    for name, value in settings["store"].items():
        monkeypatch.setenv(f"CATEGORISER_STORE__{name.upper()}", str(value))
    shared = ["--library", str(tmp_path / "library"), "--embedded", str(lived), "--json"]
    answer = CliRunner().invoke(app, ["migrate-store", "photos", "--delete", *shared])
    assert answer.exit_code == 0, answer.output
    assert json.loads(answer.stdout)["vectors"] == 40
    answer = CliRunner().invoke(app, ["migrate-store", "photos", "--back", *shared])
    assert answer.exit_code == 0, answer.output
    for variable in ("DATABASE", "STORE__URL", "STORE__GRPC", "STORE__PREFIX"):
        monkeypatch.delenv(f"CATEGORISER_{variable}")
    with Library.open(lived) as own:
        assert len(check(own.collection("photos"), tmp_path)) == 40
