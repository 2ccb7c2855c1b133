"""Who asks, and what that one may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from categoriser.catalog.collections import Visible
from categoriser.library.access.scopes import Right, Scope, allowed, visible

Kind: TypeAlias = Literal["local", "key", "token", "session"]


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody whose key or token was found valid, or a program of this machine while no keys are needed."""

    kind: Kind
    scopes: tuple[Scope, ...]
    key_id: str | None = None  # of a token: the key that it was made with
    label: str = ""
    generation: int = 0  # of the key's secret
    token_id: str | None = None
    expires_at: float | None = None  # seconds since the epoch
    per_second: float | None = None  # requests; None: as the settings say, 0: no limit

    def may(self, right: Right, collection: str | None = None) -> bool:
        """Whether this is allowed; decided by the collection's name alone."""
        return allowed(self.scopes, right, collection)

    @property
    def visible(self) -> Visible | None:
        """What of a list of collections may be shown; None: all."""
        return visible(self.scopes)


LOCAL: Final = Principal("local", (Scope("admin"),))
