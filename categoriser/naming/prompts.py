"""Prompts are files: the first line says which version, the rest is text with ``$places`` to fill."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from string import Template

from categoriser.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Prompt:
    """``version``: the name of the file and what identifies its text."""

    version: str
    text: str

    def filled(self, **places: str) -> str:
        """The text with its places filled; lines whose only place is empty are left out."""
        lines = []
        for line in self.text.splitlines():
            if any(f"${name}" in line and not value for name, value in places.items()):
                continue
            lines.append(Template(line).safe_substitute(places))
        return "\n".join(lines).strip()


def read_prompt(path: Path) -> Prompt:
    """A prompt of a file. Lines that begin with # are for people.

    Raises:
        ConfigurationError: it cannot be read or is empty.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise ConfigurationError(f"The prompt {path} cannot be read: {reason}.") from None
    text = "\n".join(line for line in lines if not line.startswith("#")).strip()
    if not text:
        raise ConfigurationError(f"The prompt {path} is empty.")
    return Prompt(f"{path.stem}-{sha256(text.encode()).hexdigest()[:8]}", text)
