"""The SigLIP and SigLIP 2 family with pictures of one fixed size."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from categoriser.encoders.preparation import read_preparation
from categoriser.encoders.runtime import Runtime
from categoriser.encoders.tower import MEANING, MEANING_AND_WORDS, TextFeatures, TowerEncoder, load_model

TOKENIZER_FILES: Final = ("tokenizer.json", "spiece.model", "tokenizer.model")


def open_siglip(folder: Path, runtime: Runtime, *, id: str) -> TowerEncoder:  # noqa: A002
    """Load a transformers SigLIP folder: config.json, weights, preprocessor_config.json and, for texts, a tokenizer.

    Raises:
        ConfigurationError: a part of the folder is missing.
    """
    from transformers import SiglipModel  # noqa: PLC0415

    model = load_model(SiglipModel, folder, runtime)

    def image_features(pixels: Any) -> Any:
        return model.vision_model(pixel_values=pixels).pooler_output

    has_tokenizer = any((folder / name).is_file() for name in TOKENIZER_FILES)
    return TowerEncoder(
        id=id,
        summary=MEANING_AND_WORDS if has_tokenizer else MEANING,
        dimension=int(model.config.vision_config.hidden_size),
        preparation=read_preparation(folder),
        runtime=runtime,
        image_features=image_features,
        text_features=_text_features(model, folder, runtime) if has_tokenizer else None,
    )


def _text_features(model: Any, folder: Path, runtime: Runtime) -> TextFeatures:
    from transformers import AutoTokenizer  # noqa: PLC0415

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    length = int(model.config.text_config.max_position_embeddings)

    def features(texts: Sequence[str]) -> Any:
        # trained on lower-case texts, always padded to the full length and without an attention mask
        lower = [text.lower() for text in texts]
        tokens = tokenizer(lower, padding="max_length", truncation=True, max_length=length, return_tensors="pt")
        return model.text_model(input_ids=tokens["input_ids"].to(runtime.device)).pooler_output

    return features
