"""The CLIP family: OpenAI's, LAION's and their like, and CLIP pictures with a multilingual text tower."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from categoriser.encoders.preparation import read_preparation
from categoriser.encoders.runtime import Runtime
from categoriser.encoders.tower import MEANING, MEANING_AND_WORDS, TextFeatures, TowerEncoder, load_model
from categoriser.errors import ConfigurationError

TOKENIZER_FILES: Final = ("tokenizer.json", "vocab.json")


def open_clip(folder: Path, runtime: Runtime, *, id: str, text_folder: Path | None = None) -> TowerEncoder:  # noqa: A002
    """Load a transformers CLIP folder.

    Args:
        folder: config.json, weights, preprocessor_config.json and, for texts, a tokenizer.
        runtime: where and how to run.
        id: identity of the vector space.
        text_folder: a sentence-transformers folder whose texts live in the same space; None uses CLIP's own texts.

    Raises:
        ConfigurationError: a part of the folder is missing, or the two towers differ in dimension.
    """
    from transformers import CLIPModel  # noqa: PLC0415

    model = load_model(CLIPModel, folder, runtime)
    dimension = int(model.config.projection_dim)

    def image_features(pixels: Any) -> Any:
        return model.visual_projection(model.vision_model(pixel_values=pixels).pooler_output)

    texts: TextFeatures | None = None
    if text_folder is not None:
        texts = _sentence_features(text_folder, runtime, dimension)
    elif any((folder / name).is_file() for name in TOKENIZER_FILES):
        texts = _clip_features(model, folder, runtime)
    return TowerEncoder(
        id=id,
        summary=MEANING_AND_WORDS if texts else MEANING,
        dimension=dimension,
        preparation=read_preparation(folder),
        runtime=runtime,
        image_features=image_features,
        text_features=texts,
    )


def _clip_features(model: Any, folder: Path, runtime: Runtime) -> TextFeatures:
    from transformers import AutoTokenizer  # noqa: PLC0415

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    longest = int(model.config.text_config.max_position_embeddings)

    def features(texts: Sequence[str]) -> Any:
        tokens = tokenizer(list(texts), padding=True, truncation=True, max_length=longest, return_tensors="pt")
        tokens = tokens.to(runtime.device)
        state = model.text_model(input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"])
        return model.text_projection(state.pooler_output)

    return features


def _sentence_features(folder: Path, runtime: Runtime, dimension: int) -> TextFeatures:
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415

    model = SentenceTransformer(str(folder), device=runtime.device, local_files_only=True)

    def features(texts: Sequence[str]) -> Any:
        return model.encode(list(texts), convert_to_tensor=True, show_progress_bar=False, batch_size=len(texts))

    found = int(features(["a"]).shape[1])
    if found != dimension:
        raise ConfigurationError(
            f"The texts of {folder} have {found} dimensions, the pictures {dimension}: they do not belong together."
        )
    return features
