"""Captions by BLIP (Li et al. 2022), on this machine."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from PIL import Image

from categoriser.errors import ConfigurationError, MissingExtraError, NamingError

HUB_NAME: Final = "Salesforce/blip-image-captioning-base"  # BSD-3-Clause, about 990 MB
_BATCH: Final = 8
_TOKENS: Final = 30


def require_blip() -> None:
    """Check for the optional dependencies without importing them.

    Raises:
        MissingExtraError: one is not installed.
    """
    for package in ("torch", "transformers"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError(
                f"Captions by BLIP need {package}, which is not installed: pip install -e '.[clip]', or name an "
                "endpoint."
            )


class Blip:
    """Loaded when first asked: most sessions find every caption kept."""

    def __init__(self, folder: Path, name: str | None = None) -> None:
        """Of a model in a folder."""
        self.id = f"blip:{name or folder.name}"
        self._folder = folder
        self._loaded: tuple[Any, Any] | None = None

    def describe(self, pictures: Sequence[bytes]) -> Sequence[str]:
        """One sentence each."""
        import torch  # noqa: PLC0415

        processor, model = self._load()
        captions: list[str] = []
        for low in range(0, len(pictures), _BATCH):
            images = [opened(one) for one in pictures[low : low + _BATCH]]
            with torch.inference_mode():
                tokens = model.generate(**processor(images=images, return_tensors="pt"), max_new_tokens=_TOKENS)
            captions += [text.strip() for text in processor.batch_decode(tokens, skip_special_tokens=True)]
        return captions

    def _load(self) -> tuple[Any, Any]:
        if self._loaded is None:
            from transformers import BlipForConditionalGeneration, BlipProcessor  # noqa: PLC0415

            try:
                processor = BlipProcessor.from_pretrained(self._folder, local_files_only=True)
                model, report = BlipForConditionalGeneration.from_pretrained(
                    self._folder, local_files_only=True, output_loading_info=True
                )
            except (OSError, ValueError) as error:
                first = str(error).splitlines()[0] if str(error) else type(error).__name__
                raise NamingError(f"BLIP cannot be opened from {self._folder}: {first}") from None
            if report["missing_keys"]:  # transformers would fill them with random numbers and only warn
                raise ConfigurationError(f"The weights of BLIP in {self._folder} are incomplete; copy the model again.")
            self._loaded = processor, model.eval().requires_grad_(requires_grad=False)
        return self._loaded


def opened(data: bytes) -> Image.Image:
    """A picture; a black one where the bytes are none."""
    try:
        with Image.open(io.BytesIO(data)) as picture:
            return picture.convert("RGB")
    except OSError:
        return Image.new("RGB", (32, 32))  # its thumbnail is broken; the others of its batch go on
