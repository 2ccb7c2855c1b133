"""Vectors by row: a matrix that grows at its end. What is a row in the engine is a position outside (``state``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from categoriser.domain import FloatMatrix

Scalar = TypeVar("Scalar", bound=np.generic)


class RowsSeen(Protocol):
    """Rows hold the unit vectors of images in order of arrival; while anybody looks at them they are not moved."""

    @property
    def matrix(self) -> FloatMatrix:
        """View [length, dimension]; valid until the next ``append``."""
        ...


class Rows(RowsSeen, Protocol):
    """The same, and more come at the end."""

    def append(self, batch: FloatMatrix) -> None:
        """Add rows at the end."""
        ...


class MemoryRows:
    """Rows in one array that doubles when it is full."""

    def __init__(self, dimension: int) -> None:
        self._buffer = np.empty((1024, dimension), np.float32)
        self._length = 0

    @property
    def matrix(self) -> FloatMatrix:
        """View [length, dimension]."""
        return self._buffer[: self._length]

    def append(self, batch: FloatMatrix) -> None:
        """Add rows at the end."""
        end = self._length + len(batch)
        self._buffer = grown(self._buffer, end)
        self._buffer[self._length : end] = batch
        self._length = end


@dataclass(frozen=True, slots=True)
class StillRows:
    """Rows that others may append to, as far as they went."""

    matrix: FloatMatrix


def grown(buffer: npt.NDArray[Scalar], length: int, fill: Any = None) -> npt.NDArray[Scalar]:
    """The buffer itself when ``length`` rows fit, else a copy of at least twice the size, new rows set to ``fill``."""
    if length <= len(buffer):
        return buffer
    shape = (max(length, 2 * len(buffer)), *buffer.shape[1:])
    bigger = np.zeros(shape, buffer.dtype) if fill == 0 else np.empty(shape, buffer.dtype)  # zeros take no memory yet
    bigger[: len(buffer)] = buffer
    if fill:
        bigger[len(buffer) :] = fill
    return bigger
