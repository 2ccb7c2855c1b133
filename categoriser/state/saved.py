"""What is kept of a collection's engine on disk: neighbour lists by position, the row at each, and a file of vectors.

It only saves the time to read and search them again, and may be deleted at any time. The lists name the file of their
vectors: whatever is interrupted, and whoever writes late, no vector is found with another image's row. A file of
vectors only grows at its end, as others may look at it; where that will not do another one is begun, with another name.
"""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from categoriser.domain import FloatMatrix, FloatVector, IntVector
from categoriser.engine import NOBODY
from categoriser.engine.neighbours import NeighbourLists, without
from categoriser.state.positions import Positions
from categoriser.state.vector_file import is_empty_from

_LISTS: Final = "lists.npz"
_VECTORS: Final = "vectors*.f32"
_FIRST_VECTORS: Final = "vectors.f32"  # as all were called, where rows were positions
_AT_ONCE: Final = 4096  # vectors copied at a time
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Saved:
    """Rows [n] in ascending order; neighbours (positions) and their cosines, both [n, k]; the file of the vectors."""

    rows: IntVector
    ids: npt.NDArray[np.int32]
    cosines: FloatMatrix
    revision: int
    vectors: Path

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def is_sound(self) -> bool:
        """Whether it can be what was saved."""
        ids, cosines, rows = self.ids, self.cosines, self.rows
        if ids.shape != cosines.shape or ids.ndim != 2 or ids.dtype != np.int32 or cosines.dtype != np.float32:
            return False
        if rows.shape != ids.shape[:1] or rows.dtype != np.int64 or (len(rows) and rows[0] < 0):
            return False
        if not (np.diff(rows) > 0).all():
            return False
        return not ids.size or bool(ids.min() >= NOBODY and ids.max() < len(ids) and np.isfinite(cosines).all())

    def matrix(self, dimension: int) -> FloatMatrix:
        """The vectors [n, dimension], mapped."""
        return np.memmap(self.vectors, np.float32, "r", shape=(len(self), dimension))

    def is_all(self, dimension: int) -> bool:
        """Whether nothing came behind it that was not saved and that somebody may still look at."""
        return is_empty_from(self.vectors, 4 * dimension * len(self))


def read(folder: Path, dimension: int) -> Saved | None:
    """What was saved; None where there is nothing of use.

    Raises:
        OSError: it cannot be read now.
    """
    try:
        with np.load(folder / _LISTS) as stored:
            saved = _read(folder, stored)
    except FileNotFoundError:
        return None
    except (OSError, MemoryError):
        raise
    except Exception:  # zip and numpy each have their own errors
        _log.warning("the neighbour lists in %s are unreadable and are searched again", folder.name)
        return None
    size = saved.vectors.stat().st_size if saved.vectors.exists() else 0
    return saved if saved.is_sound and 4 * dimension * len(saved) <= size else None


def write(folder: Path, rows: IntVector, lists: NeighbourLists, revision: int, vectors: Path) -> None:
    """Keep the lists of the first positions; their vectors are on disk already.

    Raises:
        OSError: the disk is full.
    """
    _write(folder, Saved(rows, lists.ids[: len(rows)], lists.cosines[: len(rows)], revision, vectors))


def copied(folder: Path, dimension: int, saved: Saved, kept: IntVector) -> Saved:
    """Keep some positions and no others, and their vectors in a file of their own.

    Raises:
        OSError: the disk is full; all is as it was.
    """
    places = np.full(len(saved) + 1, NOBODY, np.int32)  # the last one is for NOBODY
    places[kept] = np.arange(len(kept), dtype=np.int32)
    ids, cosines = without(places[saved.ids[kept]], saved.cosines[kept])
    made = Saved(saved.rows[kept], ids, cosines, saved.revision, new_vectors(folder))
    try:
        _copy(saved.matrix(dimension) if len(kept) else None, kept, made.vectors)
        _write(folder, made)
    except BaseException:
        made.vectors.unlink(missing_ok=True)
        raise
    return made


def new_vectors(folder: Path) -> Path:
    """Where a file of vectors may be begun."""
    return folder / _VECTORS.replace("*", f"-{secrets.token_hex(4)}")


def tidy(folder: Path, saved: Saved | None) -> None:
    """Delete all that does not belong to what is taken over, vectors of deleted images with it.

    Raises:
        OSError: the lists of what is not taken over cannot be deleted.
    """
    if saved is None:
        (folder / _LISTS).unlink(missing_ok=True)
    for path in folder.glob(_VECTORS):
        if saved is None or path != saved.vectors:
            with suppress(OSError):  # some systems do not let go of what is being looked at; the next time they do
                path.unlink()


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
        with np.load(folder / _LISTS) as stored:
            saved = _read(folder, stored)
        size = saved.vectors.stat().st_size // (4 * dimension)
    except FileNotFoundError:
        return None, None
    except Exception as error:  # zip, numpy and the file system each have their own errors
        return f"its neighbour lists cannot be read: {type(error).__name__}", None
    if not saved.is_sound:
        return "its neighbour lists are not what can have been saved", None
    if size < len(saved):
        return f"it has {size} vectors and neighbour lists of {len(saved)} images", None
    if not len(saved):
        return None, None
    return None, SavedVectors(Positions(saved.rows, int(saved.rows[-1]) + 1), saved.matrix(dimension))


def _read(folder: Path, stored: Mapping[str, Any]) -> Saved:
    revision = int(stored["revision"]) if "revision" in stored else 0
    if "rows" in stored:
        vectors = folder / Path(str(stored["vectors"])).name
        return Saved(stored["rows"], stored["neighbours"], stored["cosines"], revision, vectors)
    ids = stored["ids"]  # of an earlier version
    return Saved(np.arange(len(ids)), ids, stored["cosines"], revision, folder / _FIRST_VECTORS)


def _write(folder: Path, saved: Saved) -> None:
    partial = folder / f".{_LISTS}"
    with partial.open("wb") as file:
        np.savez(
            file,
            rows=saved.rows,
            neighbours=saved.ids,
            cosines=saved.cosines,
            revision=np.int64(saved.revision),
            vectors=np.array(saved.vectors.name),
        )
        file.flush()
        os.fsync(file.fileno())
    partial.replace(folder / _LISTS)


def _copy(matrix: FloatMatrix | None, kept: IntVector, target: Path) -> None:
    with target.open("wb") as file:
        if matrix is not None:
            for start in range(0, len(kept), _AT_ONCE):
                file.write(matrix[kept[start : start + _AT_ONCE]].tobytes())
        file.flush()
        os.fsync(file.fileno())
