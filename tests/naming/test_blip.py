"""BLIP with a small randomly initialised model that the test saves itself: its words are noise, the way is real."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from categoriser.errors import MissingExtraError, NamingError
from categoriser.naming import blip
from categoriser.naming.blip import Blip
from tests.naming.conftest import flat
from tests.naming.tiny_blip import save_tiny_blip

with_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None or importlib.util.find_spec("transformers") is None,
    reason="torch or transformers is not installed",
)
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[DEC]", "[ENC]", "a", "dog", "cat", "on", "sofa"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import BlipForConditionalGeneration

    return save_tiny_blip(tmp_path_factory.mktemp("blip"), WORDS, BlipForConditionalGeneration)


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
