"""A ready table: words with vectors, for encoders that read no text themselves.

A JSON file describes it; names of files are relative to it, and ``file.npz:name`` is one array of several::

    {
      "encoder": "onnx:…",              identity of the encoder that the table belongs to; leave out for any
      "source": "where it is from",
      "terms": "vocab.json",            a list of words, or of {"name": …, "synonyms": […]}, or the name of such a file
      "texts": "text_vectors.npy",      [words, t], one row per word
      "bridge": {                       only where pictures and words have different spaces
        "classes": "classes.npz:W",     [classes, d]: logits = scale · x · Wᵀ + bias for a picture's unit vector x
        "bias": "classes.npz:b",
        "terms": "class_to_term.npy",   [classes], place of each class among the words, -1 for none
        "scale": 26.0,                  usual length of a picture's vector before it was scaled to 1
        "top": 10
      }
    }

With a bridge a picture is where its likeliest classes are: Σ p(c) · text(c) over the ``top`` classes (ConSE, Norouzi et
al. 2014). That is a stand-in for a real joint space: good for tests, and modest at everything that is no class.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from categoriser.domain import FloatMatrix, FloatVector
from categoriser.errors import ConfigurationError
from categoriser.naming.vocabulary import Term, Vocabulary


@dataclass(frozen=True, slots=True)
class Bridge:
    """From a picture's vector to the words of its likeliest classes."""

    classes: FloatMatrix  # [classes, d]
    bias: FloatVector
    terms: npt.NDArray[np.int64]
    scale: float
    top: int

    def cross(self, vectors: FloatMatrix, texts: FloatMatrix) -> FloatMatrix:
        """Unit vectors of pictures [n, d] → [n, t]."""
        logits = vectors @ (self.scale * self.classes.T) + self.bias
        logits -= logits.max(axis=1, keepdims=True)
        whole = np.exp(logits).sum(axis=1, keepdims=True)
        logits[:, self.terms < 0] = -np.inf
        top = min(self.top, logits.shape[1])
        best = np.argpartition(-logits, top - 1, axis=1)[:, :top]
        likely = np.exp(np.take_along_axis(logits, best, axis=1)) / whole
        answer: FloatMatrix = np.einsum("nt,ntd->nd", likely, texts[self.terms[best]]).astype(np.float32)
        return answer


class TableSpace:
    """A ``JointSpace`` from a table; words that are not in it are unknown."""

    def __init__(
        self,
        terms: Sequence[Term],
        texts: FloatMatrix,
        *,
        id: str,  # noqa: A002 - the name the Protocol gives it
        bridge: Bridge | None = None,
    ) -> None:
        self.id = id
        self.vocabulary = Vocabulary(terms, id)
        # the mean is what all words share; without it they differ more
        centred = texts - texts.mean(axis=0)
        self._texts: FloatMatrix = centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-12)
        self._bridge = bridge
        self.linear = bridge is None
        self.dimension = texts.shape[1] if bridge is None else bridge.classes.shape[1]

    def images(self, vectors: FloatMatrix) -> FloatMatrix:
        """Pictures as the words of their classes, or as they are without a bridge."""
        return vectors if self._bridge is None else self._bridge.cross(vectors, self._texts)

    def texts(self, texts: Sequence[str]) -> tuple[FloatMatrix, Sequence[bool]]:
        """The vector of a word, or the mean over the parts of "one & other"."""
        answer = np.zeros((len(texts), self._texts.shape[1]), np.float32)
        known = []
        for row, text in enumerate(texts):
            parts = [self.vocabulary.find(part) for part in text.replace(" and ", " & ").split(" & ")]
            places = [place for place in parts if place is not None]
            known.append(bool(places) and len(places) == len(parts))
            if known[-1]:
                answer[row] = self._texts[places].mean(axis=0)
        return answer, known


def read_table(path: Path, encoder_id: str | None = None, dimension: int | None = None) -> TableSpace:
    """Open a table.

    Args:
        path: the JSON file.
        encoder_id: of the collection; a table for another encoder is refused.
        dimension: of its vectors.

    Raises:
        ConfigurationError: a file is missing or makes no sense, or the table is for another encoder.
    """
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        wanted = told.get("encoder")
        terms = _terms(told["terms"], path.parent)
        texts = _array(told["texts"], path.parent).astype(np.float32)
        bridge = _bridge(told.get("bridge"), path.parent)
    except OSError as error:
        part = "" if error.filename is None or Path(error.filename) == path else f" ({error.filename})"
        raise ConfigurationError(f"The table {path} cannot be read: {error.strerror or error}{part}.") from None
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise ConfigurationError(f"The table {path} is no JSON, or what it lists as its words is none.") from None
    except KeyError as error:
        raise ConfigurationError(f"The table {path} lacks {error}.") from None
    except Exception as error:  # JSON, zip and array files fail in as many ways as there are
        raise ConfigurationError(f"The table {path} makes no sense: {type(error).__name__}: {error}.") from None
    if wanted and encoder_id is not None and wanted != encoder_id:
        raise ConfigurationError(f"The table {path} is for the encoder {wanted}, and this one is {encoder_id}.")
    if texts.ndim != 2 or len(texts) != len(terms):
        raise ConfigurationError(f"The table {path} has {len(terms)} words and vectors of shape {texts.shape}.")
    if bridge is not None and not _fits(bridge, len(terms)):
        raise ConfigurationError(f"The bridge of the table {path} does not fit itself or the {len(terms)} words.")
    space = TableSpace(terms, texts, id=f"table:{path.stem}-{_digest(texts)}", bridge=bridge)
    if dimension is not None and space.dimension != dimension:
        raise ConfigurationError(
            f"The table {path} is for vectors of {space.dimension} numbers, and this collection's have {dimension}."
        )
    return space


def _fits(bridge: Bridge, words: int) -> bool:
    classes = len(bridge.classes)
    shapes = bridge.classes.ndim == 2 and bridge.bias.shape == bridge.terms.shape == (classes,)
    return shapes and classes > 0 and bridge.top > 0 and bool((bridge.terms < words).all())


def _terms(told: Any, folder: Path) -> list[Term]:
    found = json.loads((folder / told).read_text(encoding="utf-8")) if isinstance(told, str) else told
    terms = []
    for one in found:
        if isinstance(one, str):
            terms.append(Term(one))
        else:
            synonyms = tuple(name for name in one.get("synonyms", ()) if name != one["name"])
            terms.append(Term(str(one["name"]), parent=one.get("parent"), synonyms=synonyms))
    return terms


def _bridge(told: Mapping[str, Any] | None, folder: Path) -> Bridge | None:
    if told is None:
        return None
    return Bridge(
        classes=_array(told["classes"], folder).astype(np.float32),
        bias=_array(told["bias"], folder).astype(np.float32),
        terms=_array(told["terms"], folder).astype(np.int64),
        scale=float(told.get("scale", 1.0)),
        top=int(told.get("top", 10)),
    )


def _array(name: str, folder: Path) -> npt.NDArray[Any]:
    file, _, part = name.partition(".npz:")
    loaded = np.load(folder / (f"{file}.npz" if part else name), allow_pickle=False)
    array: npt.NDArray[Any] = loaded[part] if part else loaded
    return array


def _digest(texts: FloatMatrix) -> str:
    return sha256(np.ascontiguousarray(texts).tobytes()).hexdigest()[:8]
