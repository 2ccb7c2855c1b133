"""The known encoders, and the one function that opens any."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from categoriser.encoders.base import Encoder
from categoriser.encoders.classic import ClassicEncoder
from categoriser.encoders.clip import open_clip
from categoriser.encoders.dino import open_dino
from categoriser.encoders.folders import ModelFolder, WeightFamily, read_model_folder
from categoriser.encoders.hub import find_model
from categoriser.encoders.onnx import OnnxEncoder
from categoriser.encoders.runtime import Runtime, choose_runtime, require_torch
from categoriser.encoders.siglip import open_siglip
from categoriser.encoders.texts import TEXT_KINDS, open_text_encoder
from categoriser.encoders.vectors import BroughtVectors
from categoriser.errors import CategoriserError, ConfigurationError, MissingWeightsError


@dataclass(frozen=True, slots=True)
class EncoderDescription:
    """What is known about an encoder before anything is loaded. ``size_mb``: download, all towers, rounded."""

    name: str
    family: WeightFamily | Literal["classic"]
    hub_name: str | None
    revision: str
    dimension: int
    licence: str
    size_mb: int
    reads_text: bool
    note: str
    text_hub_name: str | None = None  # texts come from another model in the same space


# revision "main": these models' commit hashes could not be looked up where this was written; a repository that changes
# its weights under the same name would go unnoticed, so pin the hashes when they are known
REGISTRY: Final = (
    EncoderDescription(
        name="laion-clip-b32",
        family="clip",
        hub_name="laion/CLIP-ViT-B-32-laion2B-s34B-b79K",
        revision="main",
        dimension=512,
        licence="MIT",
        size_mb=605,
        reads_text=True,
        note="the default: fast, knows most everyday subjects, English texts",
    ),
    EncoderDescription(
        name="clip-b32-multilingual",
        family="clip",
        hub_name="sentence-transformers/clip-ViT-B-32",
        text_hub_name="sentence-transformers/clip-ViT-B-32-multilingual-v1",
        revision="main",
        dimension=512,
        licence="Apache-2.0 (texts), MIT (OpenAI's pictures)",
        size_mb=1150,
        reads_text=True,
        note="texts in more than 50 languages",
    ),
    EncoderDescription(
        name="siglip2-base",
        family="siglip",
        hub_name="google/siglip2-base-patch16-224",
        revision="main",
        dimension=768,
        licence="Apache-2.0",
        size_mb=1500,
        reads_text=True,
        note="finer than CLIP B/32, many languages, about four times slower",
    ),
    EncoderDescription(
        name="clip-l14",
        family="clip",
        hub_name="openai/clip-vit-large-patch14",
        revision="main",
        dimension=768,
        licence="MIT",
        size_mb=1710,
        reads_text=True,
        note="OpenAI's large CLIP; for a GPU",
    ),
    EncoderDescription(
        name="dinov2-base",
        family="dino",
        hub_name="facebook/dinov2-base",
        revision="main",
        dimension=768,
        licence="Apache-2.0",
        size_mb=346,
        reads_text=False,
        note="pictures only; tells look-alike subjects apart best, has no words",
    ),
    EncoderDescription(
        name="classic",
        family="classic",
        hub_name=None,
        revision="1",
        dimension=ClassicEncoder.dimension,
        licence="Apache-2.0",
        size_mb=0,
        reads_text=False,
        note="no weights: groups by look (colour, shape, texture), not by meaning",
    ),
)


def open_encoder(
    spec: str,
    *,
    device: str | None = None,
    weights: Path | None = None,
    offline: bool = False,
    threads: int = 0,
) -> Encoder:
    """Open an encoder.

    Args:
        spec: a name of ``REGISTRY``, ``path:FOLDER``, ``onnx:FILE``, ``vectors:DIM``, or for texts ``words`` or
            ``sentence:MODEL``.
        device: ``cpu``, ``cuda``, ``cuda:N``, ``mps``; None takes the best there is.
        weights: look for a registry model's weights here and nowhere else.
        offline: never ask a model hub.
        threads: processor threads of one call; 0 leaves it to the library that computes.

    Raises:
        ConfigurationError: the spec makes no sense, or a file does not fit it.
        MissingWeightsError: the weights are not to be had.
        MissingExtraError: an optional dependency is not installed.
    """
    kind, _, rest = spec.partition(":")
    if kind in TEXT_KINDS:
        return open_text_encoder(spec, device=device, offline=offline)
    match kind, rest:
        case "path", folder if folder:
            require_torch()
            model = read_model_folder(Path(folder).expanduser())
            return _open_model(model, choose_runtime(device, threads), f"path:{model.family}-{model.content_hash}")
        case "onnx", file if file:
            return OnnxEncoder(Path(file).expanduser(), device=device, threads=threads)
        case "vectors", dimension if dimension.isdecimal():
            return BroughtVectors(int(dimension))
        case "classic", "":
            return ClassicEncoder()
    described = next((description for description in REGISTRY if description.name == spec), None)
    if described is None:
        known = ", ".join(description.name for description in REGISTRY)
        raise ConfigurationError(
            f"Unknown encoder {spec!r}. Known are {known}, and path:FOLDER, onnx:FILE, vectors:DIM."
        )
    # weights before torch: its import takes seconds, and a missing file should be told at once
    require_torch()
    model = _find(described, weights, offline=offline)
    encoder = _open_model(model, choose_runtime(device, threads), described.name)
    if encoder.dimension != described.dimension:
        raise ConfigurationError(
            f"{model.folder} gives vectors of {encoder.dimension} numbers, {described.name} has {described.dimension}: "
            f"that is another model; open it as path:{model.folder}."
        )
    if encoder.reads_text != described.reads_text:  # what an interrupted download leaves behind
        raise ConfigurationError(
            f"{model.folder} has no tokenizer, so {described.name} could not search by words: fetch the model again "
            f"(hf download {described.hub_name}), or open it for pictures only as path:{model.folder}."
        )
    return encoder


def _find(described: EncoderDescription, weights: Path | None, *, offline: bool) -> ModelFolder:
    names = [name for name in (described.hub_name, described.text_hub_name) if name is not None]
    folders = [find_model(name, described.revision, weights=weights, offline=offline) for name in names]
    image = read_model_folder(folders[0])
    if len(folders) == 1:
        return image
    if folders[0] == folders[1]:
        raise MissingWeightsError(
            f"{described.name} needs two models, {folders[0]} is only one: give the folder that holds "
            f"{' and '.join(name.partition('/')[2] for name in names)}."
        )
    return ModelFolder(image.family, image.folder, folders[1])


def _open_model(model: ModelFolder, runtime: Runtime, id: str) -> Encoder:  # noqa: A002
    try:
        match model.family:
            case "clip":
                return open_clip(model.folder, runtime, id=id, text_folder=model.text_folder)
            case "siglip":
                return open_siglip(model.folder, runtime, id=id)
            case "dino":
                return open_dino(model.folder, runtime, id=id)
    except CategoriserError:
        raise
    except Exception as error:  # what damaged files raise has no common base class
        raise ConfigurationError(
            f"{model.folder} cannot be opened as {model.family} model; copy it again. The reason: {error}"
        ) from error
