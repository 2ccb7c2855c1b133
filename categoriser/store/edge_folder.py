"""Opening the folder of the embedded store: one owner, made whole or not at all."""

from __future__ import annotations

import json
import os
import re
import shutil
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout
from qdrant_edge import (
    Distance,
    EdgeConfig,
    EdgeShard,
    EdgeVectorParams,
    FloatIndexParams,
    IntegerIndexParams,
    KeywordIndexParams,
    Memory,
    UpdateOperation,
)

from categoriser.errors import CategoriserError, EncoderMismatchError, LibraryInUseError
from categoriser.store.payload import ADDED_AT, COLLECTION, MICRO_ID

_FIRST = "shard"  # folder of the first shard; later ones are shard-1, shard-2, …


def owned_folder(folder: Path) -> FileLock:
    """Make ``folder`` if need be and return the lock that keeps others out until it is released or the process ends.

    Raises:
        LibraryInUseError: somebody else holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # thread_local=False: the thread that closes the store need not be the one that opened it
    lock = FileLock(folder / "lock", thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise LibraryInUseError(_in_use(folder)) from None
    return lock


class ShardFolder:
    """Where in the store's folder the shard lies.

    A compaction makes a new shard beside the old one: ``current`` names the one that counts, any other is rubbish. A
    store that was never compacted has no such file and its shard in ``shard``.
    """

    def __init__(self, folder: Path, dimension: int) -> None:
        """Of the store in ``folder``, which the caller owns.

        Raises:
            CategoriserError: ``current`` says nothing that can be.
        """
        self._folder = folder
        self._dimension = dimension
        self._pointer = folder / "current"
        self.current = self._named()

    def opened(self) -> EdgeShard:
        """Open the shard, made on the first call.

        Raises:
            EncoderMismatchError: it holds vectors of another dimension.
            CategoriserError: it cannot be opened; nothing was changed.
        """
        if not self.current.is_dir():
            self._make_first()
        config = json.loads((self.current / "edge_config.json").read_text(encoding="utf-8"))
        stored = config["vectors"][""]["size"]
        if stored != self._dimension:
            raise EncoderMismatchError(
                f"The vector store in {self._folder} holds vectors of dimension {stored} and the encoder makes "
                f"{self._dimension}: open it with the encoder it was made with, or start an empty library."
            )
        try:
            shard = EdgeShard.load(os.fspath(self.current))
        except Exception as error:  # the engine raises nothing finer
            if "WouldBlock" in str(error):  # opened by a program that does not know our lock file
                raise LibraryInUseError(_in_use(self._folder)) from error
            raise CategoriserError(f"The vector store in {self._folder} cannot be opened: {error}") from error
        for path in self._others():  # of a compaction that was cut short
            self.remove(path)
        return shard

    def second(self) -> tuple[Path, EdgeShard]:
        """Make an empty shard beside the current one."""
        numbers = [path.name.removeprefix(f"{_FIRST}-") for path in [self.current, *self._others()]]
        path = self._folder / f"{_FIRST}-{1 + max((int(one) for one in numbers if one.isdecimal()), default=0)}"
        try:
            return path, _made(path, self._dimension)
        except BaseException:
            self.remove(path)
            raise

    def switch(self, path: Path) -> None:
        """Let the shard in ``path`` be the current one, once all of it is on the disk.

        The old one is left to ``remove``, or to the next opening. Whatever is raised: ``is_current`` says what it is.
        """
        settle(path)
        partial = self._pointer.with_name(".current")
        with partial.open("w", encoding="ascii") as file:
            file.write(path.name)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self._pointer)
        _sync(self._folder)

    def is_current(self, path: Path) -> bool:
        """Whether the next opening opens the shard in ``path``."""
        return self._named() == path

    def places(self) -> int:
        """How many points the current shard has room for, the deleted ones included, as of the last flush.

        Read from the file where the engine has the version of each, 8 bytes long; 0 where there is none.
        """
        return sum(file.stat().st_size for file in self.current.glob("segments/*/mutable_id_tracker.versions")) // 8

    def remove(self, path: Path) -> None:
        """Delete a shard that is not the current one, as far as that goes; what is left goes at the next opening."""
        if self.is_current(path):
            return
        shutil.rmtree(path, ignore_errors=True)
        if path.name == _FIRST and not path.exists():
            with suppress(OSError):  # who knows nothing of `current` would make an empty one in its place
                path.write_text("The vectors are in the folder that the file 'current' names.\n", encoding="ascii")

    def _make_first(self) -> None:
        if self.current.name != _FIRST or self.current.exists() or self._others():
            raise CategoriserError(
                f"The vector store in {self._folder} lacks its folder {self.current.name}: restore it from a backup."
            )
        # beside its place and then renamed: a crash in between leaves no half-made store
        draft = self._folder / f"{_FIRST}.new"
        shutil.rmtree(draft, ignore_errors=True)
        shard = _made(draft, self._dimension)
        shard.flush()
        shard.close()
        draft.rename(self.current)
        _sync(self._folder)

    def _others(self) -> list[Path]:
        found = [self._folder / _FIRST, *self._folder.glob(f"{_FIRST}-*")]
        return [path for path in found if path != self.current and path.is_dir()]

    def _named(self) -> Path:
        try:
            name = self._pointer.read_bytes().decode("ascii", "replace").strip()
        except FileNotFoundError:
            return self._folder / _FIRST
        if not re.fullmatch(rf"{_FIRST}(-\d+)?", name):
            raise CategoriserError(
                f"The file {self._pointer} does not name the folder that has the vectors: restore it from a backup."
            )
        return self._folder / name


def settle(path: Path) -> None:
    """Return when all files and folders under ``path`` are on the disk; the engine sees to what it writes in them."""
    for folder, _, names in os.walk(path):
        for name in names:
            _sync(Path(folder) / name)
        _sync(Path(folder))


def _made(path: Path, dimension: int) -> EdgeShard:
    config = EdgeConfig(
        # Cached reads the mapped vectors in on opening; left to themselves the first searches wait for the disk
        vectors=EdgeVectorParams(size=dimension, distance=Distance.Cosine, memory=Memory.Cached),
        payload_memory=Memory.Cold,
        max_search_threads=1,  # there is one segment
    )
    shard = EdgeShard.create(os.fspath(path), config)
    shard.update(UpdateOperation.create_field_index(COLLECTION, KeywordIndexParams(is_tenant=True)))
    shard.update(UpdateOperation.create_field_index(MICRO_ID, IntegerIndexParams(lookup=True, range=False)))
    shard.update(UpdateOperation.create_field_index(ADDED_AT, FloatIndexParams()))
    return shard


def _sync(path: Path) -> None:
    if os.name == "nt":  # has no handle for a folder; a rename is journalled there
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _in_use(folder: Path) -> str:
    return (
        f"The library in {folder.absolute()} is open in another process or a second time in this one: "
        "stop the other (a running `categoriser serve`, perhaps), talk to it over HTTP, or use another folder."
    )
