"""Files against the catalog: originals and thumbnails that are missing, files and folders that nobody needs."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from categoriser.catalog import collections, images, inbox
from categoriser.catalog.collections import CollectionRow
from categoriser.errors import RejectedError
from categoriser.intake import Limits, decode, thumbnail
from categoriser.library.library import Library
from categoriser.library.repair.findings import Finding, examples_of

_OF_PICTURES: Final = ("originals", "thumbnails", "captions")
_DIGEST: Final = re.compile("[0-9a-f]{64}")
_OF_COLLECTIONS: Final = (*_OF_PICTURES, "state")


def look_at_files(library: Library, row: CollectionRow) -> Iterator[Finding]:
    """Files of one collection; a view has none of its own."""
    if row.parent_key is not None:
        return
    media, folder = library.storage.media, library.storage.folder
    with library.storage.database.read() as connection:
        needed = {one["sha256"]: one for one in images.files(connection, row.id)}
        wanted = needed.keys() | inbox.digests(connection, row.id)
    gone = [
        one["image_id"] for sha, one in needed.items() if one["stored"] and not media.original(row.key, sha).is_file()
    ]
    if gone:
        yield Finding(
            "missing-originals",
            row.name,
            len(gone),
            f"{len(gone)} originals of collection {row.name!r} are missing; restore a backup, or delete these images "
            "and add them again. They can still be found and grouped.",
            examples_of(gone),
        )
    bare = [sha for sha in needed if not media.thumbnail(row.key, sha).is_file()]
    remade = [sha for sha in bare if (path := media.locate(row.key, needed[sha])) is not None and path.is_file()]
    if remade:
        yield Finding(
            "missing-thumbnails",
            row.name,
            len(remade),
            f"{len(remade)} thumbnails of collection {row.name!r} are missing; they are made again.",
            examples_of(needed[sha]["image_id"] for sha in remade),
            lambda: _make_thumbnails(library, row, [(sha, media.locate(row.key, needed[sha])) for sha in remade]),
        )
    unneeded = [path for name in _OF_PICTURES for path in _files(folder / name / row.key) if path.stem not in wanted]
    if unneeded:
        yield Finding(
            "orphaned-files",
            row.name,
            len(unneeded),
            f"{len(unneeded)} files of collection {row.name!r} belong to no image; they are deleted.",
            examples_of(path.relative_to(folder) for path in unneeded),
            partial(_delete, library, row, unneeded),
        )


def look_at_folders(library: Library, keys: set[str]) -> Iterator[Finding]:
    """Folders of collections that do not exist. ``keys``: those of all that do."""
    folder = library.storage.folder
    left = [
        path
        for name in _OF_COLLECTIONS
        if (folder / name).is_dir()
        for path in sorted((folder / name).iterdir())
        if path.name not in keys
    ]
    if left:
        yield Finding(
            "orphaned-folders",
            None,
            len(left),
            f"{len(left)} folders belong to collections that do not exist any more; they are deleted.",
            examples_of(path.relative_to(folder) for path in left),
            lambda: _delete_folders(library, left),
        )


def _make_thumbnails(library: Library, row: CollectionRow, wanted: Sequence[tuple[str, Path | None]]) -> int:
    settings, done = library.settings, 0
    limits = Limits(max_bytes=settings.max_bytes, max_pixels=settings.max_pixels)
    for digest, path in wanted:
        if path is None:
            continue
        try:
            picture = decode(path.read_bytes(), side=settings.thumbnail_side, limits=limits)
        except (RejectedError, OSError):  # a file of the caller's that is another one by now
            continue
        library.storage.media.keep_thumbnail(row.key, digest, thumbnail(picture.image, settings.thumbnail_side))
        done += 1
    return done


def _delete(library: Library, row: CollectionRow, paths: Sequence[Path]) -> int:
    storage = library.storage
    places = {stem: storage.media.places(row.key, stem) for stem in {path.stem for path in paths}}
    storage.forget_files(row.key, [stem for stem in places if _DIGEST.fullmatch(stem)])  # as far as unused by now
    for path in paths:
        if path not in places[path.stem]:  # we put nothing there
            path.unlink(missing_ok=True)
    return sum(not path.exists() for path in paths)


def _delete_folders(library: Library, paths: Sequence[Path]) -> int:
    with library.storage.database.read() as connection:
        keys = {row.key for row in collections.everything(connection)}  # by now: others may have made some
    for path in paths:
        if path.name in keys:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    return len(paths)


def _files(folder: Path) -> Iterator[Path]:
    for where, _, names in os.walk(folder):
        yield from (Path(where) / name for name in names)
