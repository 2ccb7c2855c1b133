"""What a store refuses: Qdrant itself takes NaN and zero vectors, and nobody finds those again."""

from __future__ import annotations

import numpy as np

from categoriser.domain import FloatMatrix, FloatVector, Points
from categoriser.errors import ConfigurationError, InvalidVectorError

TOLERANCE = 1e-3  # of the length; float16 vectors and sums in another order stay well inside


def require_collection(collection: str) -> None:
    """Raise ConfigurationError unless ``collection`` names one: an unnamed one would be everybody's."""
    if not collection:
        raise ConfigurationError("A vector store call needs the name of a collection; it was empty.")


def require_page(limit: int, offset: int) -> None:
    """Raise ConfigurationError if ``limit`` or ``offset`` is negative."""
    if limit < 0 or offset < 0:
        raise ConfigurationError(f"limit and offset count results and cannot be negative: {limit}, {offset}.")


def checked_vectors(points: Points, dimension: int) -> FloatMatrix:
    """Return the vectors of ``points`` as one contiguous float32 matrix [n, dimension].

    Raises:
        InvalidVectorError: see ``VectorStore.put``; names the first image at fault.
    """
    ids = points.image_ids
    vectors = np.ascontiguousarray(points.vectors, dtype=np.float32)
    if not len(ids):
        return np.empty((0, dimension), dtype=np.float32)
    parts = {"vectors": len(vectors), "micro-cluster ids": len(points.micro_ids), "times": len(points.added_at)}
    for what, length in parts.items():
        if length != len(ids):
            first = ids[min(length, len(ids) - 1)]
            raise InvalidVectorError(f"Image {first!r}: the batch has {len(ids)} image ids but {length} {what}.")
    if vectors.ndim != 2 or vectors.shape[1] != dimension:
        raise InvalidVectorError(
            f"Image {ids[0]!r}: the vectors have shape {vectors.shape}, and this store holds dimension {dimension}."
        )
    lengths = _lengths(vectors)
    wrong = np.flatnonzero(~(np.abs(lengths - 1.0) <= TOLERANCE))  # NaN compares false, hence the negation
    if wrong.size:
        raise InvalidVectorError(f"Image {ids[wrong[0]]!r}: {_fault(float(lengths[wrong[0]]))}")
    timeless = np.flatnonzero(~np.isfinite(np.asarray(points.added_at, dtype=np.float64)))
    if timeless.size:
        raise InvalidVectorError(f"Image {ids[timeless[0]]!r}: its time is not a finite number of seconds.")
    return vectors


def checked_query(vector: FloatVector, dimension: int) -> FloatVector:
    """Return a query vector as contiguous float32 [dimension], or raise InvalidVectorError."""
    query = np.ascontiguousarray(vector, dtype=np.float32)
    if query.shape != (dimension,):
        raise InvalidVectorError(f"Query: the vector has shape {query.shape}, and this store holds ({dimension},).")
    length = float(_lengths(query[None])[0])
    if not abs(length - 1.0) <= TOLERANCE:
        raise InvalidVectorError(f"Query: {_fault(length)}")
    return query


def _lengths(vectors: FloatMatrix) -> FloatVector:
    with np.errstate(over="ignore", invalid="ignore"):  # a huge or infinite value is reported below, not warned of
        lengths: FloatVector = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    return lengths


def _fault(length: float) -> str:
    if not np.isfinite(length):
        return "the vector holds NaN, an infinity or a value too large."
    if length == 0.0:
        return "the vector is zero and has no direction."
    return f"the vector has length {length:.6g}; divide it by its length first."
