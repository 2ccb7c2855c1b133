"""Which pictures are the same picture sent again: resized, recompressed or re-saved.

A fingerprint has two parts that must both agree. The perceptual hash (pHash, a discrete cosine transform of the luma)
sees shape and survives resizing and recompression, but it is blind to colour: one lipstick in twenty shades has one
hash. So the mean colours of an 8 × 8 grid travel with it. The thresholds are measured on photographs, shop pictures of
60 × 80 pixels and hand-written digits: of 1.1 million pairs of the same class, the only ones accepted that are not
copies are a dozen pairs of one article in two shades that the eye cannot tell apart at that size. What they do not
cover: another crop, another brightness, the next picture of a burst.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

HASH_BYTES: Final = 32  # 256 bits
FINGERPRINT_BYTES: Final = HASH_BYTES + 8 * 8 * 3
NEAR_BITS: Final = 12  # of 256; resizing to a half costs 0-8, recompression at quality 40 costs 2-10
NEAR_COLOUR: Final = 10  # of 255, the worst cell; resizing costs 1-9, recompression at quality 40 costs 2-10
UNSTABLE_BITS: Final = 24  # pictures with content lose 0-12 to the noise below, flat ones and plain gradients 50-130

_SIDE: Final = 64
_GRID: Final = 8
_LOW: Final = 16  # frequencies per direction that make the hash
_NOISE: Final = np.random.default_rng(7).normal(0.0, 2.0, (_SIDE, _SIDE))  # grey levels: a mild recompression
_COSINES: Final = 2 * np.cos(np.pi / _SIDE * np.outer(np.arange(_LOW), np.arange(_SIDE) + 0.5))  # of a DCT-II
_NOISE_WAVES: Final = _COSINES @ _NOISE @ _COSINES.T
_MIDDLE: Final = _LOW * _LOW // 2
_BLANK: Final = bytes(HASH_BYTES)


def fingerprint(image: Image.Image) -> bytes:
    """Perceptual hash (32 bytes) and mean RGB of an 8 × 8 grid (192 bytes) of an RGB image.

    The hash of a picture without enough structure to tell it from another (blank, plain gradient) is all zero, which
    no other picture has: about half the bits of a hash are set by construction.
    """
    small = image.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC, reducing_gap=3.0)
    colours = small.reduce(_SIDE // _GRID).tobytes()
    waves = _COSINES @ np.asarray(small.convert("L"), np.float64) @ _COSINES.T
    bits = _hash(waves)
    stable = np.count_nonzero(bits != _hash(waves + _NOISE_WAVES)) <= UNSTABLE_BITS  # the transform is linear
    return (np.packbits(bits).tobytes() if stable else _BLANK) + colours


def hamming(a: bytes, b: bytes) -> int:
    """Number of different bits of the perceptual hashes of two fingerprints, 0 to 256."""
    return (int.from_bytes(_checked(a)[:HASH_BYTES]) ^ int.from_bytes(_checked(b)[:HASH_BYTES])).bit_count()


def colour_distance(a: bytes, b: bytes) -> int:
    """Largest difference of a mean colour between two fingerprints over all grid cells and channels, 0 to 255."""
    first, second = (np.frombuffer(_checked(one), np.uint8, offset=HASH_BYTES).astype(np.int16) for one in (a, b))
    return int(np.abs(first - second).max())


def near_duplicate(a: bytes, b: bytes) -> bool:
    """Whether two fingerprints come from the same picture; never so for pictures without structure."""
    if _BLANK in (a[:HASH_BYTES], b[:HASH_BYTES]):
        return False
    return hamming(a, b) <= NEAR_BITS and colour_distance(a, b) <= NEAR_COLOUR


def _hash(waves: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """pHash (Zauner 2010): which of the lowest frequencies are above their median, 256 bits."""
    values = waves.ravel()
    middle = np.partition(values, (_MIDDLE - 1, _MIDDLE))[_MIDDLE - 1 : _MIDDLE + 1]
    above: npt.NDArray[np.bool_] = values > middle.sum() / 2
    return above


def _checked(value: bytes) -> bytes:
    if len(value) != FINGERPRINT_BYTES:
        raise ValueError(f"a fingerprint has {FINGERPRINT_BYTES} bytes, not {len(value)}")
    return value
