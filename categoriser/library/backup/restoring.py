"""Makes a library from a backup: beside its place and then renamed, so that there is never half of one."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from categoriser.catalog import Database, collections, copying, images
from categoriser.catalog.collections import CollectionRow
from categoriser.domain import Points
from categoriser.errors import CategoriserError, ConfigurationError
from categoriser.library.backup.files import Copying
from categoriser.library.backup.manifest import Manifest, read_manifest
from categoriser.library.health import check_library, every_collection
from categoriser.library.library import Library
from categoriser.pipeline import remove_collection, remove_images
from categoriser.settings import Settings
from categoriser.state import store_micro

_PAGE: Final = 1000
_FILES: Final = ("originals", "thumbnails", "captions")
Progress = Callable[[int, int | None], None]


@dataclass(slots=True)
class RestoreReport:
    """What was restored; its counts were compared with the backup's."""

    folder: str
    moment: float  # Unix seconds: the library is as it was then
    collections: int = 0
    images: int = 0
    originals: int = 0
    waiting: int = 0  # accepted pictures that the next start files
    gone: int = 0  # images that were deleted while the backup was made
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)  # of which the library works all the same


def restore(source: Path, folder: Path, *, progress: Progress | None = None, **settings: Any) -> RestoreReport:
    """Make a library in a folder, and in the database of the settings if they name one, from a backup.

    Args:
        source: folder of the backup.
        folder: where the library is to be; it must be empty or not exist.
        progress: called with the number of collections done and of all.
        settings: any field of `Settings`.

    Raises:
        NotFoundError: there is no finished backup.
        ConfigurationError: the folder or the database is not empty, or the backup is damaged.
        CategoriserError: the restored library does not hold what the backup says; nothing is left in the folder.
    """
    started = time.perf_counter()
    source, folder = source.expanduser().absolute(), folder.expanduser().absolute()
    manifest = read_manifest(source)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigurationError(f"{folder} is not empty: restore into a folder that is, or that does not exist.")
    draft = folder.with_name(f".{folder.name}.restoring")
    shutil.rmtree(draft, ignore_errors=True)  # of a restore that was interrupted
    try:
        draft.mkdir(parents=True)
        _place_catalog(manifest.catalog(source), draft, Settings.load(**settings))
        originals = _place_files(source, draft)
        with Library.open(draft, resume=False, **settings) as library:
            report = _fill(library, source, manifest, progress)
        report.folder, report.originals = str(folder), originals
        if folder.exists():
            folder.rmdir()
        draft.rename(folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    report.seconds = time.perf_counter() - started
    return report


def _place_catalog(catalog: Path, draft: Path, settings: Settings) -> None:
    if not catalog.is_file():
        raise ConfigurationError(f"The backup lacks {catalog.name}: take another one.")
    target = draft / "catalog.sqlite"
    shutil.copyfile(catalog, target)
    copying.forget_orders(target)
    if settings.database:
        database = Database(settings.database)
        try:
            copying.fill(target, database)
        finally:
            database.close()
        target.unlink()


def _place_files(source: Path, draft: Path) -> int:
    files, originals = Copying(), 0
    for name in _FILES:
        for path in (source / name).rglob("*"):
            if path.is_file() and files.take(path, draft / path.relative_to(source)):
                originals += name == "originals"
    return originals


def _fill(library: Library, source: Path, manifest: Manifest, progress: Progress | None) -> RestoreReport:
    report = RestoreReport("", manifest.moment)
    rows = list(every_collection(library))
    for number, row in enumerate(rows):
        held = manifest.collections.get(row.key)
        if held is None:
            raise ConfigurationError(f"The backup lacks collection {row.name!r}: it is damaged, take another one.")
        if not held.dropped:
            _put(library, row, manifest.vectors(source))
            _forget(library, row, held.gone)
            report.gone += len(held.gone)
        if progress is not None:
            progress(number + 1, len(rows))
    for row in sorted(rows, key=lambda row: row.parent_key is None):  # views before what they are views of
        if manifest.collections[row.key].dropped:
            remove_collection(library.storage, row.id)
    library.storage.delivery.flush()
    _compare(library, manifest, report)
    return report


def _put(library: Library, row: CollectionRow, folder: Path) -> None:
    try:
        at = np.load(folder / f"{row.key}.npy")
        shape = (len(at), row.dimension)
        empty = np.empty(shape, np.float32)
        vectors = np.memmap(folder / f"{row.key}.f32", np.float32, "r", shape=shape) if len(at) else empty
    except (OSError, ValueError, EOFError) as error:  # missing, too short, or no array at all
        raise ConfigurationError(
            f"The vectors of collection {row.name!r} in the backup cannot be read ({error}); take another backup."
        ) from error
    with library.storage.database.read() as connection:
        known = {number: (image_id, micro) for number, image_id, micro, *_ in images.engine_rows(connection, row.id)}
        added = images.arrivals(connection, row.id)
    places = [place for place, number in enumerate(at.tolist()) if number in known]
    store = library.storage.store(row)
    if store.count(row.key):
        raise ConfigurationError(
            f"The vector store holds vectors of collection {row.name!r} already, perhaps of a library that is in use: "
            "restore with another setting store.prefix."
        )
    for start in range(0, len(places), _PAGE):
        part = places[start : start + _PAGE]
        numbers = [int(at[place]) for place in part]
        store.put(
            row.key,
            Points(
                image_ids=[known[number][0] for number in numbers],
                vectors=np.ascontiguousarray(vectors[part], np.float32),
                micro_ids=np.array([store_micro(row.id, known[number][1]) for number in numbers], np.int64),
                added_at=[added[number] for number in numbers],
            ),
        )
    store.flush()


def _forget(library: Library, row: CollectionRow, gone: list[str]) -> None:
    """Delete what was deleted while the backup was made; its vectors are lent for that, for they are missing."""
    if not gone:
        return
    with library.storage.database.read() as connection:
        there = images.known(connection, row.id, gone)
    store = library.storage.store(row)
    have = set(store.fetch(row.key, gone).image_ids)
    lent = [image_id for image_id in there if image_id not in have]
    if lent:
        vectors = np.zeros((len(lent), row.dimension), np.float32)
        vectors[:, 0] = 1.0
        micros = np.array([store_micro(row.id, there[image_id]["micro"]) for image_id in lent], np.int64)
        store.put(row.key, Points(lent, vectors, micros, [0.0] * len(lent)))
    remove_images(library.storage, row.id, list(there))


def _compare(library: Library, manifest: Manifest, report: RestoreReport) -> None:
    with library.storage.database.read() as connection:
        names = {row.name: row for row in collections.everything(connection)}
    for row in every_collection(library):
        held = manifest.collections[row.key]
        with library.storage.database.read() as connection:
            number = len(images.engine_rows(connection, row.id))
        vectors = library.storage.store(row).count(row.key)
        if not number == vectors == held.images - len(held.gone):
            raise CategoriserError(
                f"Of collection {row.name!r} the backup has {held.images - len(held.gone)} images, and {number} with "
                f"{vectors} vectors were restored: the backup is damaged, take another one."
            )
        report.images += number
    report.collections = len(names)
    health = check_library(library)
    report.waiting = sum(one.waiting for one in health.collections)
    report.problems = [problem for one in health.collections if not one.waiting for problem in one.problems]
