"""A BLIP model with random weights, small enough to be made in a test."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any


def save_tiny_blip(place: Path, words: Sequence[str], model: Any) -> Path:
    """Write a model of that class of transformers, with a processor that knows these words, into a folder."""
    from transformers import BertTokenizer, BlipConfig, BlipImageProcessor, BlipProcessor

    (place / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    tokenizer = BertTokenizer(vocab=str(place / "vocab.txt"))
    size = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 37}
    text = size | {"vocab_size": len(words), "encoder_hidden_size": 32, "bos_token_id": 5, "eos_token_id": 3}
    text |= {"sep_token_id": 3, "pad_token_id": 0, "max_position_embeddings": 64, "projection_dim": 16}
    vision = size | {"image_size": 32, "patch_size": 16, "projection_dim": 16}
    config = BlipConfig(text_config=text, vision_config=vision, projection_dim=16)
    model(config).save_pretrained(place)
    BlipProcessor(BlipImageProcessor(size={"height": 32, "width": 32}), tokenizer).save_pretrained(place)
    return place
