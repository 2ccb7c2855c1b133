"""Values for IN: in parts that every database takes, and of few lengths, so that drivers keep few statements."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeVar

MOST: Final = 500  # values in one part
_T = TypeVar("_T")


def padded(values: Iterable[_T]) -> list[_T]:
    """``values``, the last of them again until there are 1, 2, 4, 8, …

    Drivers keep each statement that they have met, with memory of its own, and each length makes another one.
    """
    given = list(values)
    if given:
        given += given[-1:] * ((1 << (len(given) - 1).bit_length()) - len(given))
    return given


def parts(values: Sequence[_T]) -> Iterator[list[_T]]:
    """All of ``values``, in padded parts."""
    for start in range(0, len(values), MOST):
        yield padded(values[start : start + MOST])
