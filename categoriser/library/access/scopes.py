"""What a key may do: everything, or read or write one collection or all whose names begin alike.

Rights are decided by a collection's name alone, before anything is looked up: so a refusal is the same whether or not
the collection exists, and tells nothing about it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from categoriser.catalog.collections import Visible
from categoriser.errors import ConfigurationError

Right: TypeAlias = Literal["admin", "read", "write"]

_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Scope:
    """One right. ``name``: a collection, or what its name begins with; empty for ``admin``.

    As text: ``admin``, ``read:anna``, ``write:user-*``, ``read:*``. A star or backslash that belongs to the name is
    written with a backslash before it.
    """

    right: Right
    name: str = ""
    prefix: bool = False

    @classmethod
    def parse(cls, text: str) -> Scope:
        r"""Read a scope.

        >>> Scope.parse("write:user-*")
        Scope(right='write', name='user-', prefix=True)
        >>> Scope.parse(r"read:50\*")
        Scope(right='read', name='50*', prefix=False)

        Raises:
            ConfigurationError: it is none.
        """
        if text == "admin":
            return cls("admin")
        right, mark, rest = text.partition(":")
        name, prefix = _unescaped(rest)
        if not mark or right not in {"read", "write"} or not (name or prefix) or len(text) > _LONGEST:
            raise _no_scope(text)
        return cls("read" if right == "read" else "write", name, prefix)

    def __str__(self) -> str:
        if self.right == "admin":
            return "admin"
        escaped = self.name.replace("\\", "\\\\").replace("*", "\\*")
        return f"{self.right}:{escaped}{'*' if self.prefix else ''}"

    def allows(self, right: Right, collection: str | None) -> bool:
        """Whether this right is enough; whoever may write may read, and an admin may everything."""
        if self.right == "admin":
            return True
        if right == "admin" or collection is None or (right == "write" and self.right == "read"):
            return False
        return collection.startswith(self.name) if self.prefix else collection == self.name

    def covers(self, other: Scope) -> bool:
        """Whether all that the other allows is allowed by this one."""
        if self.right == "admin" or other.right == "admin":
            return self.right == "admin"
        if other.prefix and not self.prefix:
            return False
        return self.allows(other.right, other.name)


def parse_scopes(texts: Sequence[str]) -> tuple[Scope, ...]:
    """The scopes of a key, each once.

    Raises:
        ConfigurationError: there is none, or one of them is no scope.
    """
    found = tuple(dict.fromkeys(Scope.parse(text) for text in texts))
    if not found:
        raise ConfigurationError("A key needs a scope: admin, read:COLLECTION or write:COLLECTION.")
    return found


def allowed(scopes: Sequence[Scope], right: Right, collection: str | None) -> bool:
    """Whether any of the scopes is enough."""
    return any(scope.allows(right, collection) for scope in scopes)


def visible(scopes: Sequence[Scope]) -> Visible | None:
    """What of a list of collections may be shown; None: all."""
    if any(scope.right == "admin" for scope in scopes):
        return None
    return Visible(
        names=tuple(scope.name for scope in scopes if not scope.prefix),
        prefixes=tuple(scope.name for scope in scopes if scope.prefix),
    )


def _unescaped(text: str) -> tuple[str, bool]:
    name, at = "", 0
    while at < len(text):
        letter = text[at]
        if letter == "\\" and text[at + 1 : at + 2] in {"\\", "*"}:
            name, at = name + text[at + 1], at + 2
        elif letter == "*" and at == len(text) - 1:
            return name, True
        elif letter in {"*", "\\"}:
            raise _no_scope(text)
        else:
            name, at = name + letter, at + 1
    return name, False


def _no_scope(text: str) -> ConfigurationError:
    return ConfigurationError(
        f"{text[:80]!r} is no scope: use admin, read:COLLECTION or write:COLLECTION; a star at the end stands for all "
        "names that begin so, and one that belongs to the name needs a backslash before it."
    )
