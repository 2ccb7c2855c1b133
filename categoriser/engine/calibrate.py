"""Thresholds from the collection itself: its bulk of random pairs, and how far real neighbours stand out of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from categoriser.domain import FloatMatrix, FloatVector
from categoriser.engine.parameters import Parameters

_FAR = 4.0  # σ above what unlike pairs are known to have
_OUT_OF_REACH = 2.0  # above every cosine


@dataclass(frozen=True, slots=True)
class Calibration:
    """All values are cosines, but ``spread`` (a cosine difference) and ``contrast`` (in spreads)."""

    middle: float  # median cosine of random pairs
    spread: float  # left-side deviation: pairs of different categories only
    contrast: float  # how far the median nearest neighbour stands out of the bulk
    veto: float  # groups no more alike than this never join
    waiver: float  # groups at least this alike need few shared links; out of reach on a fine dial
    micro: float  # average similarity that lets an image into a micro-cluster

    @property
    def waives(self) -> bool:
        """Whether groups may join on few shared links at all."""
        return self.waiver < _OUT_OF_REACH

    def as_dict(self) -> dict[str, float]:
        """Plain numbers for storage."""
        return asdict(self)


UNCALIBRATED = Calibration(middle=0.0, spread=1.0, contrast=0.0, veto=-2.0, waiver=_OUT_OF_REACH, micro=_OUT_OF_REACH)


def calibrate(
    vectors: FloatMatrix,
    nearest: FloatVector,
    ranked: FloatVector,
    last: FloatVector,
    *,
    dial: float,
    parameters: Parameters,
    rng: np.random.Generator,
) -> Calibration:
    """Fit the bulk's lower half, which pairs of one category cannot contaminate, and extrapolate.

    Args:
        vectors: [n, d] unit vectors, n ≥ 2.
        nearest: [n] cosine of each image to its nearest neighbour.
        ranked: [n] cosine of each image to its neighbour of rank ``parameters.micro_rank``.
        last: [n] cosine of each image to the last neighbour of its list.
        dial: added to the veto's z; broad < 0 < fine.
    """
    n = len(vectors)
    sample = (
        vectors
        if n <= parameters.calibration_images
        else vectors[np.sort(rng.choice(n, parameters.calibration_images, replace=False))]
    )
    cosines = (sample @ sample.T)[np.triu_indices(len(sample), 1)]
    middle = float(np.median(cosines))
    below = cosines[cosines < middle]
    spread = (float(np.sqrt(np.mean((below - middle) ** 2))) if len(below) else 0.0) + 1e-6
    if parameters.strangers is not None and middle > parameters.strangers[0] + _FAR * parameters.strangers[1]:
        middle, spread = parameters.strangers  # half of all pairs and more are of one class: there is no bulk to fit
    contrast = (float(np.median(nearest)) - middle) / spread
    z = float(np.clip(contrast - parameters.veto_z_offset, parameters.veto_z_least, parameters.veto_z_most)) + dial
    micro = _OUT_OF_REACH  # nothing fits: every image is its own
    if n > parameters.young:
        micro = min(middle + parameters.micro_z * spread, float(np.median(ranked)))  # real neighbours always fit
    if n > parameters.mature:  # also where classes are far apart: micro-clusters are the lists that a search reads
        micro = max(micro, float(np.median(last)))
    return Calibration(
        middle=middle,
        spread=spread,
        contrast=contrast,
        veto=middle + z * spread,
        # who wants fine categories wants large homogeneous classes cut where their links say
        waiver=_OUT_OF_REACH if dial > 0 else middle + max(parameters.waiver_z, z) * spread,
        micro=micro,
    )
