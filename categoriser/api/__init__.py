"""The HTTP face of a library."""

from categoriser.api.app import create_app

__all__ = ["create_app"]
