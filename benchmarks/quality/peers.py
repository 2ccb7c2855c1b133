"""Other methods on the same vectors, all at once where they are batch methods; what they need is the extra ``bench``.

Noise (-1) counts as singletons, like our Unsorted. Settings are those of the research notes or the method's own
defaults; none is tuned per set. Licences: docs/dependencies.md; leidenalg and igraph are GPL and therefore not here.
"""

from __future__ import annotations

import math
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from sklearn.cluster import HDBSCAN, AgglomerativeClustering, Birch, KMeans, MiniBatchKMeans
from sklearn.decomposition import PCA

from categoriser.engine.quality import agreement
from categoriser.evaluation import PeerScore
from categoriser.evaluation.metrics import JUDGED

_NEIGHBOURS = 15
_STREAM_IMAGES = 1000  # River's methods are loops in Python over dicts: so many images, on so many components
_STREAM_COMPONENTS = 32


@dataclass(frozen=True, slots=True)
class Peer:
    """A method: unit vectors [n, d] and the true number of classes → a group per image, -1 for noise."""

    name: str
    group: Callable[[np.ndarray, int], np.ndarray]
    note: str = ""
    most_images: int | None = None  # only the first so many, because it is slow


def compare(
    peers: Sequence[Peer], vectors: np.ndarray, classes: Sequence[str | None], tell: Callable[[str], None]
) -> list[PeerScore]:
    """All methods on the same vectors in the same order."""
    scores = []
    for peer in peers:
        tell(peer.name)
        some = slice(peer.most_images)
        truth, part = list(classes[some]), vectors[some]
        known = len(set(truth) - {None})
        started = time.perf_counter()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                groups = peer.group(part, min(known, len(part)))
        except ImportError as error:
            scores.append(PeerScore(peer.name, skipped=f"{error.name} is not installed (pip install -e '.[bench]')"))
            continue
        except Exception as error:
            scores.append(PeerScore(peer.name, skipped=f"it failed: {type(error).__name__}: {error}"[:200]))
            continue
        scores.append(_score(peer, truth, groups, time.perf_counter() - started, len(part) < len(vectors)))
    return scores


def _score(peer: Peer, truth: list[str | None], groups: np.ndarray, seconds: float, cut: bool) -> PeerScore:
    pairs = [(one, int(group)) for one, group in zip(truth, groups, strict=True) if one is not None]
    found = agreement([one for one, _ in pairs], [None if group < 0 else str(group) for _, group in pairs])
    sizes = Counter(int(group) for group in groups if group >= 0)
    note = f"{peer.note}; first {len(truth):,} images" if cut else peer.note
    return PeerScore(
        peer.name,
        accuracy=found.accuracy,
        nmi=found.nmi,
        ari=found.ari,
        categories=sum(size >= JUDGED for size in sizes.values()),
        unsorted=float(np.mean(np.asarray(groups) < 0)),
        seconds=seconds,
        note=note,
        partial=cut,
    )


# ---- told the number of classes --------------------------------------------------------------------------------------


def _k_means(vectors: np.ndarray, known: int) -> np.ndarray:
    return KMeans(known, n_init=3, random_state=0).fit_predict(vectors)


def _mini_batch(vectors: np.ndarray, known: int) -> np.ndarray:
    return MiniBatchKMeans(known, n_init=3, random_state=0).fit_predict(vectors)


def _birch(vectors: np.ndarray, known: int) -> np.ndarray:
    return Birch(threshold=0.5, n_clusters=known).fit_predict(_components(vectors, 50))


# ---- find it themselves ----------------------------------------------------------------------------------------------


def _least(images: int) -> int:
    """Smallest cluster of the density methods: 15 as in the notes, 5 below 1,000 images, where 15 finds nothing."""
    return 15 if images >= 1000 else 5


def _hdbscan(vectors: np.ndarray, _: int) -> np.ndarray:
    return HDBSCAN(min_cluster_size=_least(len(vectors)), min_samples=5, copy=True).fit_predict(
        _components(vectors, 50)
    )


def _umap_hdbscan(vectors: np.ndarray, _: int) -> np.ndarray:
    from umap import UMAP

    plane = UMAP(
        n_neighbors=min(_NEIGHBOURS, len(vectors) - 1),
        n_components=5,
        min_dist=0.0,
        metric="cosine",
        random_state=0,
        n_jobs=1,
        init="spectral" if len(vectors) > 50 else "random",
    ).fit_transform(vectors)
    return HDBSCAN(min_cluster_size=_least(len(vectors)), min_samples=5, copy=True).fit_predict(plane)


def _evoc(vectors: np.ndarray, _: int) -> np.ndarray:
    from evoc import EVoC

    return np.asarray(EVoC(random_state=0).fit_predict(vectors.astype(np.float32)))


def _leiden(vectors: np.ndarray, _: int) -> np.ndarray:
    from graspologic_native import leiden

    graph = _shared_neighbours(vectors)
    edges = [(str(a), str(b), float(w)) for a, b, w in zip(graph.row, graph.col, graph.data, strict=True)]
    _, community = leiden(edges, resolution=1.0, seed=0, iterations=3)
    return np.array([community.get(str(i), -1) for i in range(len(vectors))])


def _shared_neighbours(vectors: np.ndarray) -> sp.coo_array:
    """Edges between images that are neighbours, weighted by the share of neighbours in common (Jaccard)."""
    near = min(_NEIGHBOURS, len(vectors) - 1)
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -2)
    ids = np.argpartition(-cosines, near - 1, axis=1)[:, :near]
    rows = np.repeat(np.arange(len(vectors)), near)
    lists = sp.csr_array((np.ones(rows.size), (rows, ids.ravel())), shape=(len(vectors),) * 2)
    lists = (lists + sp.eye_array(len(vectors))).tocsr()
    common = (lists @ lists.T).tocoo()
    linked = ((lists + lists.T) > 0).tocsr()
    keep = (common.row < common.col) & np.asarray(linked[common.row, common.col]).ravel()
    weights = common.data[keep] / (2 * (near + 1) - common.data[keep])
    return sp.coo_array((weights, (common.row[keep], common.col[keep])), shape=common.shape)


# ---- one image after the other ---------------------------------------------------------------------------------------


def _leader(vectors: np.ndarray, _: int) -> np.ndarray:
    """The first predecessor's rule (L14): join the nearest centroid from a cosine of .7 on, else open a category."""
    sums = np.empty((len(vectors), vectors.shape[1]), np.float32)
    groups = np.empty(len(vectors), np.int64)
    number = 0
    for i, vector in enumerate(vectors):
        cosines = sums[:number] @ vector / np.linalg.norm(sums[:number], axis=1)
        best = int(cosines.argmax()) if number else -1
        if best >= 0 and cosines[best] >= 0.7:
            sums[best] += vector
            groups[i] = best
        else:
            sums[number] = vector
            groups[i] = number
            number += 1
    return groups


def _stream(model: object, rows: np.ndarray) -> np.ndarray:
    """Learn and then ask for every image, as River's models do."""
    points = [dict(enumerate(row.tolist())) for row in rows]
    for point in points:
        model.learn_one(point)  # type: ignore[attr-defined]
    return np.array([model.predict_one(point) for point in points])  # type: ignore[attr-defined]


def _dbstream(vectors: np.ndarray, _: int) -> np.ndarray:
    from river.cluster import DBSTREAM

    rows = _components(vectors, _STREAM_COMPONENTS)
    gaps = np.sort(((rows[:300, None] - rows[None, :300]) ** 2).sum(axis=2) ** 0.5, axis=1)[:, 1:6]
    model = DBSTREAM(clustering_threshold=float(np.median(gaps)), fading_factor=1e-4, cleanup_interval=1000)
    return _stream(model, rows)


def _text_clust(vectors: np.ndarray, _: int) -> np.ndarray:
    from river.cluster import TextClust

    strong = np.maximum(vectors, 0)  # features as words, their strength as counts; the 32 strongest of each image
    floor = np.partition(strong, -_STREAM_COMPONENTS, axis=1)[:, [-_STREAM_COMPONENTS]]
    points = [
        {f"f{j}": float(row[j]) for j in np.flatnonzero(row >= least)} for row, least in zip(strong, floor, strict=True)
    ]
    # no fading and no clean-up: features are far below 1, and would be forgotten as rare words
    model = TextClust(auto_r=True, fading_factor=1e-9, tgap=10**9, term_fading=False, real_time_fading=False)
    for point in points:
        model.learn_one(point)
    found = [model.predict_one(point) for point in points]
    return np.array([-1 if group is None else group for group in found])


# ---- the systems that are replaced -----------------------------------------------------------------------------------


def _predecessor(vectors: np.ndarray, _: int) -> np.ndarray:
    """L09: a number of categories from the size of the set; L11: Ward below 200 images, else k-means."""
    n = len(vectors)
    if n < 200:
        number = int(max(2, min(n / 20, 8)))
        return AgglomerativeClustering(number, linkage="ward").fit_predict(vectors)
    number = int(max(5, min(n / 30, math.sqrt(n)))) if n < 1000 else int(max(10, min(n / 50, 1.5 * math.sqrt(n))))
    return KMeans(number, n_init=1, max_iter=50, random_state=0).fit_predict(vectors)


def _predecessor_tree(vectors: np.ndarray, known: int) -> np.ndarray:
    """L12 on top: a category of three times the least size (L10: log₂ n) gets sub-categories; these are scored."""
    groups = _predecessor(vectors, known)
    least = max(2, round(math.log2(len(vectors))))
    leaves = np.empty(len(vectors), np.int64)
    used = 0
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        parts = int(max(2, min(len(rows) / least, math.sqrt(len(rows))))) if len(rows) >= 3 * least else 1
        own = KMeans(parts, n_init=1, random_state=0).fit_predict(vectors[rows]) if parts > 1 else 0
        leaves[rows] = used + own
        used += parts
    return leaves


def _components(vectors: np.ndarray, number: int) -> np.ndarray:
    centred = vectors - vectors.mean(axis=0)
    return PCA(min(number, len(vectors) - 1, vectors.shape[1]), random_state=0).fit_transform(centred)


K_MEANS = Peer("k-means", _k_means, "told the number of classes")
UMAP_HDBSCAN = Peer("UMAP + HDBSCAN", _umap_hdbscan, "as BERTopic does")
PEERS: Sequence[Peer] = (
    K_MEANS,
    UMAP_HDBSCAN,
    Peer("mini-batch k-means", _mini_batch, "told the number of classes"),
    Peer("Birch", _birch, "told the number of classes; 50 components"),
    Peer("HDBSCAN", _hdbscan, "50 components"),
    Peer("EVoC", _evoc),
    Peer("Leiden", _leiden, "15 nearest, Jaccard, resolution 1"),
    Peer("leader", _leader, "first predecessor: nearest centroid, cosine .7"),
    Peer("predecessor: Ward / k-means", _predecessor, "number of categories from the number of images"),
    Peer("predecessor: sub-categories", _predecessor_tree, "the leaves of its two levels"),
    Peer("River DBSTREAM", _dbstream, "32 components", most_images=_STREAM_IMAGES),
    Peer("River TextClust", _text_clust, "features as words", most_images=300),
)
