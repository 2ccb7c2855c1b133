"""Doctor, repair, backup and restore of a library that several processes share, while a service goes on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
import sqlalchemy as sa

from categoriser import Library
from categoriser.domain import Points
from categoriser.errors import ConfigurationError
from categoriser.library.backup import Backups, restore
from categoriser.library.health import check_library
from categoriser.library.repair import find_faults, mend
from categoriser.state.queue import prepare
from tests.whole import check, picture

Open = Callable[..., Library]


def test_what_is_damaged_in_a_shared_library_is_found_and_mended_while_a_service_files(
    opened: Open, tmp_path: Path
) -> None:
    service, doctor = opened("classic"), opened("classic")
    photos = service.collection("a")
    photos.add([picture(seed) for seed in range(24)])
    photos.run()
    before = check(photos, tmp_path)
    assert check_library(doctor).problems == []
    assert find_faults(doctor) == []

    row, ids = photos.row, list(before)
    store, media = doctor.storage.store(row), doctor.storage.media
    store.delete(row.key, ids[:2])
    stray = np.zeros((1, row.dimension), np.float32)
    stray[0, 0] = 1.0
    store.put(row.key, Points(["nobody"], stray, np.array([7], np.int64), [0.0]))
    store.move(row.key, [ids[5]], [10**9])
    digests = [photos.image(one).sha256 for one in ids]
    media.thumbnail(row.key, str(digests[3])).unlink()
    media.keep_original(row.key, "ab" * 32, b"nobody's")
    media.keep_original("nobody", "ab" * 32, b"nobody's")

    assert len(check_library(doctor).problems) == 1
    found = find_faults(doctor)
    assert {one.kind: one.number for one in found} == {
        "orphaned-points": 1,
        "misplaced-points": 1,
        "missing-points": 2,
        "missing-thumbnails": 1,
        "orphaned-files": 1,
        "orphaned-folders": 1,
    }
    photos.add([picture(seed) for seed in range(100, 106)])  # after the look, before the repair
    service.collection("made meanwhile").add([picture(1)])
    assert [one.problem for one in mend(found)] == [None] * 6
    assert find_faults(doctor) == []
    assert check_library(doctor).problems == []
    after = check(photos, tmp_path)
    assert before.keys() < after.keys()
    assert len(after) == 30
    check(service.collection("made meanwhile"), tmp_path)


def test_nothing_that_came_after_the_look_is_taken_for_a_leftover(opened: Open, tmp_path: Path) -> None:
    service, doctor = opened("classic"), opened("classic")
    service.collection("a").add([picture(1)])
    with doctor.storage.database.write() as connection:  # as a look at another moment would see it
        connection.execute(sa.text("UPDATE collections SET key = 'hidden' WHERE name = 'a'"))
    found = find_faults(doctor)
    assert "orphaned-folders" in {one.kind for one in found}
    with doctor.storage.database.write() as connection:
        key = next(path.name for path in (tmp_path / "library" / "originals").iterdir())
        connection.execute(sa.text("UPDATE collections SET key = :key WHERE name = 'a'"), {"key": key})
    list(mend([one for one in found if one.kind == "orphaned-folders"]))
    photos = service.collection("a")
    assert photos.thumbnail(photos.images()[0].id).is_file()
    check(photos, tmp_path)


def test_a_backup_of_a_shared_library_is_restored_into_other_servers(
    opened: Open, settings: dict[str, Any], tmp_path: Path
) -> None:
    service, other = opened("classic"), opened("classic")
    prepare(service.storage.database.engine)  # tables of the queue, which are not ours
    photos = service.collection("a")
    photos.add([picture(seed) for seed in range(20)])
    photos.run()
    photos.rename(photos.categories()[0].id, "Mine")
    before = check(photos, tmp_path)
    report = Backups(other).make(tmp_path / "backup")
    assert (report.images, report.vectors, report.originals) == (20, 20, 20)
    photos.add([picture(700)])

    fresh = {**settings, "database": _another_database(settings["database"])}
    with pytest.raises(ConfigurationError, match=r"holds vectors of collection 'a' already.*prefix"):
        restore(tmp_path / "backup", tmp_path / "again", **fresh)
    assert len(check(photos, tmp_path)) == 21  # the vectors that there were are as they were
    fresh["database"] = _another_database(settings["database"])
    fresh["store"] = {**settings["store"], "prefix": f"test_{uuid4().hex}"}
    told = restore(tmp_path / "backup", tmp_path / "again", **fresh)
    assert (told.images, told.originals, told.problems) == (20, 20, [])
    with Library.open(tmp_path / "again", **fresh) as library:
        restored = library.collection("a")
        assert check(restored, tmp_path) == before
        assert "Mine" in {one.label for one in restored.categories()}
        restored.add([picture(800)])
        assert find_faults(library) == []
    shutil.rmtree(tmp_path / "backup")


def _another_database(url: str) -> str:
    made, name = sa.make_url(url), f"test_{uuid4().hex}"
    engine = sa.create_engine(made, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return made.set(database=name).render_as_string(hide_password=False)
