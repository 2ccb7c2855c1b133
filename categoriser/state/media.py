"""Originals and thumbnails on disk, by content, one folder per collection."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any


class Media:
    """Files of a library. ``key`` is a collection's key, so that no path leads from one collection to another.

    ``settling`` is held while it is decided that a content is needed, or needed no longer, and the file follows. Where
    several processes do so, an original is set aside before it is seen for the last time whether it is needed.
    """

    def __init__(self, folder: Path, *, process: str = "") -> None:
        """``process``: the name of this one where several write the same folder."""
        self._originals = folder / "originals"
        self._thumbnails = folder / "thumbnails"
        self._captions = folder / "captions"
        self._drafts = folder / "drafts" / re.sub(r"[^A-Za-z0-9.-]", "-", process) if process else folder / "drafts"
        self._drafted = itertools.count()
        self.settling = threading.RLock()
        shutil.rmtree(self._drafts, ignore_errors=True)  # what a killed process left half written

    def original(self, key: str, sha256: str) -> Path:
        """Where the original of an upload lies."""
        return self._originals / key / sha256[:2] / sha256

    def thumbnail(self, key: str, sha256: str) -> Path:
        """Where the JPEG thumbnail of an image lies."""
        return self._thumbnails / key / sha256[:2] / f"{sha256}.jpg"

    def captions(self, key: str) -> Path:
        """Where descriptions of pictures lie, one file per content."""
        return self._captions / key

    def keep_original(self, key: str, sha256: str, data: bytes) -> None:
        """Write an original; on return it survives power loss."""
        self._write(self.original(key, sha256), data, durable=True)

    def keep_thumbnail(self, key: str, sha256: str, data: bytes) -> None:
        """Write a thumbnail; it can be made again, so nobody waits for the disk."""
        self._write(self.thumbnail(key, sha256), data, durable=False)

    def locate(self, key: str, image: Mapping[str, Any]) -> Path | None:
        """The original of an image row, ours or the caller's own file; None for ready vectors."""
        if image["stored"]:
            return self.original(key, image["sha256"])
        return Path(image["source"]) if image["source"] and image["sha256"] else None

    def set_aside(self, key: str, sha256: str) -> None:
        """Put an original where nobody finds it; then it has to be seen again whether it is needed."""
        with suppress(FileNotFoundError):
            self.original(key, sha256).replace(self._aside(key, sha256))

    def put_back(self, key: str, sha256: str) -> None:
        """It is needed."""
        with suppress(FileNotFoundError):
            self._aside(key, sha256).replace(self.original(key, sha256))

    def _aside(self, key: str, sha256: str) -> Path:
        return self.original(key, sha256).with_suffix(".leaving")

    def places(self, key: str, sha256: str) -> list[Path]:
        """Where files of one image are, as far as there are any."""
        caption = self.captions(key) / sha256[:2] / f"{sha256}.json"
        return [self.original(key, sha256), self._aside(key, sha256), self.thumbnail(key, sha256), caption]

    def forget(self, key: str, sha256: str) -> None:
        """Delete the files of one image."""
        for path in self.places(key, sha256):
            path.unlink(missing_ok=True)

    def folders(self, key: str) -> list[Path]:
        """Where the files of a collection lie, in an order that is the same in every library."""
        return [folder / key for folder in (self._originals, self._thumbnails, self._captions)]

    def drop(self, key: str) -> None:
        """Delete all files of a collection."""
        for folder in self.folders(key):
            shutil.rmtree(folder, ignore_errors=True)

    def _write(self, path: Path, data: bytes, *, durable: bool) -> None:
        if durable and path.exists():
            return
        draft = self._drafts / f"{path.name}.{next(self._drafted)}"
        try:
            self._write_draft(draft, path, data, durable=durable)
        except FileNotFoundError:  # the first file of its folder
            path.parent.mkdir(parents=True, exist_ok=True)
            self._drafts.mkdir(parents=True, exist_ok=True)
            self._write_draft(draft, path, data, durable=durable)
        if durable:
            _sync(path.parent)

    def _write_draft(self, draft: Path, path: Path, data: bytes, *, durable: bool) -> None:
        try:
            _written(draft, data, durable=durable)
            draft.replace(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise


def _written(path: Path, data: bytes, *, durable: bool) -> None:
    """Write a file; with few calls, as others have a turn of the interpreter after each."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o666)
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(handle, left) :]
        if durable:
            os.fsync(handle)
    finally:
        os.close(handle)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
