"""Looks at a collection's saved engine state without loading it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from categoriser.domain import FloatMatrix
from categoriser.state.engine_state import LISTS, VECTORS


def saved_vectors(folder: Path, dimension: int) -> tuple[str | None, FloatMatrix | None]:
    """Vectors [rows, dimension] of a state folder, mapped, as far as they were saved as a whole.

    Returns:
        What is wrong with the state, or None; and the vectors, None where there are none.
    """
    try:
        with np.load(folder / LISTS) as stored:
            length = len(stored["ids"])
        size = (folder / VECTORS).stat().st_size // (4 * dimension)
    except FileNotFoundError:
        return None, None
    except Exception as error:  # broken in any way: zip, numpy and the file system each have their own errors
        return f"its neighbour lists cannot be read: {type(error).__name__}", None
    if size < length:
        return f"it has {size} vectors and neighbour lists of {length} images", None
    if not length:
        return None, None
    return None, np.memmap(folder / VECTORS, np.float32, "r", shape=(length, dimension))
