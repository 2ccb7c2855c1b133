"""What is kept of a collection's engine on disk: vectors and neighbour lists by position, and the row at each.

It only saves the time to read and search them again, and may be deleted at any time.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from categoriser.domain import FloatMatrix, FloatVector, IntVector
from categoriser.engine import NOBODY
from categoriser.engine.neighbours import NeighbourLists, without
from categoriser.state.positions import Positions
from categoriser.state.vector_file import compact

LISTS: Final = "lists.npz"
VECTORS: Final = "vectors.f32"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Saved:
    """Rows [n] in ascending order; neighbours (positions) and their cosines, both [n, k]."""

    rows: IntVector
    ids: npt.NDArray[np.int32]
    cosines: FloatMatrix

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def sound(self) -> bool:
        """Whether it can be what was saved."""
        ids, cosines, rows = self.ids, self.cosines, self.rows
        if ids.shape != cosines.shape or ids.ndim != 2 or ids.dtype != np.int32 or cosines.dtype != np.float32:
            return False
        if rows.shape != ids.shape[:1] or rows.dtype != np.int64 or (len(rows) and rows[0] < 0):
            return False
        if not (np.diff(rows) > 0).all():
            return False
        return not ids.size or bool(ids.min() >= NOBODY and ids.max() < len(ids) and np.isfinite(cosines).all())


def read(folder: Path, dimension: int, *, since: int) -> Saved | None:
    """What was saved, unless all vectors were written anew ``since`` a revision; None where that is of no use."""
    try:
        with np.load(folder / LISTS) as stored:
            rows, ids = _kept(stored)
            cosines = stored["cosines"]
            if "revision" in stored and int(stored["revision"]) < since:
                return None
        vectors = (folder / VECTORS).stat().st_size // (4 * dimension)
    except FileNotFoundError:
        return None
    except Exception:  # broken in any way: it is only a cache
        _log.warning("the neighbour lists in %s are unreadable and are searched again", folder.name)
        return None
    return Saved(rows, ids, cosines) if len(ids) <= vectors else None


def write(folder: Path, rows: IntVector, lists: NeighbourLists, revision: int) -> None:
    """Keep the lists of the first positions; their vectors are on disk already.

    Raises:
        OSError: the disk is full.
    """
    _write(folder, Saved(rows, lists.ids[: len(rows)], lists.cosines[: len(rows)]), revision)


def compacted(folder: Path, dimension: int, saved: Saved, kept: IntVector, revision: int) -> Saved:
    """Keep only some positions, on disk as well; the lists close up where they had the others.

    Whenever this is interrupted, what is there is of use or is found to be of none.

    Raises:
        OSError: the disk is full, or somebody has the file open on a system that minds.
    """
    places = np.full(len(saved) + 1, NOBODY, np.int32)  # the last one is for NOBODY
    places[kept] = np.arange(len(kept), dtype=np.int32)
    ids, cosines = without(places[saved.ids[kept]], saved.cosines[kept])
    left = Saved(saved.rows[kept], ids, cosines)
    compact(folder / VECTORS, dimension, kept, before=lambda: _forget(folder))
    try:
        _write(folder, left, revision)
    except OSError as error:  # the vectors are the new ones by now; the lists are written some other time
        _log.warning("the neighbour lists in %s could not be saved: %s", folder.name, error)
    return left


@dataclass(frozen=True, slots=True)
class SavedVectors:
    """Vectors [n, d] that were saved as a whole, mapped, of the images with these rows."""

    positions: Positions
    matrix: FloatMatrix

    def find(self, row: int) -> FloatVector | None:
        """The vector of one image, if it is there."""
        position = self.positions.at(row)
        return None if position == NOBODY else self.matrix[position]


def saved_vectors(folder: Path, dimension: int) -> tuple[str | None, SavedVectors | None]:
    """What is wrong with a state folder, or None; and its vectors, or None where there are none."""
    try:
        with np.load(folder / LISTS) as stored:
            rows, _ = _kept(stored)
        size = (folder / VECTORS).stat().st_size // (4 * dimension)
    except FileNotFoundError:
        return None, None
    except Exception as error:  # zip, numpy and the file system each have their own errors
        return f"its neighbour lists cannot be read: {type(error).__name__}", None
    if size < len(rows):
        return f"it has {size} vectors and neighbour lists of {len(rows)} images", None
    if not len(rows):
        return None, None
    return None, SavedVectors(Positions(rows, int(rows[-1]) + 1), vectors(folder, dimension, len(rows)))


def vectors(folder: Path, dimension: int, number: int) -> FloatMatrix:
    """The first so many vectors of a state folder, mapped; there are as many."""
    return np.memmap(folder / VECTORS, np.float32, "r", shape=(number, dimension))


def _kept(stored: Mapping[str, Any]) -> tuple[IntVector, npt.NDArray[np.int32]]:
    """Rows and neighbours. Where rows were positions they were not written, and the neighbours had another name."""
    if "rows" in stored:
        return stored["rows"], stored["neighbours"]
    return np.arange(len(stored["ids"])), stored["ids"]


def _write(folder: Path, saved: Saved, revision: int) -> None:
    partial = folder / f".{LISTS}"
    with partial.open("wb") as file:
        np.savez(file, rows=saved.rows, neighbours=saved.ids, cosines=saved.cosines, revision=np.int64(revision))
        file.flush()
        os.fsync(file.fileno())
    partial.replace(folder / LISTS)


def _forget(folder: Path) -> None:
    """Delete the lists for good: they must not be found with other vectors than their own."""
    (folder / LISTS).unlink(missing_ok=True)
    if os.name != "nt":  # where a folder cannot be opened the file system keeps the order
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
