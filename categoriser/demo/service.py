"""The real service as a process of its own, on a free port of this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from categoriser.errors import CategoriserError, ConfigurationError, MissingExtraError, MissingWeightsError

_STOP_SECONDS: Final = 120
_ERRORS: Final[dict[str, type[CategoriserError]]] = {
    "missing_weights": MissingWeightsError,
    "missing_extra": MissingExtraError,
}
_NOT_FOR_THE_DEMO: Final = ("CATEGORISER_DATABASE", "CATEGORISER_LIBRARY")  # it must not touch anything but its own


@contextmanager
def running_service(library: Path, encoder: str | None, log: Path) -> Iterator[dict[str, Any]]:
    """Start the service and stop it at the end; gives what it says about itself.

    Raises:
        MissingWeightsError: the encoder's weights cannot be had.
        MissingExtraError: what the encoder needs is not installed.
        ConfigurationError: it did not start for another reason, or it did not stop.
    """
    command = [sys.executable, "-m", "categoriser", "serve", "--json", "--port", "0", "--library", str(library)]
    command += ["--encoder", encoder] if encoder else []
    environment = {name: value for name, value in os.environ.items() if name not in _NOT_FOR_THE_DEMO}
    with (
        log.open("wb") as messages,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=messages, env=environment) as process,  # noqa: S603
    ):
        try:
            yield _first_words(process, log)
        finally:
            _stop(process, log)


def _first_words(process: subprocess.Popen[bytes], log: Path) -> dict[str, Any]:
    line = process.stdout.readline() if process.stdout is not None else b""
    try:
        said: dict[str, Any] = json.loads(line)
    except ValueError:
        raise ConfigurationError(f"The service did not start; {log} says why.") from None
    if "error" in said:
        raise _ERRORS.get(said["error"]["code"], ConfigurationError)(said["error"]["message"])
    return said


def _stop(process: subprocess.Popen[bytes], log: Path) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise ConfigurationError(f"The service did not stop within {_STOP_SECONDS} s; {log} may say why.") from None
