"""Grouping quality on real vectors, in a random order, with the number of categories unknown; Unsorted = singletons."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from categoriser.engine import Grouping
from categoriser.engine.quality import Agreement, agreement
from categoriser.maintenance import run_due_at


def replay(vectors: np.ndarray, truth: Sequence[str], seed: int = 0, dial: float = 0.0) -> Agreement:
    """Stream vectors in a random order with the runs a growing collection gets by itself."""
    order = np.random.default_rng(seed).permutation(len(vectors))
    vectors = vectors[order] / np.linalg.norm(vectors[order], axis=1, keepdims=True)
    grouping, start = Grouping(vectors.shape[1], dial=dial), 0
    while start < len(vectors):
        end = min(run_due_at(start), len(vectors))
        grouping.add(vectors[start:end].astype(np.float32))
        grouping.run()
        start = end
    found = [str(label) if label >= 0 else None for label in grouping.labels]
    return agreement([str(truth[i]) for i in order], found)


def test_digits() -> None:
    pixels, digit = load_digits(return_X_y=True)
    assert replay(pixels, digit).ari >= 0.72


@pytest.mark.parametrize(
    ("file", "label", "dial", "bar"),
    [
        ("fashion", "subCategory", 0.0, 0.64),
        # faster: fashion-fine of evaluation/test_bars.py
        pytest.param("fashion", "articleType", 0.5, 0.34, marks=pytest.mark.slow),
        ("caltech", "label", 0.0, 0.78),
        ("cifar10", "label", 0.0, 0.14),
    ],
)
def test_real_pictures(shared_vectors: Path, file: str, label: str, dial: float, bar: float) -> None:
    stored = np.load(shared_vectors / f"{file}.npz", allow_pickle=True)
    assert replay(stored["emb"].astype(np.float32), stored[label], dial=dial).ari >= bar


@pytest.mark.parametrize(("images", "bar"), [(300, 0.66), (1000, 0.72)])
def test_small_collections(shared_vectors: Path, images: int, bar: float) -> None:
    stored = np.load(shared_vectors / "caltech.npz", allow_pickle=True)
    some = np.random.default_rng(77).permutation(len(stored["label"]))[:images]
    assert replay(stored["emb"][some].astype(np.float32), stored["label"][some]).ari >= bar
