"""Generated vectors as the engine's research used them: the same numbers from the same seeds.

Unit vectors in a narrow cone: a common direction, a direction per super-class, one per class, and noise whose variance
falls off along the axes. Class sizes follow Zipf's law; classes appear one after the other while the stream goes on;
one image in fifty belongs to no class.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

DIMENSION = 512
IMAGES = 20_000  # generated, of which the first half of the stream is used
USED = 10_000
CLASSES, SUPER_CLASSES, LEAST, OUTLIERS, CONE = 50, 14, 12, 0.02, 0.5
_AXES_SEED = 7


@dataclass(frozen=True, slots=True)
class Difficulty:
    """Cosines within a class are drawn from ``within``, those within a super-class are ``super_cosine``."""

    spectrum: float  # exponent of the noise's variance along the axes; 0: alike in all directions
    within: tuple[float, float] = (0.68, 0.82)
    super_cosine: float = CONE  # as random pairs: no super-classes
    modes: float = 0.0  # share of the noise that is one of four modes of the class
    nuisance: float = 0.0  # share of the noise in five directions that all classes have in common


DIFFICULTIES: Mapping[str, Difficulty] = {
    "easy": Difficulty(spectrum=0.0),
    "mid": Difficulty(spectrum=0.8, within=(0.69, 0.82), super_cosine=0.63, nuisance=0.2),
    "hard": Difficulty(spectrum=1.1, within=(0.67, 0.78), super_cosine=0.65, modes=0.3, nuisance=0.3),
}


def stream(kind: str, seed: int) -> tuple[np.ndarray, list[str | None]]:
    """Unit vectors [10000, 512] in order of arrival and their classes, None for those of no class."""
    how = DIFFICULTIES[kind]
    rng = np.random.default_rng(seed)
    axes = np.linalg.qr(np.random.default_rng(_AXES_SEED).normal(size=(DIMENSION, DIMENSION)))[0]
    cone, others = axes[0], axes[1:]
    variances = np.arange(1, DIMENSION, dtype=float) ** -how.spectrum
    deviations = np.sqrt(variances / variances.sum())

    def draw(number: int) -> np.ndarray:
        return (rng.normal(size=(number, DIMENSION - 1)) * deviations) @ others

    sizes = 1 / np.arange(1, CLASSES + 1)
    rng.shuffle(sizes)
    sizes = np.maximum((sizes / sizes.sum() * IMAGES * (1 - OUTLIERS)).astype(int), LEAST)
    super_of = rng.integers(0, SUPER_CLASSES, CLASSES)
    super_directions, directions = _unit(draw(SUPER_CLASSES)), _unit(draw(CLASSES))
    within = rng.uniform(*how.within, size=CLASSES)
    shared = how.super_cosine - CONE
    vectors, truth = [], []
    for which, size in enumerate(sizes):
        own = max(within[which] - CONE - shared, 0.01)
        noise = draw(size)
        if how.modes > 0:
            middles = _unit(draw(4))
            chosen = rng.integers(0, 4, size)
            noise = np.sqrt(how.modes) * middles[chosen] + np.sqrt(1 - how.modes) * noise
        if how.nuisance > 0:
            common = rng.normal(size=(size, 5)) @ others[:5] / np.sqrt(5)
            noise = np.sqrt(how.nuisance) * common + np.sqrt(1 - how.nuisance) * noise
        middle = np.sqrt(CONE) * cone + np.sqrt(shared) * super_directions[super_of[which]]
        rest = np.sqrt(1 - CONE - shared - own)
        vectors.append(middle + np.sqrt(own) * directions[which] + rest * noise)
        truth += [which] * int(size)
    strangers = int(IMAGES * OUTLIERS)
    vectors.append(np.sqrt(CONE) * cone + np.sqrt(1 - CONE) * draw(strangers))
    truth += [-1] * strangers
    matrix, classes = _unit(np.concatenate(vectors)).astype(np.float32), np.array(truth)
    order = _staggered(rng, classes)[:USED]
    return matrix[order], [None if which < 0 else str(which) for which in classes[order].tolist()]


def shifted(vectors: np.ndarray, cosine: float) -> np.ndarray:
    """The same vectors around their mean, moved along it until random pairs have this mean cosine; of unit length."""
    mean = vectors.mean(axis=0, dtype=np.float64)
    centred = vectors - mean
    direction = mean / np.linalg.norm(mean)
    low, high = 0.0, 20.0
    for _ in range(60):
        length = (low + high) / 2
        moved = _unit(centred + length * direction)
        total = moved.sum(axis=0)
        reached = (total @ total - len(moved)) / (len(moved) * (len(moved) - 1))
        low, high = (length, high) if reached < cosine else (low, length)
    return _unit(centred + high * direction).astype(np.float32)


def _staggered(rng: np.random.Generator, classes: np.ndarray) -> np.ndarray:
    """Four classes in ten are there from the start, each of the others begins at a random time."""
    begins = np.where(np.arange(CLASSES + 1) < CLASSES * 0.4, 0, rng.uniform(0, 0.8, CLASSES + 1))
    begins[-1] = 0
    times = begins[classes] + (1 - begins[classes]) * rng.uniform(size=len(classes))
    return np.argsort(times)


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)
