"""Texts as a vision model writes them under a criterion, for tests."""

from __future__ import annotations

import random

KINDS = {  # the special word stands beside the general one more often than alone
    "horse": ("horse", "brown horse", "horse, specifically a pony,", "horse, specifically a pony,", "pony"),
    "ship": ("large ship", "cargo ship", "ship, specifically a freighter,", "ship, possibly a freighter,", "freighter"),
    "dog": ("small dog", "pair of dogs", "dog, specifically a terrier,", "dog, likely a terrier,", "terrier"),
    "car": ("red car", "sports car", "car, specifically a convertible,", "car, a convertible,", "convertible"),
}
_SCENES = ("standing in a field", "in front of a wall", "near a fence, with a tree in the background", "on a road")
_STARTS = ("The object in the image is a", "The image features a")


def described(number: int, *, seed: int = 0) -> tuple[list[str], list[str]]:
    """So many descriptions, and what each is of."""
    rng = random.Random(seed)
    kinds = [rng.choice(list(KINDS)) for _ in range(number)]
    texts = [f"{rng.choice(_STARTS)} {rng.choice(KINDS[kind])} {rng.choice(_SCENES)}." for kind in kinds]
    return texts, kinds
