"""Texts as a vision model writes them under a criterion, for tests."""

from __future__ import annotations

import random

KINDS = {
    "horse": ("horse", "horse, specifically a pony,", "brown horse"),
    "ship": ("large ship", "ship, specifically a freighter,", "cargo ship"),
    "dog": ("small dog", "dog, specifically a terrier,", "pair of dogs"),
    "car": ("red car", "car, specifically a convertible,", "sports car"),
}
_SCENES = ("standing in a field", "in front of a wall", "near a fence, with a tree in the background", "on a road")
_STARTS = ("The object in the image is a", "The image features a")


def described(number: int, *, seed: int = 0) -> tuple[list[str], list[str]]:
    """So many descriptions, and what each is of."""
    rng = random.Random(seed)
    kinds = [rng.choice(list(KINDS)) for _ in range(number)]
    texts = [f"{rng.choice(_STARTS)} {rng.choice(KINDS[kind])} {rng.choice(_SCENES)}." for kind in kinds]
    return texts, kinds
