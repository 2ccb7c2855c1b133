"""Vectors of texts from the words of the texts themselves: no weights, no download, a label for every text."""

from categoriser.encoders.words.lexicon import DIMENSION, Lexicon
from categoriser.encoders.words.learning import learn

__all__ = ["DIMENSION", "Lexicon", "learn"]
