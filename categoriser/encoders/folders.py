"""Local model folders: which family a folder holds, and a hash of what it holds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

from categoriser.errors import ConfigurationError, MissingWeightsError

WeightFamily: TypeAlias = Literal["clip", "siglip", "dino"]

FAMILY_OF_TYPE: Final[dict[str, WeightFamily]] = {
    "clip": "clip",
    "siglip": "siglip",
    "dinov2": "dino",
    "dinov2_with_registers": "dino",
}
WEIGHTS: Final = ("*.safetensors", "*.bin")  # the first kind that is there counts
SPACE_FILES: Final = (
    "config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "tokenizer.json",
    "vocab.json",
)


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A transformers folder, and a sentence-transformers folder that reads texts for it, if there is one."""

    family: WeightFamily
    folder: Path
    text_folder: Path | None = None

    @property
    def content_hash(self) -> str:
        """8 hex digits of weights and settings; the same wherever the folder lies."""
        digest = hashlib.sha256()
        for root in (self.folder, self.text_folder):
            for file in _files_that_matter(root) if root else ():
                digest.update(file.name.encode())
                with file.open("rb") as stream:
                    digest.update(hashlib.file_digest(stream, "sha256").digest())
        return digest.hexdigest()[:8]


def read_model_folder(folder: Path) -> ModelFolder:
    """Find out what a folder holds.

    It may be a transformers folder, a sentence-transformers folder with a CLIP module, or hold two folders ``image``
    and ``text`` of which the second is a sentence-transformers folder with texts in the space of the first.

    Raises:
        MissingWeightsError: there is no such folder, or it has no weights.
        ConfigurationError: it holds something else.
    """
    if not folder.is_dir():
        raise MissingWeightsError(f'There is no folder {folder}: correct the path, or use encoder = "classic".')
    image, text = folder / "image", folder / "text"
    if image.is_dir() and text.is_dir():
        return ModelFolder("clip", _clip_folder(image), text)
    model = _clip_folder(folder) if (folder / "modules.json").is_file() else folder
    family = _family(model)
    if not has_weights(model):
        raise MissingWeightsError(
            f"{model} has no weights (model.safetensors or pytorch_model.bin): copy the whole model folder, "
            'or use encoder = "classic".'
        )
    return ModelFolder(family, model)


def has_weights(folder: Path) -> bool:
    """Whether weights lie in the folder or in a module's folder below it."""
    return any(file.is_file() for pattern in WEIGHTS for file in folder.rglob(pattern))


def _family(folder: Path) -> WeightFamily:
    config = folder / "config.json"
    if not config.is_file():
        raise ConfigurationError(
            f"{folder} is no model folder: there is neither a config.json nor a modules.json in it."
        )
    kind = json.loads(config.read_text(encoding="utf-8")).get("model_type")
    if kind not in FAMILY_OF_TYPE:
        raise ConfigurationError(
            f"{config} says model_type {kind!r}; this can be read: {', '.join(FAMILY_OF_TYPE)}. "
            "Export other image networks to ONNX and use onnx:FILE."
        )
    return FAMILY_OF_TYPE[kind]


def _clip_folder(folder: Path) -> Path:
    """The CLIP module of a sentence-transformers folder, or the folder itself if it is a transformers one."""
    modules = folder / "modules.json"
    if not modules.is_file():
        return folder
    for module in json.loads(modules.read_text(encoding="utf-8")):
        path = folder / str(module.get("path", ""))
        config = path / "config.json"
        if config.is_file() and json.loads(config.read_text(encoding="utf-8")).get("model_type") == "clip":
            return path
    raise ConfigurationError(f"{folder} is a sentence-transformers folder without a CLIP module: it reads no pictures.")


def _files_that_matter(root: Path) -> Iterable[Path]:
    for pattern in WEIGHTS:
        weights = sorted(root.rglob(pattern))
        if weights:
            yield from weights
            break
    for name in SPACE_FILES:
        yield from sorted(root.rglob(name))
