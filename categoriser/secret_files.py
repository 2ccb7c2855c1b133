"""Settings from files that environment variables name: ``CATEGORISER_DATABASE_FILE`` holds the setting ``database``.

That is how containers get secrets, which then stand neither in a configuration nor in an environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic_settings import EnvSettingsSource

from categoriser.errors import ConfigurationError

_ENDING = "_file"


class EnvironmentAndFiles(EnvSettingsSource):
    """Environment variables; one that ends in ``_FILE`` and is no setting itself names a file with the value."""

    def _load_env_vars(self) -> Mapping[str, str | None]:
        found = dict(super()._load_env_vars())
        for name in [name for name in found if name.lower().startswith(self.env_prefix.lower())]:
            plain = name[: -len(_ENDING)]
            whole = name[len(self.env_prefix) :].lower()
            if not name.lower().endswith(_ENDING) or whole in self.settings_cls.model_fields:
                continue
            file = found.pop(name)
            if file:
                found[plain] = _read(name.upper(), Path(file))
        return found


def _read(variable: str, file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ConfigurationError(f"{variable} names {file}, which cannot be read: {reason}.") from None
