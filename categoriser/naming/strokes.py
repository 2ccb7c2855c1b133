"""How thin marks on a plain ground look: handwriting, drawings, signs. Colours say next to nothing about these."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

_PLAIN: Final = 0.08  # deviation of the brightness of a plain ground
_STANDS_OUT: Final = 0.3  # of brightness between the ground and the strongest ink
_INK: Final = (0.02, 0.4)  # share of the pixels that strokes cover
_THICK: Final = 0.2  # half the width of a stroke, of the picture's side, at most
_LONG: Final = 9.0  # area of the ink over its half width squared, at least; a square has 4, a bar of 1 by 3 has 12
_HOLE: Final = 0.004  # share of the pixels that a loop encloses, at least
_OFF: Final = 0.04  # of its height, or width, that the middle of the ink is off that of its outline
_LARGE: Final = 0.5  # of its height that a loop takes up, which is then no part of it but all
_BAR: Final = 0.7  # of its width that a level stroke runs along, at its top or bottom
_NO_LOOP: Final = "no loop"
_NO_BAR: Final = "no bar"


@dataclass(frozen=True, slots=True)
class Strokes:
    """What most of some pictures have in common; None where they differ. ``dark``: on a lighter ground."""

    dark: bool
    outline: str | None  # "narrow", "wide" or "square"
    loops: str | None  # "no loop", "two loops", "a large loop", "a loop at the top", …
    bar: str | None  # "a bar at the top", "a bar at the bottom", "no bar"
    heavy: str | None  # where most of the ink is: "the top", "the bottom", "the left", "the right"


def strokes_of(grey: npt.NDArray[np.float32]) -> Strokes | None:
    """How pictures [n, side, side] of brightnesses from 0 to 1 look; None unless most of them are strokes."""
    found = [one for picture in grey if (one := _read(picture)) is not None]
    if 2 * len(found) <= len(grey):
        return None
    return Strokes(
        dark=2 * sum(one.dark for one in found) >= len(found),
        outline=_usual([one.outline for one in found]),
        loops=_usual([one.loops for one in found]),
        bar=_usual([one.bar for one in found]),
        heavy=_usual([one.heavy for one in found]),
    )


def descriptions(strokes: Strokes) -> Iterator[str]:
    """From the plainest to the most detailed."""
    ground = "dark strokes on white" if strokes.dark else "light strokes on black"
    loops = None if strokes.loops in {None, _NO_LOOP} else f"with {strokes.loops}"
    bar = None if strokes.bar in {None, _NO_BAR} else f"with {strokes.bar}"
    heavy = None if strokes.heavy is None else f"heavier at {strokes.heavy}"
    shape = None if strokes.outline == "square" else strokes.outline
    told = [one for one in (loops, bar, shape, heavy) if one is not None]
    if not told:
        yield ground
    yield from (f"{ground}, {one}" for one in told)
    yield from (f"{ground}, {_joined(one, other)}" for one, other in combinations(told, 2))
    if strokes.loops == _NO_LOOP:
        yield f"{ground}, without a loop"
        yield from (f"{ground}, {one}, without a loop" for one in told)
    if told:
        yield ground


def _joined(one: str, other: str) -> str:
    both_with = one.startswith("with ") and other.startswith("with ")
    return f"{one} and {other.removeprefix('with ')}" if both_with else f"{one}, {other}"


def _read(picture: npt.NDArray[np.float32]) -> Strokes | None:
    side = len(picture)
    edge = max(1, side // 16)
    ground = np.concatenate([part.ravel() for part in (picture[:edge], picture[-edge:], picture.T[:edge])])
    if ground.std() > _PLAIN:
        return None
    level = float(np.median(ground))
    contrast = np.abs(picture - level)
    strongest = float(np.percentile(contrast, 99))
    ink = contrast > strongest / 2
    half = float(ndimage.distance_transform_edt(ink).max())
    thin = half <= _THICK * side and np.count_nonzero(ink) >= _LONG * half**2
    if strongest < _STANDS_OUT or not _INK[0] <= ink.mean() <= _INK[1] or not thin:
        return None
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    height, width = int(rows[-1] - rows[0] + 1), int(columns[-1] - columns[0] + 1)
    outline = "narrow" if height > 1.6 * width else "wide" if width > 1.3 * height else "square"
    parts, number = ndimage.label(~ink)
    sizes = np.bincount(parts.ravel(), minlength=number + 1)[1:]
    enclosed = np.flatnonzero(sizes >= _HOLE * ink.size) + 1
    enclosed = enclosed[enclosed != parts[0, 0]]  # that is the ground
    weights = contrast * ink
    down = float((weights.sum(axis=1) @ np.arange(side)) / weights.sum())
    across = float((weights.sum(axis=0) @ np.arange(side)) / weights.sum())
    off_down = (down - (rows[0] + rows[-1]) / 2) / height
    off_across = (across - (columns[0] + columns[-1]) / 2) / width
    heavy = None
    if max(abs(off_down), abs(off_across)) >= _OFF:
        upright = abs(off_down) >= abs(off_across)
        heavy = (
            ("the bottom" if off_down > 0 else "the top")
            if upright
            else ("the right" if off_across > 0 else "the left")
        )
    return Strokes(
        level > 0.5, outline, _loops(parts, enclosed, rows[0], height), _bar(ink, rows[0], height, width), heavy
    )


def _loops(
    parts: npt.NDArray[np.signedinteger[Any]], enclosed: npt.NDArray[np.signedinteger[Any]], first: int, height: int
) -> str:
    """How many, or where the only one is."""
    if len(enclosed) != 1:
        return "two loops" if len(enclosed) else _NO_LOOP
    inside = np.flatnonzero((parts == enclosed[0]).any(axis=1))
    if len(inside) >= _LARGE * height:
        return "a large loop"
    middle = ((inside[0] + inside[-1]) / 2 - first) / height
    return "a loop at the top" if middle < 0.45 else "a loop at the bottom" if middle > 0.55 else "a loop in the middle"


def _bar(ink: npt.NDArray[np.bool_], first: int, height: int, width: int) -> str:
    """A level stroke along nearly the whole width; none where there is one at both ends."""
    along = ink.sum(axis=1)[first : first + height] >= _BAR * width
    reach = max(1, height // 4)
    top, bottom = bool(along[:reach].any()), bool(along[-reach:].any())
    if top == bottom or width < height / 2:
        return _NO_BAR
    return "a bar at the top" if top else "a bar at the bottom"


def _usual(said: Sequence[str | None]) -> str | None:
    """What more than half of them say."""
    best = max(set(said), key=said.count)
    return best if 2 * said.count(best) > len(said) else None
