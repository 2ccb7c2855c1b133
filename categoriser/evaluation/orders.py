"""The orders in which a set can arrive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias, get_args

import numpy as np

from categoriser.domain import IntVector
from categoriser.errors import ConfigurationError

Arrival: TypeAlias = Literal["random", "by-class", "bursts", "given"]
ARRIVALS: tuple[Arrival, ...] = get_args(Arrival)

_BURST = 20  # images of one class in a row, on average


def arrival_order(kind: Arrival, classes: Sequence[str | None] | None, number: int, seed: int) -> IntVector:
    """Places of the images [number] in the order of their arrival.

    given: as they are. random: any order. by-class: one class after the other, classes and images within them in random
    order. bursts: runs of about 20 images of one class, as an upload of one occasion makes them, in random order.

    Raises:
        ConfigurationError: the order needs classes and there are none.
    """
    if kind == "given":
        return np.arange(number)
    rng = np.random.default_rng(seed)
    shuffled: IntVector = rng.permutation(number)
    if kind == "random":
        return shuffled
    if classes is None:
        raise ConfigurationError(f"The order {kind} needs known classes; use random, or say where the classes are.")
    class_of = np.unique([str(name) for name in classes], return_inverse=True)[1][shuffled]
    runs: list[IntVector] = []
    for which in rng.permutation(class_of.max(initial=-1) + 1):
        members = shuffled[class_of == which]
        cuts = max(0, round(len(members) / _BURST) - 1) if kind == "bursts" else 0
        edges: list[int] = sorted(rng.choice(np.arange(1, len(members)), cuts, replace=False)) if cuts else []
        runs += np.split(members, edges)
    if kind == "bursts":
        runs = [runs[i] for i in rng.permutation(len(runs))]
    return np.concatenate(runs) if runs else shuffled
