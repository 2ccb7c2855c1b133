"""Answers about pictures by BLIP for questions (Li et al. 2022), on this machine: a criterion is put as a question."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from categoriser.errors import ConfigurationError, NamingError
from categoriser.naming.blip import opened, require_blip

HUB_NAME: Final = "Salesforce/blip-vqa-base"  # BSD-3-Clause, about 1.5 GB
_TOKENS: Final = 12
_NOT: Final = re.compile(r"[\s,;]*\b(?:but not|not|without|ignor\w*|except|regardless)\b.*", re.IGNORECASE | re.DOTALL)
_ASKS: Final = re.compile(r"(?:what|where|who|when|which|how|why|is|are|does|do)\b", re.IGNORECASE)
_DETERMINED: Final = re.compile(r"(?:a|an|the|his|her|their|its|some|no|yes|\d.*)\b", re.IGNORECASE)
_UNCERTAIN: Final = frozenset({"", "none", "unknown", "nothing", "not sure", "unsure", "n/a", "can't tell", "no"})


def question_of(criterion: str) -> str:
    """The question that a criterion asks: what it excludes is left out, since the model hears every word of it."""
    wanted = _NOT.sub("", " ".join(criterion.split())).strip(" ?.")
    wanted = wanted or " ".join(criterion.split()).strip(" ?.")
    return f"{wanted}?" if _ASKS.match(wanted) else f"what is the {wanted} in the picture?"


def sentence_of(criterion: str, answer: str) -> str:
    """The answer as a description that names its criterion, as those of other describers do; or "uncertain"."""
    answer = " ".join(answer.split()).strip(" .")
    if answer.casefold() in _UNCERTAIN:
        return "uncertain"
    wanted = _NOT.sub("", " ".join(criterion.split())).strip(" ?.")
    if not wanted or _ASKS.match(wanted):
        return f"{wanted}: {answer}.".lstrip(": ")
    article = "" if _DETERMINED.match(answer) else "an " if answer[0].casefold() in "aeiou" else "a "
    return f"The {wanted} in the picture is {article}{answer}."


class BlipAnswers:
    """A describer that asks about one picture at a time and costs time only; loaded when first asked."""

    cost = 0.0

    def __init__(self, folder: Path, name: str | None = None) -> None:
        """Of a model in a folder.

        Raises:
            MissingExtraError: torch or transformers is not installed.
        """
        require_blip()
        self.name = f"blip-vqa:{name or folder.name}"
        self._folder = folder
        self._loaded: tuple[Any, Any] | None = None

    def describe(self, image: bytes, criterion: str) -> str:
        """A sentence about a picture; a broken one is uncertain.

        Raises:
            NamingError: the model cannot be opened.
        """
        import torch  # noqa: PLC0415

        processor, model = self._load()
        with torch.inference_mode():
            asked = processor(images=opened(image), text=question_of(criterion), return_tensors="pt")
            tokens = model.generate(**asked, max_new_tokens=_TOKENS)
        return sentence_of(criterion, str(processor.decode(tokens[0], skip_special_tokens=True)))

    def _load(self) -> tuple[Any, Any]:
        if self._loaded is None:
            from transformers import BlipForQuestionAnswering, BlipProcessor  # noqa: PLC0415

            try:
                processor = BlipProcessor.from_pretrained(self._folder, local_files_only=True)
                model, report = BlipForQuestionAnswering.from_pretrained(
                    self._folder, local_files_only=True, output_loading_info=True
                )
            except (OSError, ValueError) as error:
                first = str(error).splitlines()[0] if str(error) else type(error).__name__
                raise NamingError(f"BLIP for questions cannot be opened from {self._folder}: {first}") from None
            if report["missing_keys"]:  # transformers would fill them with random numbers and only warn
                raise ConfigurationError(
                    f"The weights in {self._folder} are incomplete, or not those of {HUB_NAME}; copy it again."
                )
            self._loaded = processor, model.eval().requires_grad_(requires_grad=False)
        return self._loaded
