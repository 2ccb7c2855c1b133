"""Small vector sets with known classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

SHARED = Path(__file__).parents[2].parent / "shared"


def clustered(seed: int, classes: int, size: int, dimension: int, spread: float) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors around random directions, in random order, with their classes."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(classes, dimension))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    truth = rng.permutation(np.repeat(np.arange(classes), size))
    noise = rng.normal(size=(len(truth), dimension)) / np.sqrt(dimension)
    vectors = (centres[truth] + spread * noise).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), truth


@pytest.fixture
def shared_vectors() -> Path:
    """Folder of real pictures' vectors; skips where it is missing."""
    folder = SHARED / "data" / "vectors"
    if not folder.is_dir():
        pytest.skip("needs the vectors of ../shared/data/vectors")
    return folder
