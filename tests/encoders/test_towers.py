"""The torch families, each on a small randomly initialised model that the test writes to disk."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch", reason="torch is not installed: pip install -e '.[clip]'")

from categoriser.encoders import Encoder, open_encoder
from categoriser.encoders.clip import open_clip
from categoriser.encoders.dino import open_dino
from categoriser.encoders.runtime import Runtime, choose_runtime
from categoriser.encoders.siglip import open_siglip
from categoriser.errors import ConfigurationError, MissingWeightsError

FAMILIES = ["clip", "siglip", "dino", "sentence-clip", "multilingual"]
DIMENSIONS = {"clip": 48, "siglip": 64, "dino": 64, "sentence-clip": 48, "multilingual": 48}
READS_TEXT = {"clip", "siglip", "sentence-clip", "multilingual"}

Make = Callable[[str], Path]


@pytest.fixture(scope="module", params=FAMILIES)
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def encoder(family: str, make_folder: Make) -> Encoder:
    return open_encoder(f"path:{make_folder(family)}", device="cpu")


def tolerance(encoder: Encoder) -> float:
    """How far a vector may lie from that of the same input in another batch: some processors multiply in bfloat16."""
    return 2e-2 if "bf16" in encoder.device else 1e-4


def test_pictures_become_unit_vectors_of_the_families_dimension(
    family: str, encoder: Encoder, pictures: list[Image.Image]
) -> None:
    vectors = encoder.encode_images(pictures)
    assert encoder.dimension == DIMENSIONS[family]
    assert vectors.shape == (len(pictures), DIMENSIONS[family])
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert encoder.image_side == 32
    assert encoder.device.startswith("cpu")
    assert encoder.summary


def test_a_picture_has_the_same_vector_alone_and_in_a_batch(encoder: Encoder, pictures: list[Image.Image]) -> None:
    together = encoder.encode_images(pictures)  # more than one chunk
    alone = np.concatenate([encoder.encode_images([picture]) for picture in pictures])
    assert np.abs(together - alone).max() < tolerance(encoder)


def test_no_pictures_give_no_vectors(encoder: Encoder) -> None:
    assert encoder.encode_images([]).shape == (0, encoder.dimension)


def test_texts_live_in_the_space_of_the_pictures(family: str, encoder: Encoder) -> None:
    vectors = encoder.encode_texts(["a photo of a cat", "dog", "the sea " * 40])
    assert encoder.reads_text == (family in READS_TEXT)
    if vectors is None:
        assert not encoder.reads_text
        return
    assert vectors.shape == (3, encoder.dimension)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert not np.allclose(vectors[0], vectors[1], atol=1e-3)
    alone = encoder.encode_texts(["dog"])
    assert alone is not None
    assert np.abs(vectors[1] - alone[0]).max() < tolerance(encoder), "padding must not change a text's vector"
    empty = encoder.encode_texts([])
    assert empty is not None
    assert empty.shape == (0, encoder.dimension)


def test_prepare_is_thread_safe_and_small(encoder: Encoder, pictures: list[Image.Image]) -> None:
    one_by_one = [encoder.prepare(picture) for picture in pictures]
    with ThreadPoolExecutor(8) as pool:
        at_once = list(pool.map(encoder.prepare, pictures))
    assert all(np.array_equal(a, b) for a, b in zip(one_by_one, at_once, strict=True))
    assert {array.shape for array in at_once} == {(32, 32, 3)}
    assert {array.dtype for array in at_once} == {np.dtype(np.uint8)}


def test_bf16_keeps_the_vectors(family: str, make_folder: Make, pictures: list[Image.Image]) -> None:
    opener = {"clip": open_clip, "siglip": open_siglip, "dino": open_dino}.get(family)
    if opener is None:
        pytest.skip("loads the same image network as clip")
    full, half = (
        opener(make_folder(family), Runtime("cpu", bf16=bf16), id="test").encode_images(pictures)
        for bf16 in (False, True)
    )
    assert not np.array_equal(full, half)
    assert (full * half).sum(axis=1).min() > 0.999


def test_the_image_vectors_are_those_of_transformers_itself(make_folder: Make, pictures: list[Image.Image]) -> None:
    import torch
    from transformers import CLIPImageProcessor, CLIPModel

    folder = make_folder("clip")
    pixels = CLIPImageProcessor.from_pretrained(folder)(pictures, return_tensors="pt")["pixel_values"]
    with torch.inference_mode():
        rows = CLIPModel.from_pretrained(folder).get_image_features(pixel_values=pixels).pooler_output.numpy()
    reference = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    ours = open_clip(folder, Runtime("cpu", bf16=False), id="test").encode_images(pictures)
    assert (reference * ours).sum(axis=1).min() > 0.9999


def test_the_id_follows_the_content_not_the_place(make_folder: Make, tmp_path: Path) -> None:
    original = open_encoder(f"path:{make_folder('dino')}").id
    moved = tmp_path / "elsewhere"
    shutil.copytree(make_folder("dino"), moved)
    assert open_encoder(f"path:{moved}").id == original
    weights = bytearray((moved / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (moved / "model.safetensors").write_bytes(weights)
    assert open_encoder(f"path:{moved}").id != original


def test_a_copy_without_tokenizer_still_reads_pictures(make_folder: Make, tmp_path: Path) -> None:
    folder = tmp_path / "clip"
    shutil.copytree(make_folder("clip"), folder, ignore=shutil.ignore_patterns("tokenizer*"))
    encoder = open_encoder(f"path:{folder}")
    assert not encoder.reads_text
    assert encoder.encode_texts(["dog"]) is None


def test_incomplete_weights_are_refused_instead_of_filled_with_random_numbers(
    make_folder: Make, tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "clip"
    shutil.copytree(make_folder("clip"), folder)
    tensors = load_file(folder / "model.safetensors")
    del tensors["visual_projection.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ConfigurationError, match=r"incomplete.*visual_projection"):
        open_encoder(f"path:{folder}")


def test_damaged_weights_are_refused_with_the_folder_named(make_folder: Make, tmp_path: Path) -> None:
    folder = tmp_path / "clip"
    shutil.copytree(make_folder("clip"), folder)
    (folder / "model.safetensors").write_bytes(b"nothing of use")
    with pytest.raises(ConfigurationError, match=str(folder)):
        open_encoder(f"path:{folder}")


def test_missing_preprocessing_is_named(make_folder: Make, tmp_path: Path) -> None:
    folder = tmp_path / "dino"
    shutil.copytree(make_folder("dino"), folder)
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(ConfigurationError, match=r"preprocessor_config\.json"):
        open_encoder(f"path:{folder}")


def test_a_known_name_is_not_taken_for_another_model(make_folder: Make, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="another model"):
        open_encoder("dinov2-base", weights=make_folder("dino"))
    with pytest.raises(MissingWeightsError, match="needs two models"):
        open_encoder("clip-b32-multilingual", weights=make_folder("clip"))


def test_weights_are_found_by_the_names_of_the_hub(make_folder: Make, tmp_path: Path) -> None:
    from transformers import Dinov2Config, Dinov2Model

    folder = tmp_path / "facebook/dinov2-base"
    config = Dinov2Config(num_hidden_layers=1, num_attention_heads=4, mlp_ratio=1, image_size=28, patch_size=14)
    Dinov2Model(config).save_pretrained(folder)
    shutil.copy(make_folder("dino") / "preprocessor_config.json", folder)
    encoder = open_encoder("dinov2-base", weights=tmp_path, offline=True)
    assert (encoder.id, encoder.dimension) == ("dinov2-base", 768)


def test_devices_that_are_not_there_are_refused() -> None:
    for device in ("cuda:99", "gpu", "cuda:x"):
        with pytest.raises(ConfigurationError, match=device):
            choose_runtime(device)
    assert choose_runtime("cpu").device == "cpu"


def test_on_cuda_the_vectors_are_those_of_the_processor(make_folder: Make, pictures: list[Image.Image]) -> None:
    import torch

    if not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    for family in FAMILIES:
        on_gpu = open_encoder(f"path:{make_folder(family)}", device="cuda")
        on_cpu = open_encoder(f"path:{make_folder(family)}", device="cpu")
        assert on_gpu.device.startswith("cuda:0")
        assert (on_gpu.encode_images(pictures) * on_cpu.encode_images(pictures)).sum(axis=1).min() > 0.999
