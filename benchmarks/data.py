"""Vectors to measure with: generated ones of any number, and those of real pictures when they are there."""

from __future__ import annotations

from pathlib import Path

import numpy as np

SHARED = Path(__file__).parents[2] / "shared"


def generated(n: int, dimension: int = 512, *, classes: int = 300, rank: int = 24, seed: int = 1) -> np.ndarray:
    """The vectors of ``generated_with_classes``."""
    return generated_with_classes(n, dimension, classes=classes, rank=rank, seed=seed)[0]


def generated_with_classes(
    n: int, dimension: int = 512, *, classes: int = 300, rank: int = 24, seed: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors as image-text encoders make them: a narrow cone, Zipf class sizes, few directions within a class.

    Random pairs have a cosine of about .5, pairs of one class of about .8. Within a class nine tenths of the variance
    lie in ``rank`` directions of its own and one tenth is noise in all directions.
    """
    rng = np.random.default_rng(seed)
    cone = _unit(rng.normal(size=(1, dimension)))
    centres = np.sqrt(0.5) * cone + np.sqrt(0.3) * _unit(rng.normal(size=(classes, dimension)))
    share = 1 / np.arange(1, classes + 1)
    truth = rng.choice(classes, n, p=share / share.sum())
    vectors = np.empty((n, dimension), np.float32)
    for which in range(classes):
        rows = np.flatnonzero(truth == which)
        axes = _unit(rng.normal(size=(rank, dimension)))
        own = rng.normal(size=(len(rows), rank)) @ axes * np.sqrt(0.18 / rank)
        noise = rng.normal(size=(len(rows), dimension)) * np.sqrt(0.02 / dimension)
        vectors[rows] = _unit(centres[which] + own + noise)
    return vectors, truth


def without_structure(n: int, dimension: int = 512, *, classes: int = 300, seed: int = 1) -> np.ndarray:
    """The hardest case for any inverted list: within a class all variance is noise in all directions."""
    rng = np.random.default_rng(seed)
    cone = _unit(rng.normal(size=(1, dimension)))
    centres = np.sqrt(0.5) * cone + np.sqrt(0.22) * _unit(rng.normal(size=(classes, dimension)))
    share = 1 / np.arange(1, classes + 1)
    truth = rng.choice(classes, n, p=share / share.sum())
    vectors = np.empty((n, dimension), np.float32)
    for low in range(0, n, 10_000):
        part = truth[low : low + 10_000]
        vectors[low : low + 10_000] = _unit(
            centres[part] + rng.normal(size=(len(part), dimension)) * np.sqrt(0.28 / dimension)
        )
    return vectors


def real(name: str) -> tuple[np.ndarray, dict[str, np.ndarray]] | None:
    """Unit MobileNetV2 vectors of real pictures with their label columns; None when they are not there."""
    path = SHARED / "data" / "vectors" / f"{name}.npz"
    if not path.is_file():
        return None
    stored = np.load(path, allow_pickle=True)
    return _unit(stored["emb"].astype(np.float32)), {key: stored[key] for key in stored.files if key != "emb"}


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
