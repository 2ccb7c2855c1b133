"""The engine's constants, in one place; a user only ever meets ``granularity``."""

from __future__ import annotations

from dataclasses import dataclass

from categoriser.domain import Granularity

DIAL: dict[Granularity, float] = {"broad": -0.5, "balanced": 0.0, "fine": 0.5}


@dataclass(frozen=True, slots=True)
class Parameters:
    """Measured on the sets of ``docs/engine.md``; z-values are in units of the bulk's spread σ."""

    neighbours: int = 15  # length of every image's neighbour list
    share: float = 0.10  # two groups join when the smaller sends this share of its links into the other
    modularity: float = 1.2  # γ: a large group has to attract in proportion to its size
    waived_share: float = 0.05  # the share that is enough when the groups are far more alike than random pairs
    veto_z_least: float = 0.5  # the veto floor rises with how far neighbours stand out of the bulk
    veto_z_most: float = 1.5
    veto_z_offset: float = 2.0
    waiver_z: float = 2.0
    likeness: float = 1.0  # power of the likeness of two groups, where neighbours stand far out of the bulk
    likeness_from: float = 3.0  # contrast from where likeness counts, fully from one more
    same: float = 0.7  # likeness from which two groups are one class where few links say so; not on a fine dial
    micro_z: float = 3.5
    micro_rank: int = 3  # cap of the micro-cluster threshold: median cosine to the neighbour of this rank
    young: int = 200  # up to here every image is its own micro-cluster
    mature: int = 1000  # from here splits need more evidence
    young_hysteresis: tuple[float, float] = (0.85, 0.15)  # factor on the shares, σ off the floors
    mature_hysteresis: tuple[float, float] = (0.7, 0.3)
    refine_gain: float = 1.5  # votes another category needs over the own before an image moves
    refine_passes: int = 2
    spawn_size: int = 3  # images that make a category
    tiny: int = 50  # below this collection size two images do
    piece_size: int = 5  # smaller pieces of a split are crumbs, not categories
    dirty_images: int = 3  # a category that grew by fewer images, or a smaller share, is not looked into again
    dirty_share: float = 0.05
    calibration_images: int = 1024  # all their pairs are the bulk
    strangers: tuple[float, float] | None = None  # mean cosine of unlike pairs and its σ, where the encoder tells
