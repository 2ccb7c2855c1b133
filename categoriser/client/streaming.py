"""Server-sent events as they are read line by line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from categoriser.api.models.log import EventInfo
from categoriser.client.description import given


@dataclass(slots=True)
class Following:
    """The place in a log that is followed: ``last`` is the cursor behind which the next connection goes on."""

    path: str
    view: str | None = None
    types: Sequence[str] = ()
    last: int | None = None
    _data: str = ""

    def query(self) -> dict[str, Any]:
        """What to ask with."""
        return given(after=self.last, types=list(self.types) or None, view=self.view)

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
