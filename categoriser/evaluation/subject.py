"""What is evaluated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from categoriser.domain import FloatMatrix
from categoriser.evaluation.metrics import Labels
from categoriser.intake import Item


@dataclass(frozen=True, slots=True)
class Subject:
    """Pictures or ready vectors, one of both, with the class of each as far as it is known."""

    name: str
    classes: Labels | None = None
    items: Sequence[Item] = ()
    vectors: FloatMatrix | None = None

    def __len__(self) -> int:
        return len(self.items) if self.vectors is None else len(self.vectors)

    def drawn(self, limit: int | None, seed: int = 0) -> Subject:
        """So many of its images at random, or all of them."""
        if limit is None or limit >= len(self):
            return self
        places = np.sort(np.random.default_rng(seed).permutation(len(self))[:limit])
        return replace(
            self,
            classes=None if self.classes is None else [self.classes[i] for i in places],
            items=[self.items[i] for i in places] if self.vectors is None else (),
            vectors=None if self.vectors is None else self.vectors[places],
        )
