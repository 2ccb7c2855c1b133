"""Which encoder a spec opens, and what is said when it cannot be opened."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from categoriser.encoders import REGISTRY, open_encoder, runtime
from categoriser.errors import ConfigurationError, MissingExtraError, MissingWeightsError


def test_names_and_descriptions_are_complete() -> None:
    names = [description.name for description in REGISTRY]
    assert len(set(names)) == len(names)
    assert {"laion-clip-b32", "clip-b32-multilingual", "siglip2-base", "clip-l14", "dinov2-base", "classic"} == {*names}
    assert all(description.licence and description.note and description.dimension > 0 for description in REGISTRY)


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match=r"'clip-b33'.*laion-clip-b32.*classic"):
        open_encoder("clip-b33")


@pytest.mark.parametrize("spec", ["path:", "onnx:", "vectors:", "vectors:many", "classic:2", ""])
def test_half_a_spec_is_no_spec(spec: str) -> None:
    with pytest.raises(ConfigurationError):
        open_encoder(spec)


def test_ready_vectors_have_a_dimension_and_nothing_else() -> None:
    encoder = open_encoder("vectors:1280")
    assert (encoder.dimension, encoder.id, encoder.reads_text) == (1280, "vectors:1280", False)
    with pytest.raises(ConfigurationError, match="bring vectors"):
        encoder.encode_images([Image.new("RGB", (4, 4))])
    with pytest.raises(ConfigurationError, match="bring vectors"):
        encoder.encode_texts(["a dog"])
    with pytest.raises(ConfigurationError, match="bring vectors"):
        encoder.encode_prepared(np.zeros((1, 2)))
    with pytest.raises(ConfigurationError, match="at least 1"):
        open_encoder("vectors:0")


def test_missing_weights_are_reported_at_once_with_the_ways_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("torch", reason="torch is not installed: pip install -e '.[clip]'")
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    # 192.0.2.0/24 is reserved for documentation: nobody answers there
    silent = "http://192.0.2.1"
    monkeypatch.setattr(constants, "ENDPOINT", silent)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", silent + "/{repo_id}/resolve/{revision}/{filename}")
    start = time.monotonic()
    with pytest.raises(MissingWeightsError, match=r"laion/CLIP.*path:FOLDER.*hf download.*classic"):
        open_encoder("laion-clip-b32")
    assert time.monotonic() - start < 10
    with pytest.raises(MissingWeightsError, match="switched off"):
        open_encoder("laion-clip-b32", offline=True)
    with pytest.raises(MissingWeightsError, match=f"looked in {tmp_path}"):
        open_encoder("laion-clip-b32", weights=tmp_path)


def test_a_missing_extra_names_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(MissingExtraError, match=r"pip install -e '\.\[clip\]'"):
        open_encoder("laion-clip-b32")


def test_a_path_that_is_no_model_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="torch is not installed: pip install -e '.[clip]'")
    with pytest.raises(MissingWeightsError, match="There is no folder"):
        open_encoder(f"path:{tmp_path / 'nowhere'}")
    with pytest.raises(ConfigurationError, match="no model folder"):
        open_encoder(f"path:{tmp_path}")
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ConfigurationError, match=r"'bert'.*onnx:FILE"):
        open_encoder(f"path:{tmp_path}")
    (tmp_path / "config.json").write_text('{"model_type": "clip"}')
    with pytest.raises(MissingWeightsError, match="has no weights"):
        open_encoder(f"path:{tmp_path}")


def test_importing_the_encoders_does_not_import_torch() -> None:
    code = "import sys, categoriser.encoders; print({'torch', 'transformers'} & {*sys.modules})"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"
