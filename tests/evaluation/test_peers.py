"""Other methods beside ours, and bars."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.quality.bars import checks
from benchmarks.quality.peers import K_MEANS, PEERS, Peer, compare
from benchmarks.quality.sets import Bars
from categoriser.evaluation import PeerScore, Plan, evaluate_subject
from tests.evaluation.test_replay import subject

_WITHOUT_EXTRA = ("k-means", "mini-batch k-means", "Birch", "HDBSCAN", "leader", "predecessor: Ward / k-means")


@pytest.mark.parametrize("name", _WITHOUT_EXTRA)
def test_those_that_need_no_extra_find_four_plain_classes_or_at_least_something(name: str) -> None:
    made = subject(120, noise=0.1)
    vectors = np.asarray(made.vectors)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    (score,) = compare([peer for peer in PEERS if peer.name == name], vectors, made.classes or [], lambda _: None)
    assert score.skipped is None
    assert (score.ari or 0) > (0.3 if "predecessor" in name else 0.9)


def test_what_is_not_installed_or_fails_is_skipped_with_the_reason_and_the_others_go_on() -> None:
    def missing(vectors: np.ndarray, known: int) -> np.ndarray:
        raise ModuleNotFoundError("no", name="umap")

    def failing(vectors: np.ndarray, known: int) -> np.ndarray:
        raise ValueError("too few images")

    vectors, classes = np.eye(6, dtype=np.float32), ["a", "b"] * 3
    one, two, three = compare([Peer("m", missing), Peer("f", failing), K_MEANS], vectors, classes, lambda _: None)
    assert one.skipped == "umap is not installed (pip install -e '.[bench]')"
    assert two.skipped == "it failed: ValueError: too few images"
    assert three.skipped is None


def test_noise_counts_as_singletons_and_a_cut_set_says_so() -> None:
    noise = Peer("n", lambda vectors, _: np.full(len(vectors), -1), "note", most_images=4)
    (score,) = compare([noise], np.eye(6, dtype=np.float32), ["a"] * 6, lambda _: None)
    assert (score.ari, score.unsorted, score.categories) == (0, 1, 0)
    assert score.note == "note; first 4 images"


def test_a_bar_that_is_missed_is_named_with_what_was_measured() -> None:
    result = evaluate_subject(subject(120), Plan(orders=1))
    bars = Bars(ari=1.01, nmi=0.5, categories=(2, 8), unsorted=0.5)
    found = {check.what: check.passed for check in checks(bars, replace(result, peers=[]), {})}
    assert found.pop("accuracy lost at arrival ≤ 0.08") is False  # it is young: all arrive in Unsorted
    assert found == {"ARI ≥ 1.010": False, "NMI ≥ 0.500": True, "categories 2–8": True, "Unsorted ≤ 0.50": True}


def test_other_methods_and_the_plain_set_are_bars_too() -> None:
    result = evaluate_subject(subject(120), Plan(orders=1))
    peers = [PeerScore("k-means", ari=2.0), PeerScore("UMAP + HDBSCAN", ari=0.1)]
    found = checks(Bars(near="plain"), replace(result, peers=peers), {"plain": 0.5})
    assert [check.passed for check in found[:3]] == [True, False, True]
