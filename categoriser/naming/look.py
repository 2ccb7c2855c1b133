"""Names from looks alone, so that nothing is ever nameless: colours, brightness, texture, outline.

They are provisional: they say how the pictures look and not what they show, and they give way to any other name.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from categoriser.naming.evidence import Case, Picture, Proposal
from categoriser.naming.strokes import Strokes, strokes_of
from categoriser.naming.strokes import descriptions as of_strokes

_SIDE: Final = 48  # pixels that are looked at
_PICTURES: Final = 6
_CLEAR: Final = 0.12  # share of the pixels that makes a colour worth naming
_COLOURLESS: Final = 0.9  # share of black, grey and white from which colours tell nothing
_GREYS: Final = frozenset({"black", "dark grey", "grey", "light grey", "white"})
_LONGEST: Final = 36  # letters of a neighbour's name
# basic colour words with typical RGB values; several for those that look different when dark
_COLOURS: Final = (
    ("black", (16, 16, 18)),
    ("dark grey", (72, 72, 74)),
    ("grey", (135, 135, 135)),
    ("light grey", (200, 200, 200)),
    ("white", (248, 248, 248)),
    ("red", (200, 30, 35)),
    ("red", (120, 20, 25)),
    ("orange", (235, 130, 30)),
    ("brown", (120, 75, 40)),
    ("brown", (70, 45, 28)),
    ("beige", (215, 190, 150)),
    ("yellow", (240, 215, 50)),
    ("green", (50, 150, 60)),
    ("green", (35, 75, 35)),
    ("olive", (110, 115, 55)),
    ("turquoise", (60, 190, 185)),
    ("blue", (40, 90, 200)),
    ("blue", (25, 40, 95)),
    ("light blue", (150, 195, 235)),
    ("purple", (115, 50, 150)),
    ("pink", (235, 130, 170)),
)


@dataclass(frozen=True, slots=True)
class Look:
    """How some pictures look together. Shares are of all pixels; ``edge`` and ``middle`` name the commonest there."""

    shares: Sequence[tuple[str, float]]  # colour words, commonest first
    edge: str
    middle: str
    brightness: float  # 0 to 1
    busyness: float  # mean difference of neighbouring pixels, 0 to 1
    strokes: Strokes | None  # marks on a plain ground
    outline: str | None  # of what stands out from a plain ground: "tall", "wide", "small" or "large"


class Looks:
    """The last of all sources: it has a name for everything."""

    id = "look"
    fingerprint = "look-2"
    attempts = 1

    def propose(self, case: Case) -> Proposal | None:
        """The plainest description that no other category has."""
        look = look_at(case.subject.pictures[:_PICTURES])
        words = list(_descriptions(look)) if look is not None else list(_unseen(case))
        for name in _distinct(list(dict.fromkeys(words))):
            dressed = case.style.dressed(name)
            if not case.spoilt(dressed):
                told = {} if look is None else {"colours": [[word, round(share, 2)] for word, share in look.shares[:4]]}
                return Proposal(dressed, self.id, told, provisional=True)
        return None


def look_at(pictures: Sequence[Picture]) -> Look | None:
    """How these pictures look together; None when none of them can be read."""
    found = [pixels for one in pictures if (pixels := _pixels(one)) is not None]
    return None if not found else describe(np.stack(found))


def describe(pixels: npt.NDArray[np.uint8]) -> Look:
    """How pictures [n, side, side, 3] look together."""
    side = pixels.shape[1]
    nearest = _nearest_colour(pixels)
    names = [name for name, _ in _COLOURS]
    shares: dict[str, float] = {}
    for place, share in enumerate(np.bincount(nearest.ravel(), minlength=len(names)) / nearest.size):
        shares[names[place]] = shares.get(names[place], 0.0) + float(share)
    border = np.ones((side, side), bool)
    border[side // 8 : -side // 8, side // 8 : -side // 8] = False
    inner = np.zeros((side, side), bool)
    inner[side // 3 : -side // 3, side // 3 : -side // 3] = True
    grey = pixels.astype(np.float32).mean(axis=3) / 255
    greys = sum(part for word, part in shares.items() if word in _GREYS)
    steps = np.abs(np.diff(grey, axis=1)).mean() + np.abs(np.diff(grey, axis=2)).mean()
    return Look(
        shares=sorted(shares.items(), key=lambda one: -one[1]),
        edge=_commonest(nearest[:, border], names),
        middle=_commonest(nearest[:, inner], names),
        brightness=float(grey.mean()),
        busyness=float(steps),
        strokes=strokes_of(grey) if greys >= _COLOURLESS else None,
        outline=_outline(grey, border),
    )


def _descriptions(look: Look) -> Iterator[str]:
    """From the plainest to the most detailed."""
    if look.strokes is not None:
        yield from of_strokes(look.strokes)
        return
    (first, share), *others = look.shares
    second = next((word for word, part in others if part >= _CLEAR), None)
    third = next((word for word, part in others if part >= _CLEAR and word != second), None)
    light = "dark" if look.brightness < 0.3 else "bright" if look.brightness > 0.7 else None
    manner = "busy" if look.busyness > 0.16 else "plain" if look.busyness < 0.05 else None
    plain_ground = look.edge != look.middle
    if plain_ground:
        yield f"{look.middle} on {look.edge}"
    if share >= 0.45:
        yield f"mostly {first}"
    if second is not None:
        yield f"{first} and {second}"
    else:
        yield f"mostly {first}"
    grounds = f"{look.middle} on {look.edge}" if plain_ground else f"mostly {first}"
    if look.outline is not None:
        yield f"{look.outline}, {grounds}"
    for word in (light, manner):
        if word is not None:
            yield f"{grounds}, {word}"
    if third is not None:
        yield f"{first}, {second} and {third}"
    if look.outline is not None and manner is not None:
        yield f"{look.outline}, {grounds}, {manner}"


def _unseen(case: Case) -> Iterator[str]:
    """Ready vectors cannot be looked at; what is known is what they lie near and how many they are.

    No image's id or text comes in: a name outlives the images.
    """
    near = next((one.label for one in case.neighbours if one.label), None)
    if near is not None and len(near) <= _LONGEST:
        yield f"similar to {near}"
    sizes = sorted(one.size for one in case.survey.evidence)
    place = sizes.index(case.subject.size) / max(1, len(sizes) - 1)
    size = "large" if place >= 2 / 3 else "small" if place < 1 / 3 else "medium"
    yield f"{size} group {case.subject.number + 1}"


def _distinct(names: Sequence[str]) -> Iterator[str]:
    """The names, then the first of them with a number."""
    yield from names
    for number in count(2):
        yield f"{names[0]} ({number})"


def _pixels(picture: Picture) -> npt.NDArray[np.uint8] | None:
    data = picture.read()
    if not data:
        return None
    try:
        with Image.open(io.BytesIO(data)) as opened:
            return np.asarray(opened.convert("RGB").resize((_SIDE, _SIDE), Image.Resampling.BOX))
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError):
        return None


def _nearest_colour(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Place of the nearest colour word of each pixel; hue counts more than lightness, as it does to the eye."""
    table = _opponent(np.array([rgb for _, rgb in _COLOURS], np.float32))
    # of |x - t|² = |x|² - 2 (x·t - |t|² / 2) only the bracket tells the words apart
    nearness = _opponent(pixels.astype(np.float32)) @ table.T - (table**2).sum(axis=1) / 2
    nearest: npt.NDArray[np.int64] = nearness.argmax(axis=-1)
    return nearest


def _opponent(rgb: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    return np.stack([(red + green + blue) / 3, 1.5 * (red - green), 1.5 * ((red + green) / 2 - blue)], axis=-1)


def _commonest(places: npt.NDArray[np.int64], names: Sequence[str]) -> str:
    counts: dict[str, int] = {}
    for name, number in zip(names, np.bincount(places.ravel(), minlength=len(names)).tolist(), strict=True):
        counts[name] = counts.get(name, 0) + number
    return min(counts, key=lambda name: (-counts[name], name))


def _outline(grey: npt.NDArray[np.float32], border: npt.NDArray[np.bool_]) -> str | None:
    """The outline of what stands out, where the ground is plain; the commonest among the pictures."""
    found = []
    for one in grey:
        ground = one[border]
        if ground.std() > 0.08:
            continue
        object_ = np.abs(one - np.median(ground)) > 0.2
        rows, columns = np.flatnonzero(object_.any(axis=1)), np.flatnonzero(object_.any(axis=0))
        if len(rows) < 3 or len(columns) < 3:
            continue
        height, width = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
        if height > 1.6 * width:
            found.append("tall")
        elif width > 1.6 * height:
            found.append("wide")
        elif height * width < 0.2 * object_.size:
            found.append("small")
        elif height * width > 0.75 * object_.size:
            found.append("large")
    return max(set(found), key=found.count) if 2 * len(found) > len(grey) else None
