"""Pictures, and small randomly initialised models written to disk as their real families write them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SHARED = Path(__file__).parents[2] / "../shared"

PREPROCESSING = """{
  "do_center_crop": %s, "crop_size": {"height": 32, "width": 32}, "do_resize": true, "size": %s, "resample": 3,
  "do_rescale": true, "rescale_factor": 0.00392156862745098, "do_normalize": true,
  "image_mean": [0.48, 0.46, 0.41], "image_std": [0.27, 0.26, 0.28]
}"""
CROPPED = PREPROCESSING % ("true", '{"shortest_edge": 32}')
STRETCHED = PREPROCESSING % ("false", '{"height": 32, "width": 32}')

WORDS = ["a", "photo", "of", "cat", "dog", "red", "blue", "the", "one", "two", "sea", "house", "tree"]


@pytest.fixture(scope="session")
def pictures() -> list[Image.Image]:
    """Forty smooth random pictures of many shapes."""
    random = np.random.default_rng(0)
    found = []
    for _ in range(40):
        coarse = random.integers(0, 256, (5, 4, 3), dtype=np.uint8)
        size = (int(random.integers(40, 120)), int(random.integers(40, 120)))
        found.append(Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC))
    return found


@pytest.fixture
def shared() -> Path:
    """The folder with real pictures and models, where there is one."""
    if not SHARED.is_dir():
        pytest.skip("../shared with real pictures and weights is not here")
    return SHARED.resolve()


def write_word_tokenizer(folder: Path, length: int) -> int:
    """A real fast tokenizer that knows a dozen words; returns the size of its vocabulary."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: i for i, word in enumerate(["<pad>", "<unk>", "<start>", "<end>", *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<start> $A <end>", special_tokens=[("<start>", 2), ("<end>", 3)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        unk_token="<unk>",
        bos_token="<start>",
        eos_token="<end>",
        model_max_length=length,
    ).save_pretrained(folder)
    return len(vocabulary)


@pytest.fixture(scope="session")
def make_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Write the model family called for into a folder of its own, once per session."""
    pytest.importorskip("torch", reason="torch is not installed: pip install -e '.[clip]'")
    written: dict[str, Path] = {}
    writers = {
        "clip": _write_clip,
        "siglip": _write_siglip,
        "dino": _write_dino,
        "sentence-clip": _write_sentence_clip,
        "multilingual": _write_multilingual,
    }

    def make(family: str) -> Path:
        if family not in written:
            import torch

            torch.manual_seed(0)
            written[family] = tmp_path_factory.mktemp(family)
            writers[family](written[family])
        return written[family]

    return make


TOWER = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}


def _write_clip(folder: Path) -> None:
    from transformers import CLIPConfig, CLIPModel

    vocabulary = write_word_tokenizer(folder, length=16)
    config = CLIPConfig(
        text_config={
            **TOWER,
            "vocab_size": vocabulary,
            "max_position_embeddings": 16,
            "pad_token_id": 0,
            "bos_token_id": 2,
            "eos_token_id": 3,
        },
        vision_config={**TOWER, "image_size": 32, "patch_size": 8},
        projection_dim=48,
    )
    CLIPModel(config).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(CROPPED)


def _write_siglip(folder: Path) -> None:
    from transformers import SiglipConfig, SiglipModel

    vocabulary = write_word_tokenizer(folder, length=16)
    text = {
        **TOWER,
        "vocab_size": vocabulary,
        "max_position_embeddings": 16,
        "pad_token_id": 0,
        "bos_token_id": 2,
        "eos_token_id": 3,
    }
    config = SiglipConfig(text_config=text, vision_config={**TOWER, "image_size": 32, "patch_size": 8})
    SiglipModel(config).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(STRETCHED)


def _write_dino(folder: Path) -> None:
    from transformers import Dinov2Config, Dinov2Model

    config = Dinov2Config(
        hidden_size=64, num_hidden_layers=2, num_attention_heads=4, mlp_ratio=2, image_size=32, patch_size=8
    )
    Dinov2Model(config).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(CROPPED)


def _write_sentence_clip(folder: Path) -> None:
    """The layout of sentence-transformers/clip-ViT-B-32: the CLIP model is a module in a folder of its own."""
    (folder / "0_CLIPModel").mkdir()
    _write_clip(folder / "0_CLIPModel")
    (folder / "modules.json").write_text(
        '[{"idx": 0, "name": "0", "path": "0_CLIPModel", "type": "sentence_transformers.models.CLIPModel"}]'
    )


def _write_multilingual(folder: Path) -> None:
    """Pictures by CLIP, texts by transformer → mean → dense, as sentence-transformers/clip-ViT-B-32-multilingual-v1."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Dense, Pooling, Transformer
    from transformers import DistilBertConfig, DistilBertModel

    image = folder / "image"
    image.mkdir()
    _write_sentence_clip(image)
    plain = folder / "plain"
    vocabulary = write_word_tokenizer(plain, length=16)
    config = DistilBertConfig(vocab_size=vocabulary, dim=32, hidden_dim=64, n_layers=1, n_heads=2, pad_token_id=0)
    DistilBertModel(config).save_pretrained(plain)
    words = Transformer(str(plain), max_seq_length=16)
    SentenceTransformer(modules=[words, Pooling(32), Dense(32, 48, bias=False)], device="cpu").save(
        str(folder / "text"), create_model_card=False
    )
