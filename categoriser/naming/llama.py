"""A language model on this machine: any GGUF file, by llama.cpp."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from categoriser.errors import MissingExtraError, MissingWeightsError, NamingError
from categoriser.naming.llm import ANSWER_TOKENS, TOKENS

_HUB_PATIENCE: Final = 4.0  # seconds that the hub has to answer at all


def require_llama() -> None:
    """Check for the optional dependency without loading it.

    Raises:
        MissingExtraError: it is not installed.
    """
    if importlib.util.find_spec("llama_cpp") is None:
        raise MissingExtraError(
            "Names by a GGUF model need llama-cpp-python, which is not installed: pip install -e '.[llm]', or name an "
            "endpoint."
        )


def find_gguf(spec: str, *, offline: bool = False) -> Path:
    """The file of a model.

    Args:
        spec: a path, or owner/repository/file.gguf on the Hugging Face hub, fetched once with a progress bar.
        offline: never ask the hub.

    Raises:
        MissingWeightsError: it is not to be had; the sentence says where was looked.
        MissingExtraError: the hub's client is not installed.
    """
    path = Path(spec).expanduser()
    if path.is_file():
        return path
    owner, _, rest = spec.partition("/")
    repository, _, file = rest.partition("/")
    if spec.startswith(("/", "~", ".")) or not (owner and repository and file.endswith(".gguf")):
        raise MissingWeightsError(
            f"There is no language model {spec}: give the path of a .gguf file, or owner/repository/file.gguf."
        )
    if importlib.util.find_spec("huggingface_hub") is None:
        raise MissingExtraError(
            "Fetching a model by name needs huggingface-hub, which is not installed: pip install -e '.[llm]', or give "
            "the path of a .gguf file."
        )
    from huggingface_hub import hf_hub_download  # noqa: PLC0415

    offline = offline or os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}
    try:
        return Path(
            hf_hub_download(f"{owner}/{repository}", file, local_files_only=offline, etag_timeout=_HUB_PATIENCE)
        )
    except Exception as error:  # hub, network and disk errors have no common base class
        reason = "asking the hub is switched off" if offline else str(error).splitlines()[0] or type(error).__name__
        raise MissingWeightsError(
            f"The language model {spec} is neither in the Hugging Face cache nor to be had from the hub ({reason}); "
            "copy the .gguf file here and give its path."
        ) from None


class Llama:
    """A GGUF model; loaded when first asked, since it may take seconds and gigabytes."""

    def __init__(self, path: Path, *, seed: int = 0) -> None:
        """Of a file."""
        self.id = f"gguf:{path.stem}"
        self._path = path
        self._seed = seed
        self._loaded: Any = None
        self._grammars: dict[str, Any] = {}

    def complete(self, prompt: str, schema: Mapping[str, Any], tokens: int = ANSWER_TOKENS) -> str:
        """The answer; the grammar lets nothing pass that is not after the schema."""
        model = self._load()
        try:
            answer = model.create_chat_completion(
                [{"role": "user", "content": prompt}],
                grammar=self._grammar(schema),
                max_tokens=tokens,
                temperature=0.0,
            )
            text = answer["choices"][0]["message"]["content"]
        except (ValueError, RuntimeError, KeyError, TypeError) as error:
            raise NamingError(f"The language model {self._path.name} failed: {error}.") from None
        return str(text or "")

    def tokens(self, prompt: str) -> int:
        """As the model counts, with room for its chat template."""
        return len(self._load().tokenize(prompt.encode(), add_bos=True)) + 40

    def _grammar(self, schema: Mapping[str, Any]) -> Any:
        from llama_cpp import LlamaGrammar  # noqa: PLC0415

        text = json.dumps(schema)
        if text not in self._grammars:
            self._grammars[text] = LlamaGrammar.from_json_schema(text, verbose=False)
        return self._grammars[text]

    def _load(self) -> Any:
        if self._loaded is None:
            from llama_cpp import Llama as Model  # noqa: PLC0415

            try:
                self._loaded = Model(str(self._path), n_ctx=TOKENS, seed=self._seed, verbose=False)
            except (ValueError, RuntimeError, OSError) as error:
                raise NamingError(f"The language model {self._path} cannot be opened: {error}.") from None
        return self._loaded
