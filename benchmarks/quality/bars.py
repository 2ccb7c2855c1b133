"""Holds a result against its bars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.quality.peers import K_MEANS, UMAP_HDBSCAN
from benchmarks.quality.sets import Bars
from categoriser.evaluation import Evaluation

_UMAP_SLACK, _ONLINE_GAP, _CHURN, _SHIFT = 0.01, 0.08, 0.03, 0.03


@dataclass(frozen=True, slots=True)
class Check:
    """One bar: what was asked for and measured."""

    what: str
    measured: str
    passed: bool


def checks(bars: Bars, result: Evaluation, ari_of: Mapping[str, float]) -> list[Check]:
    """Every bar of a set; ``ari_of``: ARI of the sets so far, by key."""
    ari, nmi = result.mean("ari") or 0.0, result.mean("nmi") or 0.0
    found: list[Check] = []
    if bars.ari is not None:
        found.append(_at_least("ARI", ari, bars.ari))
    if bars.nmi is not None:
        found.append(_at_least("NMI", nmi, bars.nmi))
    if bars.categories is not None:
        low, high = bars.categories
        numbers = [outcome.categories for outcome in result.outcomes]
        inside = all(low <= number <= high for number in numbers)
        found.append(Check(f"categories {low}–{high}", "/".join(map(str, numbers)), inside))
    if bars.unsorted is not None:
        found.append(_at_most("Unsorted", result.mean("unsorted") or 0.0, bars.unsorted))
    if bars.near is not None and bars.near in ari_of:
        found.append(_at_least(f"ARI of {bars.near} less {_SHIFT}", ari, ari_of[bars.near] - _SHIFT))
    if bars.sane:  # a dozen images of a dozen classes: whoever is told the number has nothing to do
        return [*found, *_sane(result)]
    own = result.outcomes[0].final  # the others saw the images of the first order, which may be generated ones
    same = ari if own is None or result.order_ari is not None else own.ari
    by_name = {peer.name: peer for peer in result.peers}
    for peer, slack in ((K_MEANS, 0.0), (UMAP_HDBSCAN, _UMAP_SLACK)):
        score = by_name.get(peer.name)
        if score is not None and score.ari is not None:
            found.append(_at_least(f"ARI of {peer.name}", same, score.ari - slack))
    gap = (result.mean("accuracy") or 0.0) - (result.mean("online_accuracy") or 0.0)
    found.append(_at_most("accuracy lost at arrival", gap, _ONLINE_GAP))
    churn = result.mean("churn")
    if churn is not None:
        found.append(_at_most("churn", churn, _CHURN))
    return found


def _sane(result: Evaluation) -> list[Check]:
    """Tiny collections: at most half of the images in one category, and hardly any category of one image."""
    share = max(result.sizes, default=0) / max(1, result.images)
    alone = sum(size == 1 for size in result.sizes)
    return [
        _at_most("share of the largest category", share, 0.5),
        Check("categories of one image ≤ 1", str(alone), alone <= 1),
    ]


def _at_least(what: str, value: float, least: float) -> Check:
    return Check(f"{what} ≥ {least:.3f}", f"{value:.3f}", value >= least)


def _at_most(what: str, value: float, most: float) -> Check:
    return Check(f"{what} ≤ {most:.2f}", f"{value:.3f}", value <= most)
