"""Where a search goes on: a page's cursor.

It holds what must not change between pages although pictures arrive meanwhile: how many images there were, the scales
and the floor of the first page, and the place of the last result. Callers may keep it, and cannot read anything from it
that they were not shown; one of another search, or one that was tampered with, is refused.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, cast

import numpy as np

from categoriser.domain import LARGEST_NUMBER, FloatVector
from categoriser.engine.relevance import Scale
from categoriser.errors import ConfigurationError
from categoriser.library.query import Kind, Scales

_LONGEST: Final = 64 * 1024
MOST_HIDDEN: Final = 2000  # results or categories that pages without an order of scores have shown
_KINDS: Final = ("image", "text", "category")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a search is.

    Attributes:
        query: digest of everything that was asked, but for the length of the page.
        below: images from this row on came later.
        scales: of the first page.
        floor: least relevance.
        after: score and image id of the last result.
        seen: how many results were shown.
        hidden: rows, or numbers of categories (-1: Unsorted), that were shown, where results are not in order of score.
        middles: category that is searched for or against → its middle as of the first page.
    """

    query: str
    below: int
    scales: Scales
    floor: float | None
    after: tuple[float, str] | None = None
    seen: int = 0
    hidden: tuple[int, ...] = ()
    middles: Mapping[str, FloatVector] = field(default_factory=dict)

    def written(self) -> str:
        """As text for callers."""
        told = {
            "q": self.query,
            "n": self.below,
            "s": {kind: [one.middle, one.width, one.spread] for kind, one in self.scales.items()},
            "f": self.floor,
            "a": None if self.after is None else list(self.after),
            "c": self.seen,
            "h": list(self.hidden),
            "m": {name: base64.b64encode(one.astype("<f2").tobytes()).decode() for name, one in self.middles.items()},
        }
        return base64.urlsafe_b64encode(json.dumps(told, separators=(",", ":")).encode()).decode().rstrip("=")

    def behind(self, after: tuple[float, str] | None, count: int, hidden: tuple[int, ...] = ()) -> Place:
        """The place after a page of ``count`` results."""
        return replace(self, after=after, seen=self.seen + count, hidden=self.hidden + hidden)


def read_place(cursor: str, query: str) -> Place:
    """The place that a cursor of ``written`` tells.

    Raises:
        ConfigurationError: it is none, or one of another search.
    """
    try:
        told = json.loads(base64.b64decode(cursor[:_LONGEST] + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        place = Place(
            query=str(told["q"]),
            below=_whole(told["n"]),
            scales={_kind(kind): _scale(one) for kind, one in told["s"].items()},
            floor=None if told["f"] is None else _finite(told["f"]),
            after=None if told["a"] is None else _after(told["a"]),
            seen=_whole(told["c"]),
            hidden=tuple(_whole(one, least=-1) for one in told["h"]),
            middles={str(name): _middle(one) for name, one in told["m"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, binascii.Error):
        raise ConfigurationError("The cursor is none that a search gave; search again without it.") from None
    if place.query != query or len(place.hidden) > MOST_HIDDEN:
        raise ConfigurationError("The cursor belongs to another search; search again without it.")
    return place


def _whole(value: Any, least: int = 0) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= LARGEST_NUMBER:
        raise ValueError(value)
    return value


def _finite(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(value)
    return float(value)


def _after(value: Any) -> tuple[float, str]:
    score, image_id = value
    if not isinstance(image_id, str):
        raise TypeError(image_id)
    return _finite(score), image_id


def _middle(value: str) -> FloatVector:
    numbers: FloatVector = np.frombuffer(base64.b64decode(value, validate=True), "<f2").astype(np.float32)
    if not np.isfinite(numbers).all() or not numbers.any():
        raise ValueError(value)
    return numbers


def _kind(value: Any) -> Kind:
    if value not in _KINDS:
        raise ValueError(value)
    return cast("Kind", value)


def _scale(value: Any) -> Scale:
    middle, width, spread = (_finite(one) for one in value)
    if width <= 0 or spread <= 0:
        raise ValueError(value)
    return Scale(middle, width, spread)
