"""Backs a library up while it works.

First the catalog is copied as of one moment, then the vectors and files that this copy names: both never change once
they are written, so it does not matter that they are read later. What was deleted in between is missing by then and is
noted; a restore deletes it as well. Nobody has to wait, and what a person deleted does not come back.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Final

import numpy as np
import sqlalchemy as sa
from filelock import FileLock, Timeout

from categoriser.catalog import collections, copying, images, inbox, outbox
from categoriser.catalog.collections import CollectionRow
from categoriser.domain import FloatMatrix, FloatVector
from categoriser.errors import BusyError, CategoriserError, ConfigurationError, StoppingError
from categoriser.library.backup.files import Copying
from categoriser.library.backup.manifest import FILE, Held, Manifest
from categoriser.library.library import Library

_PAGE: Final = 1000
_OF_PICTURES: Final = ("originals", "thumbnails", "captions")
Progress = Callable[[int, int | None], None]  # collections done, and of all


@dataclass(slots=True)
class BackupReport:
    """What a backup holds; its counts were compared with the catalog's."""

    folder: str
    moment: float  # Unix seconds
    collections: int = 0
    images: int = 0
    vectors: int = 0
    originals: int = 0
    waiting: int = 0  # accepted pictures that were not filed yet; a restored library files them
    outside: int = 0  # images whose files are the caller's own and are not in the backup
    gone: int = 0  # images that were deleted while the backup was made
    files_copied: int = 0
    files_kept: int = 0  # there from an earlier backup
    bytes_copied: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)


class Backups:
    """Makes backups of one library, one at a time."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._one = threading.Lock()
        self._stopped = threading.Event()

    def make(self, folder: Path, *, link: bool = False, progress: Progress | None = None) -> BackupReport:
        """Bring a backup in a folder up to date, or make one; until its end the earlier one is whole.

        Args:
            folder: of backups of this library alone.
            link: files on the same disk become second names of ours: no space, but no protection from a broken disk.
            progress: called with the number of collections done and of all.

        Raises:
            ConfigurationError: the folder holds something else, or lies in the library.
            BusyError: another backup is under way.
        """
        folder = folder.expanduser().absolute()
        if not self._one.acquire(blocking=False):
            raise BusyError("A backup of this library is under way; wait for its end.")
        try:
            _check(folder, self._library.storage.folder)
            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(folder / "lock", timeout=0):
                return _Backup(self._library, folder, Copying(link), self._stopped).make(progress)
        except Timeout:
            raise BusyError(f"Another process is writing a backup to {folder}; wait for its end.") from None
        except OSError as error:
            raise CategoriserError(
                f"The backup to {folder} failed ({error.strerror or error}), and an earlier one there is as it was: "
                "make room or choose another folder."
            ) from error
        finally:
            self._one.release()

    def stop(self) -> None:
        """Give up the backup under way, if any, and wait for its end; an earlier one stays as it is."""
        self._stopped.set()
        with self._one:
            pass


class _Backup:
    """One backup."""

    def __init__(self, library: Library, folder: Path, copying_: Copying, stopped: threading.Event) -> None:
        self._storage = library.storage
        self._folder = folder
        self._files = copying_
        self._stopped = stopped
        self._needed: dict[str, set[str]] = {}  # key → stems of files

    def make(self, progress: Progress | None) -> BackupReport:
        """See Backups."""
        generation = os.urandom(8).hex()
        try:
            return self._make(generation, progress)
        except BaseException:
            self._drop_others(generation, but=False)
            raise

    def _make(self, generation: str, progress: Progress | None) -> BackupReport:
        started = time.perf_counter()
        report = BackupReport(str(self._folder), time.time())
        made_by = metadata.version("categoriser")
        manifest = Manifest(made_by=made_by, moment=report.moment, generation=generation, collections={})
        copying.snapshot(self._storage.database, manifest.catalog(self._folder))
        manifest.vectors(self._folder).mkdir()
        with copying.reading(manifest.catalog(self._folder)) as connection:
            rows = collections.everything(connection)
            kept = {row.key for row in rows}
            for number, row in enumerate(rows):
                manifest.collections[row.key] = self._collection(connection, row, manifest, report)
                if progress is not None:
                    progress(number + 1, len(rows))
        if report.problems:
            raise CategoriserError(
                f"The backup was not finished, and an earlier one is as it was: {report.problems[0]} "
                "`categoriser doctor --repair` shows what can be done."
            )
        manifest.write(self._folder)
        self._drop_others(generation, but=True)
        self._drop_unneeded(kept)
        report.files_copied, report.files_kept = self._files.copied, self._files.kept
        report.bytes_copied, report.seconds = self._files.size, time.perf_counter() - started
        return report

    def _collection(
        self, connection: sa.Connection, row: CollectionRow, manifest: Manifest, report: BackupReport
    ) -> Held:
        at = {image_id: number for number, image_id, *_ in images.engine_rows(connection, row.id)}
        found = self._vectors(connection, row, at, manifest.vectors(self._folder))
        gone = set(at) - found
        originals = self._originals(connection, row, gone, report)
        with self._storage.database.read() as now:
            dropped = collections.get(now, row.id) is None
            left = set() if dropped else images.known(now, row.id, sorted(gone)).keys()
        if left:
            report.problems.append(
                f"{len(left)} images of collection {row.name!r} lack their vector or their original, such as "
                f"{min(left)!r}."
            )
        if not dropped:
            report.collections += 1
            report.images += len(at) - len(gone)
            report.vectors += len(found)
            report.originals += originals
            report.waiting += inbox.waiting(connection, row.id)
            report.gone += len(gone)
        return Held(images=len(at), vectors=len(found), originals=originals, gone=sorted(gone), dropped=dropped)

    def _vectors(self, connection: sa.Connection, row: CollectionRow, at: Mapping[str, int], folder: Path) -> set[str]:
        """Write the vectors of a collection, page by page; returns the images whose vector is still there."""
        store, numbers, ids = self._storage.store(row), array("q"), list(at)
        with (folder / f"{row.key}.f32").open("wb") as file:

            def write(image_ids: Sequence[str], vectors: FloatMatrix) -> None:
                file.write(np.ascontiguousarray(vectors, np.float32).tobytes())
                numbers.extend(at[image_id] for image_id in image_ids)

            missing = set(at)
            for start in range(0, len(ids), _PAGE):
                self._check_stopped()
                points = store.fetch(row.key, ids[start : start + _PAGE])
                write(points.image_ids, points.vectors)
                missing.difference_update(points.image_ids)
            if missing:
                ordered = {one: vector for one, vector in _ordered(connection, row).items() if one in missing}
                if ordered:
                    write(list(ordered), np.stack(list(ordered.values())))
                    missing.difference_update(ordered)
            file.flush()
            os.fsync(file.fileno())
        with (folder / f"{row.key}.npy").open("wb") as file:
            np.save(file, np.frombuffer(numbers, np.int64))
            file.flush()
            os.fsync(file.fileno())
        return set(at) - missing

    def _originals(self, connection: sa.Connection, row: CollectionRow, gone: set[str], report: BackupReport) -> int:
        """Copy the files of a collection; adds images whose original is missing to those that are gone."""
        if row.parent_key is not None:
            return 0
        media, number = self._storage.media, 0
        needed = self._needed.setdefault(row.key, set())
        for image in images.files(connection, row.id):
            digest = image["sha256"]
            needed.add(digest)
            self._take(media.thumbnail(row.key, digest))  # if there is none it is made again
            self._take(media.captions(row.key) / digest[:2] / f"{digest}.json")
            if not image["stored"]:
                report.outside += 1
            elif self._take(media.original(row.key, digest)):
                number += 1
            else:
                gone.add(image["image_id"])
        for digest in inbox.digests(connection, row.id) - needed:
            needed.add(digest)
            self._take(media.original(row.key, digest))  # filed or deleted meanwhile, or a file of the caller's
        return number

    def _check_stopped(self) -> None:
        if self._stopped.is_set():
            raise StoppingError("The backup was given up, as the service stops; an earlier one is as it was.")

    def _take(self, source: Path) -> bool:
        self._check_stopped()
        return self._files.take(source, self._folder / source.relative_to(self._storage.folder))

    def _drop_others(self, generation: str, *, but: bool) -> None:
        """Delete catalogs and vectors of all generations but this one, or of this one."""
        for path in self._folder.glob("catalog-*"):
            if (generation in path.name) is not but:
                path.unlink()
        for path in self._folder.glob("vectors-*"):
            if (generation in path.name) is not but:
                shutil.rmtree(path)

    def _drop_unneeded(self, keys: set[str]) -> None:
        """Delete files that no image has any more: what a person deleted must not stay in backups for ever."""
        for name in _OF_PICTURES:
            for folder in (self._folder / name).glob("*"):
                if folder.name not in keys:
                    shutil.rmtree(folder)
                    continue
                needed = self._needed.get(folder.name, set())
                for path in folder.rglob("*"):
                    if path.is_file() and path.stem not in needed:
                        path.unlink()


def _ordered(connection: sa.Connection, row: CollectionRow) -> Mapping[str, FloatVector]:
    """Vectors of a collection that were on their way to the store at the moment of the backup."""
    found: dict[str, FloatVector] = {}
    last = 0
    while orders := outbox.unfinished(connection, after=last):
        for order in orders:
            if order.collection_key == row.key and order.points is not None:
                found |= dict(zip(order.points.image_ids, order.points.vectors, strict=True))
        last = orders[-1].id
    return found


def _check(folder: Path, library: Path) -> None:
    if folder == library or library in folder.parents or folder in library.parents:
        raise ConfigurationError(
            f"A backup cannot lie in the library or around it: choose another folder than {folder}."
        )
    if folder.exists() and not folder.is_dir():
        raise ConfigurationError(f"{folder} is a file: choose a folder for the backup.")
    ours = {FILE, f"{FILE}.new", "lock", *_OF_PICTURES}
    for path in folder.glob("*"):
        if path.name not in ours and not path.name.startswith(("catalog-", "vectors-")):
            raise ConfigurationError(
                f"{folder} holds something that is no backup ({path.name}): choose an empty folder, or that of an "
                "earlier backup of this library."
            )
