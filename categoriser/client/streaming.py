"""Server-sent events as they are read line by line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from categoriser.api.models.log import EventInfo
from categoriser.client.description import below


@dataclass(slots=True)
class Following:
    """The place in a log that is followed: ``last`` is the cursor behind which the next connection goes on."""

    collection: str
    types: Sequence[str] = ()
    last: int | None = None
    _data: str = ""

    @property
    def path(self) -> str:
        """Where the stream is."""
        return below(self.collection, "events", "live")

    def query(self) -> dict[str, Any]:
        """What to ask with."""
        asked: dict[str, Any] = {} if self.last is None else {"after": self.last}
        return asked | ({"types": list(self.types)} if self.types else {})

    def feed(self, line: str) -> EventInfo | None:
        """Take a line; an event once it is complete."""
        name, _, value = line.partition(": ")
        if name == "data":
            self._data = value
        elif name == "id" and value.isdecimal():
            self.last = int(value)
        elif not line and self._data:
            data, self._data = self._data, ""
            return EventInfo.model_validate_json(data)
        return None
