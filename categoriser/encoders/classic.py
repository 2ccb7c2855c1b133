"""``classic``: no weights. Colour, gradient orientation and texture, so that the first minute needs no download.

The picture is stretched to 64 × 64 and described by three blocks, each of length 1 and then weighted:

- **shape**, 6 × 6 cells × 9 unsigned gradient orientations with linear votes (histograms of oriented gradients, Dalal
  and Triggs 2005), square-rooted (Hellinger distance, Arandjelović and Zisserman 2012). Most of what all pictures
  share, a little of every orientation everywhere, is taken off: without that all cosines lie between .8 and 1 and
  unlike pictures hardly differ from like ones;
- **colour**, 3 × 3 cells × (8 hues and 3 shades of grey), square-rooted. A pixel counts for its hue as far as it has
  one; grey pictures share the grey bins, so that their shape decides;
- **texture**, the 10 rotation-invariant uniform local binary patterns (Ojala et al. 2002), square-rooted.

Sizes and weights were chosen on handwritten digits, product photos and object photos together; neighbouring values
give the same groups. It knows nothing about meaning: two dogs before different grounds are strangers to it.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from categoriser.domain import FloatMatrix, FloatVector
from categoriser.encoders.base import PictureEncoder, unit_rows

SIDE: Final = 64  # pixels
CELLS: Final = 6
ORIENTATIONS: Final = 9
COLOUR_CELLS: Final = 3
HUES: Final = 8
GREYS: Final = 3
PATTERNS: Final = 10
SHAPE_WEIGHT, COLOUR_WEIGHT, TEXTURE_WEIGHT = 0.7, 0.2, 0.1

SMOOTHING: Final = 1.5  # pixels; the blocks of enlarged tiny pictures and JPEG noise are no edges
SHARED: Final = 0.7  # part of the mean over the shape block that is taken off
FAINTEST: Final = 1.0  # gradient energy of a cell below which a picture counts as flat, in grey levels
CHROMA_FROM, CHROMA_RANGE = 6.0, 30.0  # Lab chroma where a pixel starts to have a hue, and the way to a full one
PATTERN_CONTRAST: Final = 3  # grey levels; a smaller difference is noise

Plane = npt.NDArray[np.float32]


class ClassicEncoder(PictureEncoder):
    """Groups by look without any weights; about a millisecond a picture on one core."""

    id = "classic-1"
    dimension = CELLS**2 * ORIENTATIONS + COLOUR_CELLS**2 * (HUES + GREYS) + PATTERNS
    image_side = SIDE
    device = "cpu"
    reads_text = False
    summary = "groups by look (colour, shape, texture), not by meaning"

    def prepare(self, image: Image.Image) -> npt.NDArray[np.uint8]:
        """One picture → uint8 [64, 64, 3]; stretched, so that nothing at the borders is lost."""
        picture = image if image.mode == "RGB" else image.convert("RGB")
        return np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC))

    def encode_prepared(self, batch: npt.NDArray[np.generic]) -> FloatMatrix:
        """Uint8 [n, 64, 64, 3] → unit vectors [n, dimension]."""
        vectors = np.empty((len(batch), self.dimension), np.float32)
        # one picture after the other: 64 × 64 planes stay in the processor's cache, a whole batch of them does not
        for row, pixels in enumerate(batch.astype(np.uint8, copy=False)):
            vectors[row] = _describe(pixels)
        return unit_rows(vectors, "classic")


def _describe(pixels: npt.NDArray[np.uint8]) -> FloatVector:
    """Uint8 [64, 64, 3] → the weighted blocks [dimension]."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    return np.concatenate(
        [
            _shape(grey) * np.sqrt(SHAPE_WEIGHT),
            _colour(pixels) * np.sqrt(COLOUR_WEIGHT),
            _texture(grey) * np.sqrt(TEXTURE_WEIGHT),
        ]
    ).astype(np.float32)


def _shape(grey: npt.NDArray[np.uint8]) -> FloatVector:
    smooth = cv2.GaussianBlur(grey.astype(np.float32), (0, 0), SMOOTHING)
    across = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, ksize=3)
    down = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, ksize=3)
    strength, angle = cv2.cartToPolar(across, down)
    position = np.mod(angle, np.pi) * np.float32(ORIENTATIONS / np.pi)
    planes = np.zeros((ORIENTATIONS, SIDE * SIDE), np.float32)
    _vote_round(planes, position, strength)
    energy = _pool(planes, SHAPE_POOLING)
    histogram = np.sqrt(energy)
    histogram -= SHARED * histogram.mean()
    # a flat picture has no shape: its block fades to zero instead of blowing up noise to full length
    floor = FAINTEST * np.sqrt(histogram.size)
    shape: FloatVector = histogram / np.hypot(np.linalg.norm(histogram), floor)
    return shape


def _colour(pixels: npt.NDArray[np.uint8]) -> FloatVector:
    lab = cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
    lightness, green_red, blue_yellow = lab[..., 0], lab[..., 1], lab[..., 2]
    chroma, angle = cv2.cartToPolar(np.ascontiguousarray(green_red), np.ascontiguousarray(blue_yellow))
    coloured = np.clip((chroma - CHROMA_FROM) / CHROMA_RANGE, 0, 1)
    planes = np.zeros((HUES + GREYS, SIDE * SIDE), np.float32)
    _vote_round(planes[:HUES], angle * np.float32(HUES / (2 * np.pi)), coloured)
    shade = np.clip(lightness * np.float32((GREYS - 1) / 100), 0, GREYS - 1).ravel()
    grey = (1 - coloured).ravel()
    for level in range(GREYS):
        planes[HUES + level] = grey * np.maximum(0, 1 - np.abs(shade - level))
    return _unit(np.sqrt(_pool(planes, COLOUR_POOLING)))


def _texture(grey: npt.NDArray[np.uint8]) -> FloatVector:
    centre = grey[1:-1, 1:-1].astype(np.int16) + PATTERN_CONTRAST
    inner = SIDE - 2
    code = np.zeros((inner, inner), np.uint8)
    for bit, (top, left) in enumerate(RING):
        code |= (grey[top : top + inner, left : left + inner] >= centre).astype(np.uint8) << np.uint8(bit)
    counts = np.bincount(PATTERN_OF_CODE[code].ravel(), minlength=PATTERNS)
    return _unit(np.sqrt(counts.astype(np.float32)))


def _vote_round(planes: Plane, position: Plane, weight: Plane) -> None:
    """Share each pixel's ``weight`` between the two bins beside ``position`` in [0, bins]; they form a ring."""
    bins = len(planes)
    lower = position.astype(np.int32)
    share = (position - lower).ravel() * weight.ravel()
    pixels = np.arange(planes.shape[1])
    planes[lower.ravel() % bins, pixels] = weight.ravel() - share
    planes[(lower.ravel() + 1) % bins, pixels] = share


def _pool(planes: Plane, weights: Plane) -> FloatVector:
    """Planes [bins, 64·64] → sums over overlapping cells, flat [bins · cells²], never negative."""
    rows = np.matmul(planes.reshape(-1, SIDE), weights).reshape(len(planes), SIDE, -1)
    cells: FloatVector = np.maximum(np.matmul(weights.T, rows), 0).ravel()
    return cells


def _pooling(cells: int) -> Plane:
    """[64, cells]: how much a row or column of pixels counts for each cell; linear between the cells' centres."""
    position = (np.arange(SIDE) + 0.5) / SIDE * cells - 0.5
    weights: Plane = np.maximum(0, 1 - np.abs(position[:, None] - np.arange(cells))).astype(np.float32)
    return weights


def _pattern_table() -> npt.NDArray[np.int64]:
    """Code of eight neighbours → number of bright ones if they are in one piece, else 9."""
    bits = np.arange(256)[:, None] >> np.arange(8) & 1
    changes = (bits != np.roll(bits, 1, axis=1)).sum(axis=1)
    return np.where(changes <= 2, bits.sum(axis=1), PATTERNS - 1)


def _unit(block: FloatVector) -> FloatVector:
    """Colour and texture count every pixel once, so their length is never zero."""
    return block / np.linalg.norm(block)


RING: Final = ((0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0))
PATTERN_OF_CODE: Final = _pattern_table()
SHAPE_POOLING: Final = _pooling(CELLS)
COLOUR_POOLING: Final = _pooling(COLOUR_CELLS)
