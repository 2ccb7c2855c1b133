"""Encoders: pictures and texts → unit vectors. One small file per family behind one Protocol, one explicit registry."""

from categoriser.encoders.base import Encoder
from categoriser.encoders.registry import REGISTRY, EncoderDescription, open_encoder
from categoriser.encoders.vectors import takes_ready_vectors, takes_texts

__all__ = ["REGISTRY", "Encoder", "EncoderDescription", "open_encoder", "takes_ready_vectors", "takes_texts"]
