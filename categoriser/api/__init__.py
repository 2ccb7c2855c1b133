"""The HTTP face of a library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from categoriser.api.app import create_app

__all__ = ["create_app"]


def __getattr__(name: str) -> Any:
    # on demand: the client and most commands need the models of the interface, and not the service
    if name == "create_app":
        from categoriser.api.app import create_app  # noqa: PLC0415

        return create_app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
