"""``python -m categoriser.api.description FILE``: the description of the interface, for clients that are generated."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from categoriser.api.app import create_app
from categoriser.library import Library


def describe(target: Path) -> None:
    """Write the OpenAPI document of the service."""
    with tempfile.TemporaryDirectory() as folder, Library.open(folder, encoder="classic") as library:
        document = create_app(library).openapi()
    target.write_text(json.dumps(document, indent=1, sort_keys=True), encoding="utf-8")


if __name__ == "__main__":
    describe(Path(sys.argv[1]))
