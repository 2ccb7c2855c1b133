"""The map keeps together what is alike, and moves nobody for a newcomer."""

from __future__ import annotations

import numpy as np
import pytest

from categoriser.engine.layout import lay_out, place
from tests.whole import clusters

NUMBER, CENTRES = 150, 5


def groups(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors around a few directions, and which direction each is around."""
    vectors = clusters(NUMBER, 16, centres=CENTRES, seed=seed, noise=0.05)
    heads = [vectors[0]]
    for vector in vectors:
        if max(float(vector @ head) for head in heads) < 0.7:
            heads.append(vector)
    return vectors, (vectors @ np.array(heads).T).argmax(axis=1)


def neighbours_agree(places: np.ndarray, group: np.ndarray) -> float:
    """Share of nearest neighbours on the map that are of the same group."""
    distances = ((places[:, None] - places[None]) ** 2).sum(axis=2)
    np.fill_diagonal(distances, np.inf)
    return float((group[distances.argmin(axis=1)] == group).mean())


@pytest.mark.parametrize("dimensions", [2, 3])
def test_what_is_alike_lies_together(dimensions: int) -> None:
    vectors, group = groups()
    places = lay_out(vectors, dimensions)
    assert places.shape == (NUMBER, dimensions)
    assert np.isfinite(places).all()
    assert np.abs(places).max() < 2
    assert neighbours_agree(places, group) > 0.97


def test_who_comes_later_is_put_among_its_like() -> None:
    vectors, group = groups()
    first = np.arange(NUMBER) % 3 > 0
    anchors = lay_out(vectors[first], 2)
    everybody = np.empty((NUMBER, 2), np.float32)
    everybody[first], everybody[~first] = anchors, place(vectors[~first], vectors[first], anchors)
    assert neighbours_agree(everybody, group) > 0.95
    assert len(np.unique(everybody.round(5), axis=0)) > 0.95 * NUMBER  # side by side, not on one point


def test_a_place_does_not_depend_on_who_else_comes() -> None:
    vectors, _ = groups()
    anchors, rest = vectors[:90], vectors[90:]
    places = lay_out(anchors, 3)
    together = place(rest, anchors, places)
    alone = np.vstack([place(one[None], anchors, places) for one in rest])
    np.testing.assert_allclose(together, alone, atol=1e-4)


@pytest.mark.parametrize("number", [0, 1, 2, 3, 5])
def test_the_smallest_maps_are_maps_too(number: int) -> None:
    vectors = clusters(8, 6)[:number]
    places = lay_out(vectors, 2)
    assert places.shape == (number, 2)
    assert np.isfinite(places).all()
    later = place(clusters(4, 6, seed=1), vectors.reshape(number, 6), places)
    assert later.shape == (4, 2)
    assert np.isfinite(later).all()


def test_equal_vectors_do_no_harm() -> None:
    same = np.repeat(clusters(1, 8), 40, axis=0)
    places = lay_out(same, 2)
    assert np.isfinite(places).all()
    assert np.isfinite(place(same[:3], same, places)).all()
