"""Encoders of texts alone; a model of sentence-transformers is made on the spot, its weights are random."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from categoriser import ConfigurationError, Library, MissingWeightsError
from categoriser.encoders import open_encoder
from tests.descriptions import described


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model that gives every word a random vector."""
    pytest.importorskip("sentence_transformers")
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    words = sorted({word.strip(".,") for text in described(300)[0] for word in text.split()})
    tokenizer = Tokenizer(WordLevel({"?": 0} | {word: i + 1 for i, word in enumerate(words)}, unk_token="?"))
    tokenizer.pre_tokenizer = Whitespace()
    weights = np.random.default_rng(0).normal(size=(len(words) + 1, 32)).astype(np.float32)
    folder = tmp_path_factory.mktemp("model")
    SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_weights=weights)], device="cpu").save(str(folder))
    return folder


def test_any_model_of_sentence_transformers_is_a_text_encoder(model: Path, tmp_path: Path) -> None:
    spec = f"sentence:{model}"
    with Library.open(tmp_path / "library", encoder="classic") as library:
        texts = library.text_collection("texts", encoder=spec, criterion="object")
        sentences, _ = described(60)
        texts.add_texts({f"i{i}": text for i, text in enumerate(sentences)})
        texts.run()
        assert texts.row.dimension == 32
        found = texts.search(text=sentences[0], limit=1)
        assert found[0].score == pytest.approx(1, abs=1e-4)
        assert [one.number for one in texts.categories() if one.named_by != "machine"] == []
    with Library.open(tmp_path / "library", encoder="classic") as library:
        assert len(library.collection("texts").search(text=sentences[0])) == 10


def test_a_model_that_is_not_there_is_told_in_a_sentence(tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers")
    with pytest.raises(MissingWeightsError, match="words"):
        open_encoder(f"sentence:{tmp_path / 'nothing'}", offline=True)


def test_text_encoders_take_no_pictures_and_unknown_ones_are_refused() -> None:
    encoder = open_encoder("words")
    with pytest.raises(ConfigurationError, match="no pictures"):
        encoder.encode_images([Image.new("RGB", (8, 8))])
    for spec in ("sentence:", "words:more"):
        with pytest.raises(ConfigurationError):
            open_encoder(spec)
