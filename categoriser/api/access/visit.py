"""What is known about one request while it is answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from categoriser.api.access.rights import Need
from categoriser.errors import UnauthenticatedError
from categoriser.library.access import Principal


@dataclass(slots=True)
class Visit:
    """Who comes, and what came of it. Lives in the state of the request under ``visit``."""

    principal: Principal | None = None
    again: Callable[[], Awaitable[Principal | None]] | None = field(default=None, repr=False)  # who it would be now
    problem: UnauthenticatedError | None = None  # why there is none
    keys_needed: bool = True
    operation: str | None = None
    need: Need | None = None
    collection: str | None = None  # as the trail is to show it
    denied: str | None = None  # code of the error
