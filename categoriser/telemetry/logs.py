"""Log lines of the service: for people or as JSON, each with the id of its request, none with a secret."""

from __future__ import annotations

import copy
import json
import logging
import logging.config
import tomllib
from datetime import UTC, datetime
from typing import Any, Final

from categoriser.errors import ConfigurationError
from categoriser.settings import config_folder
from categoriser.settings_operations import OperationsSettings
from categoriser.telemetry import request_id
from categoriser.telemetry.secrets import without_secrets

FIELDS: Final = "fields"  # attribute of a record: further members of its JSON object


def configure_logging(settings: OperationsSettings) -> None:
    """Set up logging of this process after ``config/logging.toml``.

    Raises:
        ConfigurationError: that file is broken.
    """
    file = config_folder() / "logging.toml"
    try:
        wanted = tomllib.loads(file.read_text(encoding="utf-8"))
        for handler in wanted["handlers"].values():
            handler["formatter"] = settings.log_format
        wanted["root"]["level"] = settings.log_level.upper()
        logging.config.dictConfig(wanted)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(f"The file {file} cannot be used for logging: {error}.") from None


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, request_id, exception, and what the caller added."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": without_secrets(record.getMessage()),
        }
        if request := request_id.current.get():
            line["request_id"] = request
        line |= getattr(record, FIELDS, {})
        if record.exc_info:
            line["exception"] = without_secrets(self.formatException(record.exc_info))
        return json.dumps(line, default=str)


class TextLines(logging.Formatter):
    """Time, level, request, message; an exception in the lines below."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, or lines, of a record."""
        plain = copy.copy(record)  # other handlers want theirs
        # a name with a line break in it must not look like a line of its own
        plain.msg, plain.args = _in_one_line(record.getMessage()), None
        plain.exc_text = None
        request = request_id.current.get()
        told = super().format(plain)
        when = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        marked = f" [{request}]" if request else ""
        return without_secrets(f"{when} {record.levelname.lower():7}{marked} {told}")


def _in_one_line(message: str) -> str:
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in message)
