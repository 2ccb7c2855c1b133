"""The DINOv2 family: pictures only."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from categoriser.encoders.preparation import read_preparation
from categoriser.encoders.runtime import Runtime
from categoriser.encoders.tower import TowerEncoder, load_model

SUMMARY: Final = "groups by visible subject, its parts and its pose; it has never seen words and cannot search by them"


def open_dino(folder: Path, runtime: Runtime, *, id: str) -> TowerEncoder:  # noqa: A002
    """Load a transformers DINOv2 folder: config.json, weights, preprocessor_config.json.

    Raises:
        ConfigurationError: a part of the folder is missing.
    """
    from transformers import AutoModel  # noqa: PLC0415

    model = load_model(AutoModel, folder, runtime)

    def image_features(pixels: Any) -> Any:
        return model(pixel_values=pixels).pooler_output  # the class token after the last norm

    return TowerEncoder(
        id=id,
        summary=SUMMARY,
        dimension=int(model.config.hidden_size),
        preparation=read_preparation(folder),
        runtime=runtime,
        image_features=image_features,
    )
