"""Opening the folder of the embedded store: one owner, made whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
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


def opened_shard(folder: Path, dimension: int) -> EdgeShard:
    """Open the shard in ``folder``, made on the first call; the caller owns the folder.

    Raises:
        EncoderMismatchError: it holds vectors of another dimension.
    """
    path = folder / "shard"
    if not path.exists():
        _create(path, dimension)
    config = json.loads((path / "edge_config.json").read_text(encoding="utf-8"))
    stored = config["vectors"][""]["size"]
    if stored != dimension:
        raise EncoderMismatchError(
            f"The vector store in {folder} holds vectors of dimension {stored} and the encoder makes {dimension}: "
            "open it with the encoder it was made with, or start an empty library."
        )
    try:
        return EdgeShard.load(os.fspath(path))
    except Exception as error:  # the engine raises nothing finer
        if "WouldBlock" in str(error):  # opened by a program that does not know our lock file
            raise LibraryInUseError(_in_use(folder)) from error
        raise CategoriserError(f"The vector store in {folder} cannot be opened: {error}") from error


def _create(path: Path, dimension: int) -> None:
    # beside its place and then renamed: a crash in between leaves no half-made store
    draft = path.with_name("shard.new")
    shutil.rmtree(draft, ignore_errors=True)
    config = EdgeConfig(
        # Cached reads the mapped vectors in on opening; left to themselves the first searches wait for the disk
        vectors=EdgeVectorParams(size=dimension, distance=Distance.Cosine, memory=Memory.Cached),
        payload_memory=Memory.Cold,
        max_search_threads=1,  # there is one segment
    )
    shard = EdgeShard.create(os.fspath(draft), config)
    shard.update(UpdateOperation.create_field_index(COLLECTION, KeywordIndexParams(is_tenant=True)))
    shard.update(UpdateOperation.create_field_index(MICRO_ID, IntegerIndexParams(lookup=True, range=False)))
    shard.update(UpdateOperation.create_field_index(ADDED_AT, FloatIndexParams()))
    shard.flush()
    shard.close()
    draft.rename(path)
    _sync(path.parent)


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
