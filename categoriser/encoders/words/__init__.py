"""Vectors of texts from the words of the texts themselves: no weights, no download, a label for every text."""

from categoriser.encoders.words.learning import learn
from categoriser.encoders.words.lexicon import DIMENSION, Lexicon

__all__ = ["DIMENSION", "Lexicon", "learn"]
