"""BLIP with a small randomly initialised model that the test saves itself: its words are noise, the way is real."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from categoriser.errors import MissingExtraError, NamingError
from categoriser.naming import blip
from categoriser.naming.blip import Blip
from tests.naming.conftest import flat

with_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None or importlib.util.find_spec("transformers") is None,
    reason="torch or transformers is not installed",
)
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[DEC]", "[ENC]", "a", "dog", "cat", "on", "sofa"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import (
        BertTokenizer,
        BlipConfig,
        BlipForConditionalGeneration,
        BlipImageProcessor,
        BlipProcessor,
    )

    place = tmp_path_factory.mktemp("blip")
    (place / "vocab.txt").write_text("\n".join(WORDS), encoding="utf-8")
    tokenizer = BertTokenizer(vocab=str(place / "vocab.txt"))
    size = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 37}
    text = size | {"vocab_size": len(WORDS), "encoder_hidden_size": 32, "bos_token_id": 5, "eos_token_id": 3}
    text |= {"sep_token_id": 3, "pad_token_id": 0, "max_position_embeddings": 64, "projection_dim": 16}
    vision = size | {"image_size": 32, "patch_size": 16, "projection_dim": 16}
    config = BlipConfig(text_config=text, vision_config=vision, projection_dim=16)
    BlipForConditionalGeneration(config).save_pretrained(place)
    BlipProcessor(BlipImageProcessor(size={"height": 32, "width": 32}), tokenizer).save_pretrained(place)
    return place


@with_torch
def test_every_picture_gets_a_text_a_broken_one_too(folder: Path) -> None:
    captions = Blip(folder).describe([flat((1, 2, 3)), b"broken", flat((200, 0, 0))] * 4)
    assert len(captions) == 12
    assert all(isinstance(one, str) for one in captions)


@with_torch
def test_a_folder_without_a_model_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(NamingError, match="BLIP cannot be opened") as fault:
        Blip(tmp_path).describe([flat((1, 2, 3))])
    assert "\n" not in str(fault.value)


def test_a_missing_extra_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blip.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match="pip install"):
        blip.require_blip()
