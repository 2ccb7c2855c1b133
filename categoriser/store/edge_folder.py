"""Opening the folder of the embedded store: one owner, made whole or not at all."""

from __future__ import annotations

import json
import os
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

FIRST = "shard"  # folder of the first shard; later ones are shard-1, shard-2, …
_TELL_EVERY = 256  # deleted points


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
    """Where in the store's folder the shard lies, and how many of its points were deleted.

    A compaction makes a new shard beside the old one: ``current`` names the one that counts, any other is rubbish. A
    store that was never compacted has no such file and its shard in ``shard``.
    """

    def __init__(self, folder: Path, dimension: int) -> None:
        """Of the store in ``folder``, which the caller owns."""
        self._folder = folder
        self._dimension = dimension
        self._pointer, self._tally = folder / "current", folder / "deleted"
        self.current = self._named()
        try:
            self.deleted = int(self._tally.read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):  # counted anew, it only says when a compaction is worth its while
            self.deleted = 0
        self._told = self.deleted

    def opened(self) -> EdgeShard:
        """Open the shard, made on the first call.

        Raises:
            EncoderMismatchError: it holds vectors of another dimension.
        """
        if not self.current.exists():
            self._make_first()
        for path in self._others():  # of a compaction that was cut short
            self.remove(path)
        config = json.loads((self.current / "edge_config.json").read_text(encoding="utf-8"))
        stored = config["vectors"][""]["size"]
        if stored != self._dimension:
            raise EncoderMismatchError(
                f"The vector store in {self._folder} holds vectors of dimension {stored} and the encoder makes "
                f"{self._dimension}: open it with the encoder it was made with, or start an empty library."
            )
        try:
            return EdgeShard.load(os.fspath(self.current))
        except Exception as error:  # the engine raises nothing finer
            if "WouldBlock" in str(error):  # opened by a program that does not know our lock file
                raise LibraryInUseError(_in_use(self._folder)) from error
            raise CategoriserError(f"The vector store in {self._folder} cannot be opened: {error}") from error

    def second(self) -> tuple[Path, EdgeShard]:
        """Make an empty shard beside the current one."""
        number = 1 + max((_number(path) for path in [self.current, *self._others()]), default=0)
        path = self._folder / f"{FIRST}-{number}"
        return path, _made(path, self._dimension)

    def switch(self, path: Path, deleted: int) -> None:
        """Let the shard in ``path``, all of it on the disk, be the current one; of its points ``deleted`` are gone.

        The old one is left to ``remove``, or to the next opening.
        """
        partial = self._pointer.with_name(".current")
        with partial.open("w", encoding="ascii") as file:
            file.write(path.name)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self._pointer)
        self.current, self.deleted = path, deleted
        with suppress(OSError):  # it is done; a disk that fails here fails everywhere
            _sync(self._folder)
            self.tell()

    def count_deleted(self, number: int) -> None:
        """Add to how many points were deleted; a process that dies forgets some hundreds."""
        self.deleted += number
        if self.deleted - self._told >= _TELL_EVERY:
            self.tell()

    def tell(self) -> None:
        """Write down how many points were deleted."""
        if self.deleted != self._told:
            self._tally.write_text(str(self.deleted), encoding="ascii")
            self._told = self.deleted

    def remove(self, path: Path) -> None:
        """Delete a shard that is not the current one, as far as that goes; what is left goes at the next opening."""
        if path != self._named():
            shutil.rmtree(path, ignore_errors=True)

    def _named(self) -> Path:
        try:
            return self._folder / self._pointer.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return self._folder / FIRST

    def _make_first(self) -> None:
        if self.current.name != FIRST or self._others():
            raise CategoriserError(
                f"The vector store in {self._folder} lacks its folder {self.current.name}: restore it from a backup."
            )
        # beside its place and then renamed: a crash in between leaves no half-made store
        draft = self._folder / f"{FIRST}.new"
        self.remove(draft)
        shard = _made(draft, self._dimension)
        shard.flush()
        shard.close()
        draft.rename(self.current)
        _sync(self._folder)

    def _others(self) -> list[Path]:
        found = [self._folder / FIRST, *self._folder.glob(f"{FIRST}-*")]
        return [path for path in found if path != self.current and path.exists()]


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


def _number(path: Path) -> int:
    number = path.name.removeprefix(f"{FIRST}-")
    return int(number) if number.isdecimal() else 0


def _sync(folder: Path) -> None:
    if os.name == "nt":  # has no handle for a folder; a rename is journalled there
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _in_use(folder: Path) -> str:
    return (
        f"The library in {folder.absolute()} is open in another process or a second time in this one: "
        "stop the other (a running `categoriser serve`, perhaps), talk to it over HTTP, or use another folder."
    )
