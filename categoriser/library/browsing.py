"""What a person who looks through a collection needs: a category by typicality, and one picture of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from categoriser.catalog import images, taxonomy
from categoriser.domain import Granularity, IntVector
from categoriser.engine import UNSORTED
from categoriser.engine.micros import middles
from categoriser.errors import ConfigurationError, NotFoundError
from categoriser.library.looking import Looking
from categoriser.library.mosaic import MOST, WIDTHS, mosaic
from categoriser.maintenance.dial import preview_dial
from categoriser.maintenance.evidence import moved
from categoriser.naming.relabel import Policy
from categoriser.state.engine_state import EngineState

Order: TypeAlias = Literal["typical", "newest"]
DRIFTING: Final = Policy().drift  # from there on the name of a category is looked at again


@dataclass(frozen=True, slots=True)
class Members:
    """A page of a category. ``total``: images in it; the four lists belong together.

    ``scores``: cosine to the mean of the category, in [-1, 1]. ``doubtful``: nearer to the mean of another one.
    ``tentative``: there only as the best guess at arrival; the next run decides anew.
    """

    total: int
    image_ids: Sequence[str]
    scores: Sequence[float]
    doubtful: Sequence[bool]
    tentative: Sequence[bool]


class Browsed(Looking):
    """The part of a collection that is for looking through it."""

    def members(self, category: str, *, order: Order = "typical", offset: int = 0, limit: int = 1000) -> Members:
        """Ids of the images of a category, the most typical or the newest first.

        Args:
            category: a category id, or "unsorted", whose images count as typical of nothing and come newest first.
            order: what comes first.
            offset: images to leave out.
            limit: length of the page.

        Raises:
            NotFoundError: there never was such a category, or it ended without a successor.
        """
        number = None if category == "unsorted" else self.category(category).number
        with self._storage.database.read() as connection:
            rows, ids, tentative = images.of_category(connection, self._id, number)
        with self._storage.states.reading(self._id) as state:
            scores, doubtful = _judged(state, state.positions.of(rows), UNSORTED if number is None else number)
        by = (
            np.argsort(-scores, kind="stable")
            if order == "typical" and number is not None
            else np.arange(len(ids))[::-1]
        )
        chosen = by[offset : offset + limit].tolist()
        return Members(
            total=len(ids),
            image_ids=[ids[place] for place in chosen],
            scores=[round(float(scores[place]), 4) for place in chosen],
            doubtful=[bool(doubtful[place]) for place in chosen],
            tentative=[number is not None and bool(tentative[place]) for place in chosen],
        )

    def drift(self) -> Mapping[str, float]:
        """How far the middle of each category has moved since it got its name, over the distance to the nearest other.

        From ``DRIFTING`` on it counts as drifting: its name is looked at again. Categories that never had a name are
        left out.
        """
        with self._storage.states.reading(self._id) as state:
            numbers, means = middles(state.grouping.micros)
        row = self.row
        with self._storage.database.read() as connection:
            noted = {one["number"]: one["naming"] or {} for one in taxonomy.page(connection, self._id)}
        cosines = means @ means.T
        np.fill_diagonal(cosines, -np.inf)
        return {
            str(row.category_id(number)): round(moved(noted[number], means[place], nearest), 3)
            for place, (number, nearest) in enumerate(
                zip(numbers.tolist(), cosines.max(axis=1, initial=-np.inf).tolist(), strict=True)
            )
            if noted.get(number, {}).get("centre")
        }

    def preview_dial(self) -> Mapping[Granularity, int]:
        """How many categories the next run would lead to with each setting of the dial; takes as long as three runs."""
        return preview_dial(self._storage, self._id)

    def mosaic(self, category: str, *, width: int = WIDTHS[-1]) -> bytes:
        """A JPEG of up to five images of a category, typical ones as far as a run has found them.

        Args:
            category: a category id.
            width: pixels, 336 or 512; half as high, and of one image a square half as wide.

        Raises:
            NotFoundError: there is no such category, or its images have no thumbnails.
            ConfigurationError: it is made in other widths only.
        """
        if width not in WIDTHS:
            raise ConfigurationError(f"A mosaic is 336 or 512 pixels wide, and not {width}.")
        files: list[Path] = [
            self._storage.media.thumbnail(self.files_key, digest) for digest in self._typical_digests(category)
        ]
        if not files:
            raise NotFoundError(f"There is no picture of category {category!r}: its images came as vectors.")
        return mosaic(files, width)

    def _typical_digests(self, category: str) -> list[str]:
        """Content hashes of up to five images. A page asks for dozens: what a run has found takes short questions."""
        with self._storage.database.read() as connection:
            number = self._row(connection).category_number(category)
            ids = [] if number is None else taxonomy.exemplars(connection, self._id, number)[:MOST]
            if len(ids) == MOST:
                return images.digests(connection, self._id, ids)
        found = self.category(category)
        ids = list(found.exemplars[:MOST])
        if len(ids) < min(MOST, found.size):
            first = self.images(category=found.id, limit=2 * MOST)
            ids = list(dict.fromkeys([*ids, *(one.id for one in first)]))[:MOST]
        with self._storage.database.read() as connection:
            return images.digests(connection, self._id, ids)


def _judged(
    state: EngineState, members: IntVector, number: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Cosine of images (positions) to the mean of category ``number``, and whether another category's is nearer."""
    scores, doubtful = np.zeros(len(members), np.float32), np.zeros(len(members), bool)
    if not len(members) or number == UNSORTED:
        return scores, doubtful
    numbers, means = middles(state.grouping.micros)
    known = (members >= 0) & (members < len(state.vectors.matrix))  # one that is being filed has no vector here yet
    own = int(np.searchsorted(numbers, number))
    if own >= len(numbers) or numbers[own] != number:
        return scores, doubtful
    cosines = state.vectors.matrix[members[known]] @ means.T
    scores[known] = cosines[:, own]
    doubtful[known] = cosines.argmax(axis=1) != own
    return scores, doubtful
